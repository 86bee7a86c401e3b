import t from 'tap'
import { recoveryCodeOf, timeStepOf } from '../../../src/accounts/sign-in/authenticator.ts'

// The secret of https://www.rfc-editor.org/rfc/rfc6238#appendix-B, "12345678901234567890", in base32.
const secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ'

t.test('codes are those of RFC 6238, with their last six digits', async t => {
  for (const [seconds, code] of [
    [59, '287082'],
    [1111111109, '081804'],
    [1111111111, '050471'],
    [1234567890, '005924'],
    [2000000000, '279037'],
    [20000000000, '353130'],
  ] as const)
    t.equal(timeStepOf(secret, code, seconds * 1000), Math.floor(seconds / 30), code)
})

t.test('a code is valid in its own half minute and those next to it, and in no other', async t => {
  const at = (halfMinutes: number) => timeStepOf(secret, '005924', (1234567890 + 30 * halfMinutes) * 1000)
  t.same([-2, -1, 0, 1, 2].map(at), [undefined, 41152263, 41152263, 41152263, undefined])
})

t.test('only six digits are a code', async t => {
  for (const text of ['', '00592', '0059240', ' 05924', '00592a', '٠٠٥٩٢٤'])
    t.equal(timeStepOf(secret, text, 1234567890_000), undefined, JSON.stringify(text))
})

t.test('a recovery code is the same however it is typed', async t => {
  for (const text of ['ABCD-EFGH-JKLM-NPQ2', 'abcdefghjklmnpq2', ' abcd efgh jklm npq2 '])
    t.equal(recoveryCodeOf(text), 'ABCDEFGHJKLMNPQ2', JSON.stringify(text))
  for (const text of ['', 'ABCD', 'ABCD-EFGH-JKLM-NPQ1', 'ABCD-EFGH-JKLM-NPQ23'])
    t.equal(recoveryCodeOf(text), undefined, JSON.stringify(text))
})
