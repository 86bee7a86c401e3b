import t from 'tap'
import { toMobile } from '../../../src/storage/model/patient-address.ts'

t.test('a phone number is the same however it is written', async t => {
  for (const text of ['+447700900123', '0044 7700 900123', '+44 (7700) 900-123', '+44.7700.900123'])
    t.equal(toMobile(text), '+447700900123', text)
})

t.test('a number that was copied from a phone or a document is read', async t => {
  const copied = [
    '\u202a+44 7700 900123\u202c',
    '\u200e+44\u00a07700\u2011900123',
    '+44–7700–900123',
    '＋４４７７００９００１２３',
  ]
  for (const text of [...copied, '\u202a+44 (0)7700‑900123\u202c']) t.equal(toMobile(text), '+447700900123', text)
})

t.test('only the bracketed zero that is dialled within a country is left out', async t => {
  for (const text of ['+44 (0)7700 900123', '+44(0) 7700 900123', '0044 (0)7700 900123', ' +44 ( 0 ) 7700-900123'])
    t.equal(toMobile(text), '+447700900123', text)
  t.equal(toMobile('+1 (500) 555-0006'), '+15005550006', 'a zero in other brackets stays')
})

t.test('a number without its country is not a number', async t => {
  for (const text of ['07700 900123', '(0)7700 900123', '7700900123', '', '+', '+0 7700 900123'])
    t.equal(toMobile(text), undefined, text)
})
