import t from 'tap'
import { disable, enable } from '../../../src/auth/client/approved-clients.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { findGrant, proveGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import { findCaller } from '../../../src/storage/authorization/token.ts'
import { digestOf } from '../../../src/storage/secret/secret.ts'
import { sql } from '../../../src/storage/sql.ts'
import { appToken } from '../../../src/storage/study/app-invitation.ts'
import { cancelInvitation, linkToShow } from '../../../src/storage/study/invitation.ts'
import { tryProof } from '../../../src/storage/study/invitation-code.ts'
import { addAsyncRequest, readAsyncWork } from '../../../src/storage/work/async-request.ts'
import { openInvitedApps, verifierOf } from '../../faces/api/invited.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

const world = await openInvitedApps()
const { app, account, api, client, database, enrolled, exchange, invite, invited, redeem, send, tokenOf } = world
t.teardown(() => world.server.close())

const isInForce = async (bearer: string) => (await api(bearer, 'GET', 'users/profile')).status === 200
const later = (token: string, hours: number) =>
  database.run(sql.fragment`
    UPDATE app_invitation SET redeemed_at = now() - make_interval(hours => ${hours})
    WHERE hash = sha256(convert_to(${token}, 'UTF8'))`)
const setActive = async (person: string, active: boolean) => {
  const { meta: _meta, ...resource } = (await send('everything', 'GET', `Person/${person}`)).json()
  t.equal((await send('everything', 'PUT', `Person/${person}`, { ...resource, active })).statusCode, 200)
}
const bar = (person: string) => setActive(person, false)
const unbar = (person: string) => setActive(person, true)

t.test(
  'an app redeems an invitation without a browser, with the token of its link and what follows from it',
  async t => {
    const { patient, token } = await invited('Cid')
    const { status, body } = await redeem(token)
    t.equal(status, 200)
    t.match(body, {
      grant: {
        grant_type: 'authorization_code',
        redirect_uri: 'https://app.example.org/back',
        client_id: app.id,
        code: /^[\w-]{43,}$/,
      },
      token_endpoint: 'http://localhost:8080/oauth/token',
      expires: /^\d{4}-.*Z$/,
    })
    const tokens = await exchange(body.grant, verifierOf(token))
    t.equal(tokens.status, 200)
    t.match(tokens.body, {
      token_type: 'Bearer',
      scope: /patient\/Observation\.cruds/,
      patient,
      id_token: /\./,
      refresh_token: /./,
    })
    t.match((await api(tokens.body.access_token, 'GET', 'users/profile')).body, { patient: { id: patient } })
  },
)

t.test('a code is valid once, even if used many times at once, and using it again ends what it gave', async t => {
  const { token } = await invited('Dan')
  const { grant } = (await redeem(token)).body
  const all = await Promise.all([1, 2, 3, 4].map(() => exchange(grant, verifierOf(token))))
  t.ok(all.filter(({ status }) => status === 200).length <= 1)
  const again = await exchange(grant, verifierOf(token))
  t.match(again, { status: 400, body: { error: 'invalid_grant' } })
  for (const { status, body } of all) if (status === 200) t.notOk(await isInForce(body.access_token))
})

t.test('if many apps redeem an invitation at once, one has something in the end', async t => {
  const { token } = await invited('Eva')
  const bearers = await Promise.all([1, 2, 3, 4].map(() => tokenOf(token).catch(() => undefined)))
  const inForce = await Promise.all(bearers.map(bearer => bearer !== undefined && isInForce(bearer)))
  t.ok(inForce.filter(is => is).length <= 1, 'at most one')
  t.ok(await isInForce(await tokenOf(token)), 'the last one has it')
})

t.test('the link alone, without what follows from it, gets no token, and neither does another client', async t => {
  const { token } = await invited('Fay')
  const { grant } = (await redeem(token)).body
  for (let wrong = 0; wrong < 5; wrong++)
    t.match(await exchange(grant, verifierOf(`${wrong}`.repeat(32))), { status: 400, body: { error: 'invalid_grant' } })
  const other = await client({ policies: ['redeems-invitations'] })
  t.match(await exchange({ ...grant, client_id: other.id }, verifierOf(token)), {
    status: 400,
    body: { error: 'invalid_grant' },
  })
})

t.test('within twelve hours it can be redeemed again, which ends what was given before', async t => {
  const { token } = await invited('Gil')
  const first = await tokenOf(token)
  await later(token, 11)
  const second = await tokenOf(token)
  t.same([await isInForce(first), await isInForce(second)], [false, true])
  await later(token, 13)
  t.match(await redeem(token), { status: 409, body: { detail: /used already/ } })
  t.ok(await isInForce(second), 'a refused replay ends nothing')
})

