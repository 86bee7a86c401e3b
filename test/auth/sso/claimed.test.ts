import t from 'tap'
import { type Claimed, toArrived } from '../../../src/auth/sso/claimed.ts'

const rules = { ssoDomains: ['riverside.example'], ssoSecondFactor: 'none' } as const
const claimed: Claimed = { email: 'Ana@Riverside.example', isEmailVerified: true, name: 'Ana', toldMultiFactor: false }

t.test('an address counts that is confirmed, and of the institution; of no other is it forgotten why', async t => {
  t.same(toArrived(rules, claimed), { isMultiFactor: false, email: 'ana@riverside.example', name: 'Ana' })
  const wrong: readonly (readonly [Partial<Claimed>, string])[] = [
    [{ email: undefined }, 'what it signed has no e-mail address'],
    [{ email: ['ana@riverside.example'] }, 'what it signed has no e-mail address'],
    [{ isEmailVerified: false }, 'it has not said that the e-mail address is confirmed'],
    [{ email: 'ana' }, 'its e-mail address is not well-formed'],
    [{ email: 'ana@elsewhere.example' }, 'its e-mail address is of none of SSO_DOMAINS'],
  ]
  for (const [otherwise, noEmail] of wrong)
    t.same(toArrived(rules, { ...claimed, ...otherwise }), { isMultiFactor: false, noEmail, name: 'Ana' }, noEmail)
})
