import type { Interaction } from 'oidc-provider'
import t from 'tap'
import { isRecent, loginOf, wantsRecent } from '../../../src/auth/request/recent-sign-in.ts'
import type { SignedIn } from '../../../src/auth/request/user-interaction.ts'

const asked = 1_800_000_000
const request = (params: Readonly<Record<string, unknown>>) => ({ params, iat: asked }) as unknown as Interaction
const signedIn = (seconds: number | 'not told') =>
  ({ authenticatedAt: seconds === 'not told' ? seconds : new Date(seconds * 1000) }) as SignedIn

t.test('an app that wants somebody who has just signed in gets nobody who signed in before it asked', async t => {
  for (const prompt of ['login', 'consent login']) {
    t.equal(isRecent(request({ prompt }), signedIn(asked - 1)), false)
    t.equal(isRecent(request({ prompt }), signedIn(asked)), true)
    t.equal(isRecent(request({ prompt }), signedIn('not told')), false)
  }
  for (const prompt of [undefined, 'consent'])
    for (const at of [asked - 1_000_000, 'not told'] as const)
      t.equal(isRecent(request({ prompt }), signedIn(at)), true)
})

t.test('max_age counts back from when the app asked, both ends included', async t => {
  t.equal(isRecent(request({ max_age: '60' }), signedIn(asked - 60)), true)
  t.equal(isRecent(request({ max_age: '60' }), signedIn(asked - 61)), false)
  t.equal(isRecent(request({ max_age: 0 }), signedIn(asked - 1)), false)
  t.equal(isRecent(request({ max_age: '60' }), signedIn('not told')), false)
  t.equal(isRecent(request({ max_age: '60', prompt: 'login' }), signedIn(asked - 1)), false)
})

t.test('whether it wants that is known before anybody is asked', async t => {
  t.equal(wantsRecent(request({ prompt: 'login' })), true)
  t.equal(wantsRecent(request({ max_age: 0 })), true)
  t.equal(wantsRecent(request({ prompt: 'consent' })), false)
})

t.test('of a sign-in whose time the institution does not tell, the app is told the latest possible one', async t => {
  const rest = { person: 'ann', signedInAt: new Date(1_700_000_000_900), methods: ['pwd'] } as const
  const told = (authenticatedAt: SignedIn['authenticatedAt']) =>
    loginOf({ ...rest, authenticatedAt } as unknown as SignedIn).ts
  t.equal(told('not told'), 1_700_000_000)
  t.equal(told(new Date(1_600_000_000_000)), 1_600_000_000)
})