t.test('each app has a token of its own, and an app that the operator does not trust has none', async t => {
  const { secret, token } = await invited('Hal')
  t.equal((await redeem(appToken(secret, (await client({})).id))).status, 404)
  t.equal((await redeem(secret)).status, 404, 'nor is the secret of the link one')
  t.equal((await redeem('x'.repeat(32))).status, 404)
  await database.run(sql.fragment`UPDATE client SET policies = '{}' WHERE id = ${app.id}`)
  t.match(await redeem(token), { status: 404, body: { detail: 'There is no such invitation' } })
  await database.run(sql.fragment`
    UPDATE client SET policies = '{redeems-invitations,records-consent}' WHERE id = ${app.id}`)
  const registers = (isSelf: boolean) =>
    database.run(sql.fragment`UPDATE client SET self_registered = ${isSelf} WHERE id = ${app.id}`)
  await registers(true)
  t.equal((await redeem(token)).status, 404, 'nor has one that has registered itself')
  await registers(false)
  t.equal((await redeem(token)).status, 200)
})

t.test('the page of a message opens the app, and that of a link that staff show does not', async t => {
  const { secret, token, subject } = await invited('Pia')
  const pageOf = async (link: string) => (await openBrowser(world.server).get(`/invitation?link=${link}`)).body
  t.match(await pageOf(secret), `href="https://app.example.org/invitation/localhost%3A8080_${token}"`)
  const shown = (await linkToShow(database, subject))?.secret ?? ''
  t.notMatch(await pageOf(shown), /app\.example\.org/)
  t.equal((await redeem(appToken(shown, app.id))).status, 404)
})

t.test('an invitation ends after seven days, and when it is replaced', async t => {
  const { token, ...old } = await invited('Ida')
  await database.run(
    sql.fragment`UPDATE invitation SET expires_at = expires_at - interval '7 days' WHERE subject = ${old.subject}`,
  )
  t.match(await redeem(token), { status: 410 })
  const next = appToken(await invite(old), app.id)
  t.match(await redeem(token), { status: 409, body: { detail: /newer/ } })
  t.equal((await redeem(next)).status, 200)
})

t.test('a cancelled invitation gives nothing, and what it gave ends', async t => {
  const { token, subject } = await invited('Jon')
  const bearer = await tokenOf(token)
  t.ok(await isInForce(bearer))
  await cancelInvitation(database, subject)
  t.match(await redeem(token), { status: 403 })
  // What was found for a token is kept for a moment.
  await new Promise(resolve => setTimeout(resolve, 2100))
  t.notOk(await isInForce(bearer))
})

t.test('when the address in the record is changed, what whoever reads the old one has got by it ends', async t => {
  const { token, patient } = await invited('Jim')
  const bearer = await tokenOf(token)
  t.ok(await findCaller(database, bearer))
  const record = (await send('everything', 'GET', `Patient/${patient}`)).json()
  const telecom = [{ system: 'email', value: 'jim.anew@example.org' }]
  t.equal((await send('everything', 'PUT', `Patient/${patient}`, { ...record, telecom })).statusCode, 200)
  t.match(await redeem(token), { status: 403 })
  t.notOk(await findCaller(database, bearer))
})

t.test('what an invitation gave ends if it was tried too often', async t => {
  const { token, subject } = await invited('Jay')
  const bearer = await tokenOf(token)
  t.ok(await findCaller(database, bearer))
  await database.run(
    sql.fragment`UPDATE invitation SET ended_at = now(), ended_by = 'tries' WHERE subject = ${subject}`,
  )
  t.notOk(await findCaller(database, bearer))
  t.match(await redeem(token), { status: 403 })
})

t.test('what nobody has confirmed ends when the operator no longer trusts the app; the rest stays', async t => {
  const [unconfirmed, confirmed] = [await invited('Tom'), await invited('Tea')]
  const [first, second] = [await tokenOf(unconfirmed.token), await tokenOf(confirmed.token)]
  await database.run(sql.fragment`
    UPDATE authorization_grant SET context = context - 'unproven' WHERE id = (
      SELECT grant_id FROM token WHERE hash = sha256(convert_to(${second}, 'UTF8')))`)
  const trust = (policies: readonly string[]) =>
    database.run(sql.fragment`UPDATE client SET policies = ${sql.array([...policies], 'text')} WHERE id = ${app.id}`)
  await trust(['records-consent'])
  t.match(await redeem(unconfirmed.token), { status: 404 })
  t.notOk(await findCaller(database, first))
  t.ok(await findCaller(database, second))
  await trust(['redeems-invitations', 'records-consent'])
})

