import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { wordsFor } from '../../src/messages/catalogue.ts'
import { segmentsOf, toGsm } from '../../src/messages/gsm.ts'

t.test('accents that a text message cannot have are left out, and other scripts stay', async t => {
  t.equal(
    toGsm('Łódź «San José» n.º 3, „Œuvre“ \u00a0 Đorđe Kadıköy e\u2011mail Col·legi™ ½'),
    'Lodz "San José" n.o 3, "OEuvre"   Dorde Kadiköy e-mail Col.legiTM ½',
  )
  const typed = 'código – “Íñigo” é ñ ü [€] 心'
  t.equal(toGsm(typed), 'codigo - "Iñigo" é ñ ü [€] 心')
  t.equal(toGsm(typed.normalize('NFD')), toGsm(typed), 'as file names of a Mac have them')
})

t.test('a text message has as many segments as a phone is charged for', async t => {
  const cases: readonly (readonly [string, number])[] = [
    ['a'.repeat(160), 1],
    ['a'.repeat(161), 2],
    ['a'.repeat(306), 2],
    ['a'.repeat(307), 3],
    ['['.repeat(81), 2],
    ['心'.repeat(70), 1],
    ['心'.repeat(71), 2],
  ]
  for (const [text, segments] of cases) t.equal(segmentsOf(text), segments, `${text.length} × ${text[0]}`)
})

t.test(
  'every text message has one or two segments in each language, with a long name and a long link; four in another script',
  async t => {
    const folder = join(import.meta.dirname, '../../src/messages/catalogue')
    const values = {
      organization: 'Ó'.repeat(40),
      link: `https://${'share.'.repeat(10)}example.org/invitation?link=${'A'.repeat(43)}`,
      code: '123456',
    }
    const keys = [
      'letter',
      'code',
      'reminder',
      'answer',
      'silence',
      'changed',
      'taken-up',
      'given-for',
      'ended-for',
      'place-ended',
      'study-ended',
      'study-resumed',
      'old-address',
    ] as const
    for (const file of readdirSync(folder))
      for (const key of keys) {
        const text = toGsm(wordsFor(file.replace('.json', '')).say(`${key}-sms.text`, values))
        t.ok(
          segmentsOf(text) <= (/\p{L}/u.test(text.replace(/\p{Script=Latin}/gu, '')) ? 4 : 2),
          `${file}: ${key} is ${segmentsOf(text)} segments`,
        )
      }
  },
)
