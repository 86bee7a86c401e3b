import t from 'tap'
import { requireUtf8, sentQuery } from '../../src/search/sent-query.ts'

t.test('a query is read as UTF-8, and refused with the parameter that is not', t => {
  t.same(
    [...sentQuery('a=M%C3%BCller&b=%20+x')],
    [
      ['a', 'Müller'],
      ['b', '  x'],
    ],
  )
  for (const text of ['a=1&identifier=M%FCller', 'identifier=%EF%BF%BD'])
    t.throws(() => sentQuery(text), /^What is percent-encoded in "identifier" is not UTF-8/)
  t.throws(() => requireUtf8(new URLSearchParams('%FC=1')), /is not UTF-8/)
  t.end()
})