t.test('cancelling the replacement of an invitation ends what the first one gave, too', async t => {
  const { token, ...old } = await invited('Ora')
  const bearer = await tokenOf(token)
  await invite(old)
  t.ok(await findCaller(database, bearer))
  await cancelInvitation(database, old.subject)
  t.notOk(await findCaller(database, bearer))
  const next = await tokenOf(appToken(await invite(old), app.id))
  t.ok(await findCaller(database, next), 'what is sent after that is not affected')
})

t.test('an invitation that is cancelled at the same moment gives nothing', async t => {
  const { token, subject } = await invited('Uli')
  const { answer } = await database.transaction(async connection => {
    await cancelInvitation(connection, subject)
    const answer = redeem(token)
    await Promise.race([answer, someoneWaits(database)])
    return { answer }
  })
  t.match(await answer, { status: 403, body: { detail: /invitation is over/ } })
})

t.test('an app that is disabled at the same moment gets nothing that counts once it is enabled again', async t => {
  const { token } = await invited('Vik')
  const link = sql.fragment`hash = sha256(convert_to(${token}, 'UTF8'))`
  const { ends } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT FROM app_invitation WHERE ${link} FOR UPDATE`)
    const redeeming = redeem(token)
    await someoneWaits(connection)
    const disabling = database.transaction(within => disable(within, app.id, 'operator'))
    await Promise.race([disabling, someoneWaits(connection, 2)])
    return { ends: Promise.all([redeeming, disabling]) }
  })
  await ends
  await enable(database, app.id, 'operator')
  const { id } = await database.one<{ id: string | null }>(
    sql.fragment`SELECT grant_id AS id FROM app_invitation WHERE ${link}`,
  )
  t.equal(await findGrant(database, id ?? ''), undefined)
})

t.test('somebody who left the study has no unconfirmed app any more', async t => {
  const { token, subject } = await invited('Quin')
  const bearer = await tokenOf(token)
  const { meta: _meta, ...resource } = (await send('everything', 'GET', `ResearchSubject/${subject}`)).json()
  t.equal(
    (await send('everything', 'PUT', `ResearchSubject/${subject}`, { ...resource, status: 'withdrawn' })).statusCode,
    200,
  )
  t.notOk(await findCaller(database, bearer))
  t.match(await redeem(token), { status: 403, body: { detail: /invitation is over/ } })
})

t.test('of an invitation of somebody whose record is deleted it is said that it is over, as of any other', async t => {
  const { patient, token, subject } = await invited('Roy')
  for (const place of [`ResearchSubject/${subject}`, `Patient/${patient}`])
    t.match(await send('everything', 'DELETE', place), { statusCode: 204 }, place)
  t.match(await redeem(token), {
    status: 403,
    body: { detail: 'The invitation is over: ask whoever sent it for another one' },
  })
})

t.test('what an app requested before the invitation was cancelled is not done afterwards', async t => {
  const { token, subject } = await invited('Rae')
  const bearer = await tokenOf(token)
  const asked = { request: 'x', name: 'batch', target: '', prefer: {}, body: '{}', total: 1 } as const
  const id = await addAsyncRequest(database, digestOf(bearer), asked)
  t.ok((await readAsyncWork(database, id))?.caller)
  await cancelInvitation(database, subject)
  t.notOk((await readAsyncWork(database, id))?.caller)
})

t.test('once the patient has confirmed the app, nobody else who has the message can end that', async t => {
  const one = await enrolled('Sam')
  const person = await account(one.patient)
  const token = appToken(await invite(one), app.id)
  const bearer = await tokenOf(token)
  const { grantedApps } = world.server.authorization
  const [granted] = await grantedApps.list(person)
  t.ok(await grantedApps.prove(person, granted?.id ?? ''))
  t.match(await redeem(token), { status: 409, body: { detail: /used already/ } })
  t.ok(await isInForce(bearer))
  t.ok(await grantedApps.revoke(person, granted?.id ?? ''))
  t.equal((await redeem(token)).status, 200, 'whoever ended it can start again')
})

t.test(
  'an app that the patient confirms at the same moment stays, and nobody else who has the message gets in',
  async t => {
    const one = await enrolled('Sol')
    const person = await account(one.patient)
    const token = appToken(await invite(one), app.id)
    const bearer = await tokenOf(token)
    const [granted] = await world.server.authorization.grantedApps.list(person)
    const { answer } = await database.transaction(async connection => {
      t.ok(await proveGrant(connection, granted?.id ?? '', person))
      const answer = redeem(token)
      await someoneWaits(database)
      return { answer }
    })
    t.match(await answer, { status: 409, body: { detail: /used already/ } })
    t.ok(await findCaller(database, bearer))
  },
)

t.test('cancelling an invitation later does not end an app that the patient has confirmed', async t => {
  const one = await enrolled('Tess')
  const person = await account(one.patient)
  const bearer = await tokenOf(appToken(await invite(one), app.id))
  const { grantedApps } = world.server.authorization
  t.ok(await grantedApps.prove(person, (await grantedApps.list(person))[0]?.id ?? ''))
  await invite(one)
  await cancelInvitation(database, one.subject)
  t.ok(await findCaller(database, bearer))
})

t.test('five wrong tries on the page of an invitation end it for apps, too', async t => {
  const { token, subject } = await invited('Kim')
  const { id } = await database.one<{ id: string }>(
    sql.fragment`SELECT id FROM invitation WHERE subject = ${subject} AND ended_at IS NULL`,
  )
  await database.run(sql.fragment`
    UPDATE invitation SET code = ${sql.binary(Buffer.alloc(32, 1))}, code_expires_at = now() + interval '15 minutes' WHERE id = ${id}`)
  for (let wrong = 0; wrong < 5; wrong++) await tryProof(database, id, { birthDate: '', code: Buffer.alloc(32) })
  t.match(await redeem(token), { status: 403 })
})

t.test('somebody with an account sees the app there, and says whether it is theirs', async t => {
  const one = await enrolled('Lou')
  const person = await account(one.patient)
  const { grantedApps } = world.server.authorization
  const bearer = await tokenOf(appToken(await invite(one), app.id))
  const [granted] = await grantedApps.list(person)
  t.match(granted, { client: { name: 'Heart app' }, unprovenSince: Date, patient: one.patient })
  t.notOk(await grantedApps.prove(await account(world.ann), granted?.id ?? ''), 'nobody else can')
  t.equal((await send(bearer, 'GET', `Patient/${one.patient}`)).statusCode, 403)
  const browser = openBrowser(world.server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  const page = wordsOf(await browser.get('/account/apps'))
  t.match(
    page,
    /Heart app .* It was opened with your invitation on .* UTC, and shows nothing that is older\. .* This app is mine/,
  )
  t.match(await browser.send('/account/apps', { app: granted?.id ?? '' }, '/account/apps/own'), { status: 303 })
  t.notMatch(wordsOf(await browser.get('/account/apps')), /This app is mine/)
  t.match(await send(bearer, 'GET', `Patient/${one.patient}`), { statusCode: 200, body: /Lou/ })
  t.match(await grantedApps.list(person), [{ unprovenSince: undefined }])
  t.ok(await grantedApps.revoke(person, granted?.id ?? ''))
  t.notOk(await isInForce(bearer))
})

t.test('a barred patient lets nobody in, and an app that they let in is out', async t => {
  const one = await enrolled('May')
  const person = await account(one.patient)
  const token = appToken(await invite(one), app.id)
  const tokens = await exchange((await redeem(token)).body.grant, verifierOf(token))
  await bar(person)
  t.match(await redeem(token), { status: 403 })
  const { refresh_token } = tokens.body
  t.match(await exchange({ grant_type: 'refresh_token', refresh_token, client_id: app.id }, ''), { status: 400 })
  await new Promise(resolve => setTimeout(resolve, 2100))
  t.notOk(await isInForce(tokens.body.access_token))
})

for (const [what, end] of [
  ['is deleted', (person: string) => send('everything', 'DELETE', `Person/${person}`)],
  ['was closed, even once it is open again', (person: string) => bar(person).then(() => unbar(person))],
] as const)
  t.test(`an app that came by an invitation and was confirmed is out when the account ${what}`, async t => {
    const one = await enrolled(`Una ${what}`)
    const person = await account(one.patient)
    const bearer = await tokenOf(appToken(await invite(one), app.id))
    const { grantedApps } = world.server.authorization
    const id = (await grantedApps.list(person))[0]?.id ?? ''
    t.ok(await grantedApps.prove(person, id))
    t.ok(await findCaller(database, bearer))
    await end(person)
    t.equal(await findGrant(database, id), undefined)
    t.equal(await findCaller(database, bearer), undefined)
  })

t.test('the patient and the officers of the registering organization are shown what the app has', async t => {
  const { patient, token } = await invited('Ned')
  await tokenOf(token)
  await redeem(token)
  const letters = sql.fragment`SELECT kind, address, state FROM study_message WHERE patient = ${patient} AND invitation IS NULL`
  t.strictSame(await database.any(letters), [{ kind: 'taken-up', address: 'ned@example.org', state: 'waiting' }])
  const { entry } = (await send('everything', 'GET', `AuditEvent?patient=Patient/${patient}&_sort=-date`)).json()
  const told = entry.map(({ resource }: { resource: { outcomeDesc?: string } }) => resource.outcomeDesc)
  t.match(told, [/^Heart app has taken up an invitation by itself/])
})
