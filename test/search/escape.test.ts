import t from 'tap'
import { escaped, isEscapedWell, splitAt, unescapeText } from '../../src/search/escape.ts'

t.test('a text is cut at each separator without a backslash before it, and loses none of its characters', t => {
  for (const [text, parts] of [
    ['', ['']],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [',', ['', '']],
    ['a|b$c', ['a|b$c']],
    ['a\\,b,c', ['a\\,b', 'c']],
    ['a\\\\,b', ['a\\\\', 'b']],
    ['a\\\\\\,b', ['a\\\\\\,b']],
    ['a,b\\', ['a', 'b\\']],
    ['a\\\nb,c', ['a\\\nb', 'c']],
    ['a\n,\u{1F600}', ['a\n', '\u{1F600}']],
  ] as const)
    t.strictSame(splitAt(',', text), parts, JSON.stringify(text))
  t.end()
})

t.test('a backslash is legal only before a comma, a dollar sign, a bar or a backslash', t => {
  for (const text of ['', 'a', '\\,', '\\$', '\\|', '\\\\']) t.equal(isEscapedWell(text), true, JSON.stringify(text))
  for (const text of ['\\', 'a\\', '\\a', '\\\\\\', '\\\n']) t.equal(isEscapedWell(text), false, JSON.stringify(text))
  t.end()
})

t.test('an escaped text is one value that means the text, whatever stands in it', t => {
  const text = 'a,b$c|d\\e\\,f\\'
  const value = escaped(text)
  t.equal(value, 'a\\,b\\$c\\|d\\\\e\\\\\\,f\\\\')
  for (const separator of [',', '$', '|'] as const) t.strictSame(splitAt(separator, value), [value], separator)
  t.equal(isEscapedWell(value), true)
  t.equal(unescapeText(value), text)
  t.end()
})
