import t from 'tap'
import type { SignedIn } from '../../../src/auth/request/user-interaction.ts'
import { endSession, endSessions } from '../../../src/storage/account/session.ts'
import { sql } from '../../../src/storage/sql.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'

const world = await openApps()
const { server, database, ann, account, signIn, client, send } = world
t.teardown(() => server.close())
const { grantedApps } = server.authorization

const app = await client({ name: 'Heart diary' })
const person = await account(ann)

const launch = async (who: SignedIn, scopes: readonly string[]) => {
  const browser = world.browser()
  const { verifier, challenge } = pkce()
  const begun = await browser.begin(authorizeQuery(app.id, scopes.join(' '), challenge))
  const code = (await browser.allow(begun.id, who, { scopes })).searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  return (await tokenRequest(server, { ...form, client_id: app.id })).body as {
    readonly access_token: string
    readonly refresh_token: string
  }
}
type Tokens = Awaited<ReturnType<typeof launch>>

/** What each place that checks an access token answers, and what a refresh token gets. */
const doors = async ({ access_token: token, refresh_token }: Tokens) => ({
  read: (await send(token, 'GET', `Patient/${ann}`)).statusCode,
  told: (await tokenRequest(server, { token, client_id: app.id }, {}, '/oauth/token/introspection')).body.active,
  listed: (await grantedApps.list(person)).length,
  refreshed: (await tokenRequest(server, { grant_type: 'refresh_token', refresh_token })).status,
})
const over = { read: 401, told: false, listed: 0, refreshed: 400 }

/** An end by time may be noticed two seconds late. */
const ends: Readonly<
  Record<string, readonly [bound: string, end: (who: SignedIn, tokens: Tokens) => Promise<unknown>]>
> = {
  'the person signs out': ['online_access', who => endSession(database, person, who.id)],
  'the person signs out everywhere': ['online_access', () => endSessions(database, person)],
  'the sign-in expires': [
    'online_access',
    () => database.run(sql.fragment`UPDATE user_session SET expires_at = now() WHERE person = ${person}`),
  ],
  'the session was not used for two hours': [
    'online_access',
    () =>
      database.run(sql.fragment`UPDATE user_session SET seen_at = now() - interval '2 hours' WHERE person = ${person}`),
  ],
  'the person ends it': [
    'offline_access',
    async () => grantedApps.revoke(person, (await grantedApps.list(person))[0]?.id ?? ''),
  ],
  'the app revokes it': [
    'offline_access',
    (_who, { access_token: token }) =>
      tokenRequest(server, { token, client_id: app.id }, {}, '/oauth/token/revocation'),
  ],
  'the grant expires': [
    'offline_access',
    async () => {
      await database.run(sql.fragment`UPDATE authorization_grant SET expires_at = now() WHERE person_id = ${person}`)
      await new Promise(resolve => setTimeout(resolve, 2100))
    },
  ],
}

for (const [how, [bound, end]] of Object.entries(ends))
  t.test(`a token ends when ${how}, wherever it is asked about`, async t => {
    const who = await signIn(person)
    const tokens = await launch(who, ['patient/Patient.rs', bound])
    t.equal((await send(tokens.access_token, 'GET', `Patient/${ann}`)).statusCode, 200)
    await end(who, tokens)
    t.strictSame(await doors(tokens), over)
  })

t.test('offline access outlives the sign-in', async t => {
  const who = await signIn(person)
  const tokens = await launch(who, ['patient/Patient.rs', 'offline_access'])
  await endSession(database, person, who.id)
  t.strictSame(await doors(tokens), { read: 200, told: true, listed: 1, refreshed: 200 })
})
