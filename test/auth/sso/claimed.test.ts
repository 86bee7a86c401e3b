import t from 'tap'
import { type Claimed, toArrived } from '../../../src/auth/sso/claimed.ts'

const rules = { ssoDomains: ['riverside.example'], ssoSecondFactor: 'none' } as const
const claimed: Claimed = { email: 'Ana@Riverside.example', isEmailVerified: true, name: 'Ana', toldMultiFactor: false }

t.test('an address counts if it is confirmed and of the institution; otherwise the reason is kept', async t => {
  t.same(toArrived(rules, claimed), { isMultiFactor: false, email: 'ana@riverside.example', name: 'Ana' })
  const wrong: readonly (readonly [Partial<Claimed>, string])[] = [
    [{ email: undefined }, 'what it signed has no e-mail address'],
    [{ email: ['ana@riverside.example'] }, 'what it signed has no e-mail address'],
    [{ isEmailVerified: false }, 'it has not said that the e-mail address is confirmed'],
    [{ email: 'ana' }, 'its e-mail address is not well-formed'],
    [{ email: 'an\u200ba@riverside.example' }, 'its e-mail address is not well-formed'],
    [{ email: 'nad\u212ae@riverside.example' }, 'its e-mail address is not well-formed'],
    [{ email: 'ana@elsewhere.example' }, 'its e-mail address is of none of SSO_DOMAINS'],
    [{ email: 'ana@not-riverside.example' }, 'its e-mail address is of none of SSO_DOMAINS'],
    [{ email: 'ana@riverside.example.elsewhere.example' }, 'its e-mail address is of none of SSO_DOMAINS'],
  ]
  for (const [otherwise, noEmail] of wrong)
    t.same(toArrived(rules, { ...claimed, ...otherwise }), { isMultiFactor: false, noEmail, name: 'Ana' }, noEmail)
})

t.test('a name counts if it can be shown, without the blanks around it', async t => {
  for (const name of ['n'.repeat(200), 'Ana María Ñuñez', ' Ana '])
    t.equal(toArrived(rules, { ...claimed, name }).name, name.trim())
  for (const name of [undefined, ['Ana'], '', ' ', 'n'.repeat(201), 'Ana\nBcc: all', 'Ana\u0000'])
    t.notOk('name' in toArrived(rules, { ...claimed, name }), JSON.stringify(name))
})

t.test('a second factor there counts if it always does, or if it is told and the server accepts that', async t => {
  const counts = (ssoSecondFactor: 'none' | 'told' | 'always', toldMultiFactor: boolean) =>
    toArrived({ ...rules, ssoSecondFactor }, { ...claimed, toldMultiFactor }).isMultiFactor
  t.same(
    [counts('none', true), counts('told', false), counts('told', true), counts('always', false)],
    [false, false, true, true],
  )
})

t.test('if the address could not be requested, the log says why', async t => {
  const { noEmail } = toArrived(rules, { ...claimed, email: undefined, unread: 'it answered 401' })
  t.equal(noEmail, 'what it signed has no e-mail address, and its UserInfo could not be read: it answered 401')
})
