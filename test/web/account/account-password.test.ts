import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { makeLink } from '../../../src/storage/account/link.ts'
import { endSessions } from '../../../src/storage/account/session.ts'
import { lockAccount, setPassword } from '../../../src/storage/account/user-account.ts'
import { createGrant, findGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { linkIn } from '../../support/mailbox.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openPeople, password } from '../people.ts'

const world = await openPeople()
const { server, database, mailbox, newAccount, send, signedIn, token } = world
t.teardown(world.close)

const fresh = 'eleven silent bakeries float'
const page = '/account/password'

/** What an app was granted, and a token of it. */
const granted = async (person: string) => {
  const scope = 'openid fhirUser user/Person.r offline_access'
  const grantId = (await createGrant(database, { person, client: 'cli', scope, context: {}, ttlSeconds: 3600 })) ?? ''
  const bearer = await token({ subject: { kind: 'user', person }, scope, grantId })
  return async () => {
    const url = `/fhir/Person/${person}`
    const { statusCode } = await server.inject({ url, headers: { authorization: `Bearer ${bearer}` } })
    return { status: statusCode, isInForce: (await findGrant(database, grantId)) !== undefined }
  }
}

t.test('with the old password somebody chooses a new one, and is signed out everywhere else', async t => {
  const { email, person } = await newAccount('ana')
  const [own, elsewhere] = [await signedIn(email), await signedIn(email)]
  const app = await granted(person)
  t.match(await own.send(page, { password: 'wrong', 'new-password': fresh }), {
    status: 422,
    body: /This is not the password of your account\./,
  })
  t.match(await own.send(page, { password, 'new-password': 'password1234' }), { status: 422, body: /easy to guess/ })
  const empty = await own.send(page, { password: '', 'new-password': '', 'end-apps': 'yes' })
  t.match(
    wordsOf(empty),
    /Enter your password Choose a password of at least 12 characters/,
    'everything is said at once',
  )
  t.match(empty, { status: 422, body: /name="end-apps" value="yes" checked/ }, 'what was ticked stays ticked')
  t.match(await own.send(page, { password, 'new-password': 'ana@example.org' }), { status: 422 })
  t.match(await own.send(page, { password, 'new-password': fresh }), {
    status: 303,
    location: '/account?done=password',
  })
  t.match(wordsOf(await own.get('/account?done=password')), /Your new password is saved, and you are signed out/)
  t.match(await mailbox.next(), { to: email, subject: 'Your Sharewell password was changed' })
  t.match(await elsewhere.get('/account'), { status: 303 })
  t.match((await world.begin(email)).answer, { status: 422 })
  t.match(await openBrowser(server).send('/sign-in', { email, password: fresh }), { status: 303 })
  t.same(await app(), { status: 200, isInForce: true }, 'apps continue')
})

t.test('nobody can choose their own name as a password, on the page or with a link', async t => {
  const { email, person } = await newAccount('zorvembliqua')
  const [own, others] = [await signedIn(email), await signedIn((await newAccount('bela')).email)]
  const short = 'z@example.org'
  await database.run(sql.fragment`UPDATE user_account SET email = ${short} WHERE person = ${person}`)
  const name = 'zorvembliqua1'
  const [refused, link] = [/easy to guess/, { purpose: 'new-password', person, email: short, wasSent: true } as const]
  t.match(await own.send(page, { password, 'new-password': name }), { status: 422, body: refused })
  const url = `/new-password?link=${await makeLink(database, link, 30)}`
  t.match(await openBrowser(server).send(url, { password: name }), { status: 422, body: refused })
  t.match(await others.send(page, { password, 'new-password': name }), { status: 303 }, 'somebody else’s name is fine')
  t.match(await mailbox.next(), { to: 'bela@example.org', subject: 'Your Sharewell password was changed' })
})

t.test('somebody who says that others may know the old password ends what apps may do as well', async t => {
  const { email, person } = await newAccount('ben')
  const app = await granted(person)
  const others = await granted((await newAccount('other')).person)
  t.same(await app(), { status: 200, isInForce: true })
  const browser = await signedIn(email)
  await browser.send(page, { password, 'new-password': fresh, 'end-apps': 'yes' })
  t.match(await mailbox.next(), { text: /Apps that you had allowed something have to ask you again\./ })
  t.same(await app(), { status: 401, isInForce: false })
  t.same(await others(), { status: 200, isInForce: true })
})

t.test('replacing a forgotten password ends what apps may do', async t => {
  const { email, person } = await newAccount('cleo')
  const app = await granted(person)
  t.same(await app(), { status: 200, isInForce: true })
  await openBrowser(server).send('/forgotten-password', { email })
  await openBrowser(server).send(linkIn(await mailbox.next()), { password: fresh })
  t.same(await app(), { status: 401, isInForce: false })
  t.notMatch((await mailbox.next()).text, /still signs you in/)
  const { entry } = (
    await server.inject({ url: '/fhir/AuditEvent?_count=100', headers: { authorization: 'Bearer everything' } })
  ).json()
  const recorded = entry.filter(
    ({ resource: { action, agent } }: { resource: AuditEvent }) =>
      action === 'D' && agent[0]?.who?.identifier?.value === person,
  )
  t.match(recorded, [{ resource: { subtype: [{}, { code: 'revoked' }] } }], 'that is recorded')
})

t.test('replacing a forgotten password says if an EHR or an institution signs them in as well', async t => {
  const { email, person } = await newAccount('ilse')
  const url = `Person/${person}`
  const stored = (await send('everything', 'GET', url)).json()
  const identifier = [{ system: 'https://ehr.example.org/fhir', value: 'i-1' }]
  t.equal((await send('everything', 'PUT', url, { ...stored, identifier })).statusCode, 200)
  await openBrowser(server).send('/forgotten-password', { email })
  await openBrowser(server).send(linkIn(await mailbox.next()), { password: fresh })
  t.match(await mailbox.next(), { to: email, text: /An EHR or an institution still signs you in as well/ })
})

t.test('links that were sent before end with the old password', async t => {
  const { email } = await newAccount('dora')
  await openBrowser(server).send('/forgotten-password', { email })
  const link = linkIn(await mailbox.next())
  await (await signedIn(email)).send(page, { password, 'new-password': fresh })
  await mailbox.next()
  t.match(await openBrowser(server).get(link), { status: 410 })
})

t.test('whoever knew a forgotten password cannot undo its replacement, not even at the same moment', async t => {
  const { email, person } = await newAccount('hal')
  const browser = await signedIn(email)
  const replaced = await hashPassword(fresh)
  const { answer } = await database.transaction(async connection => {
    await setPassword(connection, person, replaced, { proves: true })
    const answer = browser.send(page, { password, 'new-password': 'nine patient lanterns hum' })
    await Promise.race([answer, someoneWaits(database)])
    await endSessions(connection, person)
    return { answer }
  })
  t.match(await answer, { status: 422 })
  t.match(
    await database.any(sql.fragment`
      SELECT outcome FROM audit_record WHERE person = ${person} AND interaction = 'sign-in' ORDER BY id`),
    [{ outcome: 200 }, { outcome: 401 }],
    'that is recorded as a wrong password',
  )
  t.match(await openBrowser(server).send('/sign-in', { email, password: fresh }), { status: 303 })
})

t.test('what an app is granted while a new password is chosen ends with the old one', async t => {
  const own = await newAccount('ines')
  const browser = await signedIn(own.email)
  const forgot = await newAccount('jan')
  await openBrowser(server).send('/forgotten-password', { email: forgot.email })
  const link = linkIn(await mailbox.next())
  const ways = [
    {
      person: own.person,
      choose: () => browser.send(page, { password, 'new-password': fresh, 'end-apps': 'yes' }),
      hold: (connection: Connection) => lockAccount(connection, own.person),
    },
    {
      person: forgot.person,
      choose: () => openBrowser(server).send(link, { password: fresh }),
      hold: (connection: Connection) => connection.run(sql.fragment`LOCK TABLE account_link IN SHARE MODE`),
    },
  ]
  for (const { person, choose, hold } of ways) {
    const { app, answer } = await database.transaction(async connection => {
      await hold(connection)
      const answer = choose()
      await Promise.race([answer, someoneWaits(database)])
      return { app: await granted(person), answer }
    })
    t.match(await answer, { status: 303 })
    t.same(await app(), { status: 401, isInForce: false })
  }
})

t.test('the old password can be tried ten times here, too', async t => {
  const { email } = await newAccount('emil')
  const browser = await signedIn(email)
  for (let count = 0; count < 10; count += 1)
    t.match(await browser.send(page, { password: `wrong ${count}`, 'new-password': fresh }), { status: 422 })
  t.match(await browser.send(page, { password, 'new-password': fresh }), { status: 429, body: /wait 15 minutes/ })
})

t.test('a form of another site changes nothing', async t => {
  const { email } = await newAccount('finn')
  const browser = await signedIn(email)
  t.match(await browser.post(page, { password, 'new-password': fresh, _csrf: 'x' }), { status: 403 })
  t.match((await world.begin(email)).answer, { status: 303 })
})

t.test('somebody without a password is told how to choose one wherever a password is asked for', async t => {
  const { email, person } = await newAccount('gwen')
  const browser = await signedIn(email)
  await database.run(sql.fragment`UPDATE user_account SET password = NULL WHERE person = ${person}`)
  for (const at of [page, '/account/email', '/account/second-factor/set-up']) {
    t.match(await browser.get(at), { status: 200, body: /href="\/forgotten-password">Choose one/ }, at)
    t.match(await browser.post(at, { password: '', 'new-password': fresh }), { status: 403 }, at)
  }
})
