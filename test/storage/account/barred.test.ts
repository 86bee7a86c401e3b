import t from 'tap'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { findEmailChange, wantEmail } from '../../../src/storage/account/email-change.ts'
import { findLink, makeLink } from '../../../src/storage/account/link.ts'
import { findSession, startSession } from '../../../src/storage/account/session.ts'
import { addAccount, lockAccount } from '../../../src/storage/account/user-account.ts'
import { createGrant, findGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import { findToken } from '../../../src/storage/authorization/token.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { password } from '../../web/people.ts'

const world = await openApps()
const { server, database, ann, client, send, token } = world
t.teardown(() => server.close())
const app = await client({ name: 'Heart diary' })
const hashed = await hashPassword(password)

/** Somebody with Ann's record as their own: signed in with a browser, with an app that has offline access, and a token of the command line. */
const somebody = async (name: string) => {
  const person = await world.account(ann)
  const email = `${name}@example.org`
  await addAccount(database, { person, email, password: hashed, isVerified: true, administrator: false })
  const browser = openBrowser(server)
  await browser.send('/sign-in', { email, password })
  const session = browser.cookies.get('sharewell-session') ?? ''
  const who = await findSession(database, session)
  if (who === undefined) throw new Error('nobody is signed in')
  const begin = async () => {
    const asking = world.browser()
    const { verifier, challenge } = pkce()
    const scope = 'launch/patient patient/*.rs offline_access'
    const { id } = await asking.begin(authorizeQuery(app.id, scope, challenge))
    const back = await asking.allow(id, who, { scopes: scope.split(' ') })
    return { code: back.searchParams.get('code') ?? '', code_verifier: verifier }
  }
  const give = async (form: object) => tokenRequest(server, { client_id: app.id, redirect_uri: redirectUri, ...form })
  const code = (begun: Awaited<ReturnType<typeof begin>>) => give({ grant_type: 'authorization_code', ...begun })
  const { access_token, refresh_token } = (await code(await begin())).body
  return {
    person,
    email,
    browser,
    session,
    access: String(access_token),
    refresh: () => give({ grant_type: 'refresh_token', refresh_token }),
    unusedCode: await begin().then(begun => () => code(begun)),
    ofCommandLine: await token({ subject: { kind: 'user', person }, scope: 'user/*.rs' }),
  }
}

const activate = (person: string, active: boolean) =>
  send('everything', 'PUT', `Person/${person}`, {
    resourceType: 'Person',
    id: person,
    active,
    link: [{ target: { reference: `Patient/${ann}` } }],
  })

type Somebody = Awaited<ReturnType<typeof somebody>>

const isOut = async (t: Tap, { browser, access, ofCommandLine, refresh, unusedCode, session }: Somebody) => {
  t.match(await browser.get('/account'), { status: 303, location: /^\/sign-in/ })
  t.equal(await findSession(database, session), undefined)
  t.equal(await findToken(database, access), undefined)
  t.equal(await findToken(database, ofCommandLine), undefined)
  t.match(await refresh(), { status: 400, body: { error: 'invalid_grant' } })
  t.match(await unusedCode(), { status: 400, body: { error: 'invalid_grant' } })
}
type Tap = Pick<typeof t, 'match' | 'equal'>

t.test('whoever has a Person that is no longer active is signed out everywhere, and so are their apps', async t => {
  const ana = await somebody('ana')
  t.match(await ana.browser.get('/account'), { status: 200 })
  t.ok(await findToken(database, ana.access))
  t.equal((await activate(ana.person, false)).statusCode, 200)
  await isOut(t, ana)
})

t.test('only the right password reveals that the account is closed, and it signs nobody in', async t => {
  const ben = await somebody('ben')
  await activate(ben.person, false)
  const answer = await ben.browser.send('/sign-in', { email: ben.email, password })
  t.match(answer, { status: 403 })
  t.match(wordsOf(answer), /Your account is closed\./)
  t.match(await ben.browser.send('/sign-in', { email: ben.email, password: 'wrong' }), { status: 422 })
  t.match(await ben.browser.get('/account'), { status: 303 })
})

t.test('reactivating the Person does not bring back what began before', async t => {
  const cleo = await somebody('cleo')
  await activate(cleo.person, false)
  await activate(cleo.person, true)
  await isOut(t, cleo)
  t.has(await cleo.browser.send('/sign-in', { email: cleo.email, password }), { status: 303, location: '/account' })
})

t.test('a link that was sent before, and an address that was to be the new one, come to nothing', async t => {
  const person = await world.account(ann)
  const email = 'cora@example.org'
  await addAccount(database, { person, email, password: hashed, isVerified: true, administrator: false })
  const link = await makeLink(database, { purpose: 'new-password', person, email, wasSent: true }, 60)
  const isConfirmed = { old: false, new: false }
  const secrets = await wantEmail(database, { person, email: 'new@example.org', isConfirmed })
  const left = () =>
    Promise.all([findLink(database, link), ...ends.map(end => findEmailChange(database, secrets[end]))])
  t.match(await left(), [{ person }, { person }, { person }])
  await activate(person, false)
  await activate(person, true)
  t.strictSame(await left(), [undefined, undefined, undefined])
})
const ends = ['old', 'new'] as const

t.test('what begins just as the Person is deactivated is worth nothing either', async t => {
  const dan = await somebody('dan')
  await activate(dan.person, false)
  const late = await startSession(database, { person: dan.person, methods: ['pwd'], device: 'Test' })
  t.equal(await findSession(database, late), undefined)
  const bearer = await token({ subject: { kind: 'user', person: dan.person }, scope: 'user/*.rs' })
  t.equal(await findToken(database, bearer), undefined)
  const asked = { client: app.id, scope: 'patient/*.rs', context: {}, ttlSeconds: 60 }
  for (const whose of [{ person: dan.person }, { patient: ann }]) {
    const grant = await createGrant(database, { ...asked, ...whose })
    t.equal(await findGrant(database, grant ?? ''), undefined, Object.keys(whose).join())
  }
})

t.test('deleting a Person ends their sessions and what they granted to apps', async t => {
  const eve = await somebody('eve')
  t.equal(
    (
      await server.inject({
        method: 'DELETE',
        url: `/fhir/Person/${eve.person}`,
        headers: { authorization: 'Bearer everything' },
      })
    ).statusCode,
    204,
  )
  await isOut(t, eve)
})

t.test('nor does what begins while it is made inactive: the sign-in is ended, or was never one', async t => {
  const finn = await somebody('finn')
  const { cookie, barring } = await database.transaction(async connection => {
    await lockAccount(connection, finn.person)
    const cookie = await startSession(connection, { person: finn.person, methods: ['pwd'], device: 'Test' })
    const barring = activate(finn.person, false)
    await Promise.race([barring, someoneWaits(connection)])
    return { cookie, barring }
  })
  t.equal((await barring).statusCode, 200)
  const late = await startSession(database, { person: finn.person, methods: [], device: 'Test' })
  t.equal((await activate(finn.person, true)).statusCode, 200)
  for (const one of [cookie, late]) t.equal(await findSession(database, one), undefined)
})
