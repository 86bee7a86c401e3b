import t from 'tap'
import { isolated, upright } from '../../src/messages/isolated.ts'

t.test('of the signs that turn round text only those stay that end what they begin', async t => {
  const cases: readonly (readonly [string, string])[] = [
    ['Ann', 'Ann'],
    ['A\u202enn\u202c', 'Ann'],
    ['\u2068Ann\u2069 \u2067Bo\u2069', '\u2068Ann\u2069 \u2067Bo\u2069'],
    ['Ann\u2067', 'Ann'],
    ['Ann\u2069', 'Ann'],
    ['A\u2069n\u2067n', 'Ann'],
  ]
  for (const [text, expected] of cases) t.equal(upright(text), expected, JSON.stringify(text))
})

t.test('text of the other direction stands apart, once, and an address of the web stays as it is', async t => {
  const cases: readonly (readonly [string, 'ltr' | 'rtl', string])[] = [
    ['Ann', 'ltr', 'Ann'],
    ['\u05d0', 'ltr', '\u2068\u05d0\u2069'],
    ['\u2068\u05d0\u2069', 'ltr', '\u2068\u05d0\u2069'],
    ['Ann', 'rtl', '\u2068Ann\u2069'],
    ['https://example.org/', 'rtl', 'https://example.org/'],
  ]
  for (const [text, within, expected] of cases) t.equal(isolated(text, within), expected, JSON.stringify(text))
})
