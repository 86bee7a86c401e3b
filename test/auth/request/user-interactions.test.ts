import t from 'tap'
import { clockSkewSeconds } from '../../../src/auth/provider/assertion.ts'
import type { SignedIn } from '../../../src/auth/request/user-interaction.ts'
import { endSessions } from '../../../src/storage/account/session.ts'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import { revokeGrants } from '../../../src/storage/authorization/authorization-grant.ts'
import { findCaller } from '../../../src/storage/authorization/token.ts'
import { sql } from '../../../src/storage/sql.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, database, newStudy, lab, study, ann, bob, account, signIn, client, send, create, institution } = world
t.teardown(() => server.close())
const { interactions, launches, grantedApps } = server.authorization
const { choices } = interactions

const anns = await signIn(await account(ann))
const bobs = await signIn(await account(bob))
const staff = await signIn(await openAccount(database, study.researcher.email, study.researcher.person))
const app = await client({ name: 'Heart diary', metadata: { client_uri: 'https://app.example.org' } })
const desk = await client({
  name: 'Study desk',
  organization: lab.organization,
  scope: 'user/*.rs',
  metadata: { launch_uris: ['https://app.example.org/launch?theme=dark'] },
})

const ask = async (clientId: string, scope: string, more: Readonly<Record<string, string>> = {}) => {
  const browser = world.browser()
  const { verifier, challenge } = pkce()
  const begun = await browser.begin(authorizeQuery(clientId, scope, challenge, more))
  return { browser, verifier, ...begun, clientId }
}
type Begun = Awaited<ReturnType<typeof ask>>

const grant = async (begun: Begun, who: SignedIn, decision: Parameters<Begun['browser']['allow']>[2]) => {
  const back = await begun.browser.allow(begun.id, who, decision)
  const code = back.searchParams.get('code')
  if (code === null) return { back, body: undefined }
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: begun.verifier }
  const { body } = await tokenRequest(server, { ...form, client_id: begun.clientId })
  return { back, body }
}

const claimsOf = (idToken: string) => JSON.parse(Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString())

const because = (code: string) => ({ issues: [{ code }] }) as unknown as Error

t.test('a person who is one patient is asked about their own data, with the name of the app', async t => {
  const begun = await ask(app.id, 'launch/patient patient/Observation.rs openid unknown-scope patient/Observation.dus')
  t.equal(begun.status, 303)
  t.strictSame(await begun.browser.find(begun.id), {
    kind: 'sign-in',
    id: begun.id,
    client: {
      id: app.id,
      name: 'Heart diary',
      selfRegistered: false,
      redirectUri,
      pages: { home: 'https://app.example.org' },
    },
    isAnew: false,
  })
  t.match(await begun.browser.find(begun.id, anns), {
    kind: 'decide',
    scopes: [/^launch\/patient$/, /^patient\/Observation\.rs$/, /^openid$/],
    patients: { given: ann },
  })
})

t.test('where an app leads back is shown as a browser understands it, however it is spelled', async t => {
  const spelled = 'https://\u0430pp.example.org%2Eevil.example/back'
  const { id } = await client({ metadata: { redirect_uris: [spelled] } })
  const begun = await ask(id, 'launch/patient', { redirect_uri: spelled })
  t.match(await begun.browser.find(begun.id, anns), {
    client: { redirectUri: 'https://xn--pp-6kc.example.org.evil.example/back' },
  })
})

t.test('what is granted may be narrower than what was asked for, and limits what is found', async t => {
  const observe = (code: string) =>
    create('everything', {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: `Patient/${ann}` },
      code: { coding: [{ system: 'http://loinc.org', code }] },
    })
  const [heart, weight] = [await observe('8867-4'), await observe('29463-7')]
  const idsOf = async (token: string) =>
    (await send(token, 'GET', 'Observation'))
      .json()
      .entry?.map(({ resource }: { resource: { id: string } }) => resource.id) ?? []
  const asked = 'patient/*.cruds openid'
  const narrowed = ['patient/Observation.rs?code=http://loinc.org|8867-4']
  const { body } = await grant(await ask(app.id, asked), anns, { scopes: narrowed })
  t.equal(body.scope, narrowed[0])
  t.strictSame(await idsOf(body.access_token), [heart.id])
  t.equal((await send(body.access_token, 'GET', `Observation/${weight.id}`)).statusCode, 404)
  t.equal((await send(body.access_token, 'GET', `Patient/${ann}`)).statusCode, 403)
  const both = [...narrowed, 'patient/Observation.rs?code=http://loinc.org|29463-7']
  const { body: wider } = await grant(await ask(app.id, asked), anns, { scopes: both })
  t.same(new Set(await idsOf(wider.access_token)), new Set([heart.id, weight.id]), 'several add up')
})

t.test('an app is not told which patient it is if the person unticks all that would say so', async t => {
  const asked = 'launch/patient openid fhirUser patient/Observation.rs offline_access'
  const { body } = await grant(await ask(app.id, asked), anns, { scopes: ['openid', 'offline_access'] })
  t.strictSame([body.scope, body.patient], ['openid offline_access', undefined])
  const form = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: app.id }
  t.notOk((await tokenRequest(server, form)).body.patient)
  const about = { token: body.access_token, client_id: app.id }
  t.match((await tokenRequest(server, about, {}, '/oauth/token/introspection')).body, {
    active: true,
    patient: undefined,
  })
  for (const scopes of [['launch/patient'], ['patient/Observation.rs']])
    t.equal((await grant(await ask(app.id, asked), anns, { scopes })).body.patient, ann)
})

t.test('nobody grants more than was asked for', async t => {
  const asked = 'patient/*.rs patient/Observation.rs?category=laboratory launch/patient'
  for (const more of [
    'patient/*.cruds',
    'patient/Observation.cruds',
    'patient/Consent.cruds',
    'patient/Organization.r',
    'user/Observation.rs',
    'system/Observation.rs',
    'openid',
    'offline_access',
    'patient/Observation.rs?code:in=http://example.org/vs',
    'patient/Observation.rs?subject.name=x',
    'patient/Observation.rs?nothing=x',
    'patient/Observation.rs openid',
    'patient/Observation.rs?code="',
    '',
  ]) {
    const begun = await ask(app.id, asked)
    await t.rejects(begun.browser.allow(begun.id, anns, { scopes: [more] }), because('invalid'), more)
  }
})

t.test('only the browser in which the app began decides, once, and while it is being asked', async t => {
  const begun = await ask(app.id, 'patient/Observation.rs')
  const { header } = begun.browser
  const scopes = ['patient/Observation.rs']
  t.same(await interactions.find(begun.id, undefined, anns), { kind: 'unknown' })
  t.same(await interactions.find(begun.id, world.browser().header(), anns), { kind: 'unknown' })
  const other = await ask(app.id, 'patient/Observation.rs')
  t.same(await interactions.find(begun.id, other.browser.header(), anns), { kind: 'unknown' }, 'nor one of another')
  await t.rejects(interactions.allow(begun.id, undefined, anns, { scopes }), because('not-found'))
  await t.rejects(interactions.deny(begun.id, undefined, anns), because('not-found'))
  t.match(await interactions.find(begun.id, header(), anns), { kind: 'decide' })
  await begun.browser.allow(begun.id, anns, { scopes })
  t.same(await interactions.find(begun.id, header(), anns), { kind: 'unknown' })
  await t.rejects(interactions.allow(begun.id, header(), anns, { scopes }), because('not-found'))
})

t.test('a request of an app waits for half an hour', async t => {
  const begun = await ask(app.id, 'patient/Observation.rs')
  const older = (seconds: number) =>
    database.run(sql.fragment`
      UPDATE authorization_record SET payload = payload || jsonb_build_object('exp', (payload ->> 'exp')::integer - ${seconds}::integer)
      WHERE kind = 'Interaction'`)
  await older(1790)
  t.match(await begun.browser.find(begun.id, anns), { kind: 'decide' })
  // Plus the difference that the clocks of two machines may have.
  await older(10 + clockSkewSeconds + 1)
  t.match(await begun.browser.find(begun.id, anns), { kind: 'unknown' })
})

t.test('a grant lasts a year offline, ninety days online, and otherwise little longer than a token', async t => {
  const secondsOf = async (...more: readonly string[]) => {
    const scopes = ['patient/Observation.rs', ...more]
    await grant(await ask(app.id, scopes.join(' ')), anns, { scopes })
    const { seconds } = await database.one<{ seconds: number }>(sql.fragment`
      SELECT extract(epoch FROM expires_at - granted_at)::integer AS seconds
      FROM authorization_grant ORDER BY granted_at DESC LIMIT 1`)
    return seconds
  }
  const day = 24 * 3600
  t.strictSame(
    [await secondsOf('offline_access'), await secondsOf('online_access'), await secondsOf()],
    [365 * day, 90 * day, 90 * 60],
  )
})

t.test('a request is over once its app is not to be answered at that address any more', async t => {
  const { id } = await client({ name: 'Moving diary' })
  const begun = await ask(id, 'launch/patient patient/Patient.rs')
  t.match(await begun.browser.find(begun.id, anns), { kind: 'decide' })
  const metadata = JSON.stringify({ redirect_uris: ['https://elsewhere.example.org/back'] })
  await database.run(sql.fragment`UPDATE client SET registration = registration || ${metadata}::jsonb WHERE id = ${id}`)
  t.strictSame(await begun.browser.find(begun.id, anns), { kind: 'unknown' })
  await t.rejects(begun.browser.allow(begun.id, anns, { scopes: ['patient/Patient.rs'] }), because('not-found'))
})

t.test('the code goes to the browser that began, and to no other', async t => {
  const begun = await ask(app.id, 'patient/Observation.rs')
  const location = await interactions.allow(begun.id, begun.browser.header(), anns, {
    scopes: ['patient/Observation.rs'],
  })
  const stolen = await server.inject(location.slice('http://localhost:8080'.length))
  t.equal(stolen.statusCode, 400)
  t.notMatch(stolen.headers.location ?? '', /code=/)
})

t.test('an app can require somebody who has just signed in', async t => {
  const before = { ...anns, authenticatedAt: new Date(Date.now() - 60_000) }
  const unknown = { ...anns, authenticatedAt: 'not told' } as const
  const after = { ...anns, authenticatedAt: new Date(Date.now() + 1000) }
  for (const more of [{ prompt: 'login' }, { max_age: '30' }]) {
    const begun = await ask(app.id, 'openid patient/Observation.rs', more)
    for (const who of [before, unknown, undefined])
      t.match(await begun.browser.find(begun.id, who), { kind: 'sign-in', isAnew: true }, JSON.stringify(more))
    await t.rejects(begun.browser.allow(begun.id, before, { scopes: ['openid'] }), because('not-found'))
    const { body } = await grant(begun, after, { scopes: ['openid'] })
    t.equal(claimsOf(body.id_token).auth_time, Math.floor(after.authenticatedAt.getTime() / 1000))
  }
  const none = await ask(app.id, 'openid', { prompt: 'none' })
  t.match(none.location, /error=interaction_required/, 'nothing is granted without a person')
})

t.test('taking time to decide does not count against how recently the app wants the sign-in', async t => {
  const scopes = ['openid']
  const begun = await ask(app.id, 'openid', { max_age: '30' })
  const minutes = (count: number) => new Date(Date.now() - count * 60_000)
  await database.run(sql.fragment`
    UPDATE authorization_record SET payload = jsonb_set(payload, '{iat}', to_jsonb((payload ->> 'iat')::bigint - 600))
    WHERE kind = 'Interaction'`)
  const [since, before] = [minutes(9), minutes(11)].map(authenticatedAt => ({ ...anns, authenticatedAt }))
  t.match(await begun.browser.find(begun.id, before), { kind: 'sign-in', isAnew: true })
  t.match(await begun.browser.find(begun.id, since), { kind: 'decide' })
  const { body } = await grant(begun, since ?? anns, { scopes })
  t.ok(body.id_token)
})

t.test('somebody in the records of two organizations is one patient, and chooses nothing', async t => {
  const annex = await institution('annex-one')
  const { id } = await create(annex.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Ann' }],
    managingOrganization: { reference: `Organization/${annex.organization}` },
  })
  const link = [ann, id].map(one => ({ target: { reference: `Patient/${one}` } }))
  const both = await signIn((await create('everything', { resourceType: 'Person', link })).id)
  const begun = await ask(app.id, 'launch/patient patient/Patient.rs')
  const [first = ''] = [ann, id].sort()
  t.match(await begun.browser.find(begun.id, both), { patients: { given: first } })
  t.same(new Set((await choices.find(both.person, app.id)).patients.map(({ id }) => id)), new Set([ann, id]))
  const scopes = ['launch/patient', 'patient/Patient.rs']
  await t.rejects(begun.browser.allow(begun.id, both, { scopes, patient: bob }), because('forbidden'))
  const { body } = await grant(begun, both, { scopes })
  t.equal(body.patient, first)
})

t.test('staff choose among the patients that they may see, and no others', async t => {
  const annex = await institution('annex')
  const elsewhere = await create(annex.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Annette' }],
    managingOrganization: { reference: `Organization/${annex.organization}` },
  })
  const { patients, more } = await choices.find(staff.person, desk.id, 'an')
  t.same(
    patients.map(({ name }) => name),
    ['Ann'],
  )
  t.notOk(more)
  const begun = await ask(desk.id, 'launch/patient patient/Observation.rs user/Patient.rs')
  t.match(await begun.browser.find(begun.id, staff), { patients: 'choose' })
  const scopes = ['launch/patient', 'patient/Observation.rs', 'user/Patient.rs']
  await t.rejects(begun.browser.allow(begun.id, staff, { scopes, patient: elsewhere.id }), because('forbidden'))
  const { body } = await grant(begun, staff, { scopes, patient: ann })
  t.has(body, { patient: ann, scope: scopes.join(' ') })
  t.equal(
    (await send(body.access_token, 'GET', `Patient/${bob}`)).statusCode,
    200,
    'user/ covers everything that they see',
  )
})

t.test('user/ scopes are for apps that the organization of the person has approved', async t => {
  const offered = async (clientId: string, who: SignedIn, scope: string) => {
    const begun = await ask(clientId, scope)
    if (begun.id === '') return new URL(begun.location).searchParams.get('error')
    const found = await begun.browser.find(begun.id, who)
    return found.kind === 'decide' ? found.scopes.join(' ') : found.kind
  }
  t.equal(await offered(app.id, staff, 'user/Patient.rs patient/Patient.rs'), 'patient/Patient.rs', 'not approved')
  t.equal(await offered(app.id, staff, 'user/Patient.rs'), 'invalid_scope')
  t.equal(
    await offered(desk.id, staff, 'user/Patient.cruds user/*.read'),
    'user/Patient.rs user/*.read',
    'up to what it is for',
  )
  t.equal(await offered(desk.id, staff, 'system/Patient.rs openid'), 'openid', 'never system/')
  const annex = await institution('annex-two')
  const { id } = await create(annex.manager, { resourceType: 'Practitioner', name: [{ family: 'Foreign' }] })
  const link = [{ target: { reference: `Practitioner/${id}` } }]
  const foreign = await signIn((await create('everything', { resourceType: 'Person', link })).id)
  t.equal(await offered(desk.id, foreign, 'user/Patient.rs openid'), 'openid', 'another organization’s app')
  t.equal(
    await offered(desk.id, anns, 'user/Patient.rs openid'),
    'user/Patient.rs openid',
    'a patient’s own data are theirs',
  )
})

t.test('an app is opened from our pages for a patient, by the person who opens it, once', async t => {
  t.same(await launches.apps(staff.person), [{ id: desk.id, name: 'Study desk' }])
  t.same(await launches.apps(anns.person), [])
  const open = async (context: Parameters<typeof launches.open>[2]) => {
    const url = new URL(await launches.open(staff.person, desk.id, context))
    t.match(url.href, /^https:\/\/app\.example\.org\/launch\?theme=dark&iss=/)
    t.equal(url.searchParams.get('iss'), 'http://localhost:8080/fhir')
    return url.searchParams.get('launch') ?? ''
  }
  const launch = await open({ patient: ann, needPatientBanner: false, intent: 'review', study: study.id })
  const scopes = ['launch', 'patient/Observation.rs', 'openid']
  const begun = await ask(desk.id, scopes.join(' '), { launch })
  t.match(await begun.browser.find(begun.id, anns), { kind: 'other-person' })
  await t.rejects(begun.browser.allow(begun.id, anns, { scopes }), because('not-found'))
  t.match(await begun.browser.find(begun.id, staff), { kind: 'decide', patients: { given: ann }, study: study.id })
  await t.rejects(begun.browser.allow(begun.id, staff, { scopes, patient: bob }), because('forbidden'))
  const { body } = await grant(begun, staff, { scopes, study: 'another' })
  t.match(body, { patient: ann, need_patient_banner: false, intent: 'review' })
  t.equal((await findCaller(database, body.access_token))?.study, study.id, 'no other study is chosen')
  const again = await ask(desk.id, 'launch patient/Observation.rs', { launch })
  t.match(again.location, /error=invalid_request/, 'used')

  const tokens = await Promise.all([open({ patient: bob }), open({})])
  const [forBob, forNobody] = tokens
  const wrongApp = await ask(app.id, 'launch patient/Observation.rs', { launch: forBob })
  t.match(wrongApp.location, /error=invalid_request/, 'another app’s')
  t.match((await ask(desk.id, 'patient/Observation.rs', { launch: forBob })).location, /error=invalid_request/)
  t.match((await ask(desk.id, 'launch patient/Observation.rs')).location, /error=invalid_request/, 'none')
  t.match((await ask(desk.id, 'launch openid', { launch: 'x'.repeat(43) })).location, /error=invalid_request/)
  const open2 = await ask(desk.id, 'launch patient/Observation.rs', { launch: forNobody })
  t.match(await open2.browser.find(open2.id, staff), { patients: 'choose' }, 'without a patient one is chosen')
  await t.rejects(launches.open(staff.person, app.id, {}), because('not-found'))
  await t.rejects(launches.open(anns.person, desk.id, {}), because('not-found'))
  const { organization, manager } = await institution('annex-three')
  const theirs = { reference: `Organization/${organization}` }
  const { id: elsewhere } = await create(manager, { resourceType: 'Patient', managingOrganization: theirs })
  await t.rejects(launches.open(staff.person, desk.id, { patient: elsewhere }), because('forbidden'))
})

t.test('an app that asks for the context of either launch launches standalone if nobody has opened it', async t => {
  const given = ['launch/patient', 'patient/Observation.rs']
  const begun = await ask(desk.id, `launch ${given.join(' ')}`)
  const found = await begun.browser.find(begun.id, staff)
  t.has(found, { kind: 'decide', patients: 'choose', scopes: given })
  const { body } = await grant(begun, staff, { scopes: given, patient: bob })
  t.has(body, { patient: bob, scope: given.join(' ') })

  const launch = new URL(await launches.open(staff.person, desk.id, { patient: ann })).searchParams.get('launch') ?? ''
  const opened = await ask(desk.id, `launch ${given.join(' ')}`, { launch })
  t.match((await grant(opened, staff, { scopes: ['launch', ...given] })).body, { patient: ann, scope: /^launch / })
})

t.test('an app that was opened has five minutes to ask', async t => {
  const open = async () =>
    new URL(await launches.open(staff.person, desk.id, { patient: ann })).searchParams.get('launch') ?? ''
  const launch = await open()
  const scopes = ['launch', 'patient/Observation.rs']
  const older = (time: string) =>
    database.run(sql.fragment`UPDATE launch SET expires_at = expires_at - ${time}::interval WHERE used_at IS NULL`)
  await older('4 minutes 50 seconds')
  const begun = await ask(desk.id, scopes.join(' '), { launch })
  await older('10 seconds')
  const late = await ask(desk.id, scopes.join(' '), { launch })
  t.match(late.location, /error=invalid_request&error_description=launch/)
  t.match((await grant(begun, staff, { scopes })).body, { patient: ann }, 'deciding may take longer')
})

t.test('two requests with one launch give one grant', async t => {
  const launch = new URL(await launches.open(staff.person, desk.id, { patient: ann })).searchParams.get('launch') ?? ''
  const scopes = ['launch', 'patient/Observation.rs']
  const begun = await Promise.all([1, 2, 3, 4].map(() => ask(desk.id, scopes.join(' '), { launch })))
  const decided = await Promise.allSettled(begun.map(one => one.browser.allow(one.id, staff, { scopes })))
  t.equal(decided.filter(({ status }) => status === 'fulfilled').length, 1)
})

t.test('if two people decide about one request at once, one has decided', async t => {
  const scopes = ['launch/patient', 'patient/Patient.rs']
  const begun = await ask(app.id, scopes.join(' '))
  const decided = await Promise.allSettled([anns, bobs].map(who => begun.browser.allow(begun.id, who, { scopes })))
  t.strictSame(decided.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
})

t.test('whoever decides after somebody else at the same browser, at the same moment, opens the app anew', async t => {
  const scopes = ['launch/patient', 'patient/Patient.rs']
  const begun = await ask(app.id, scopes.join(' '))
  const { deciding } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT FROM client WHERE id = ${app.id} FOR UPDATE`)
    const deciding = Promise.allSettled(
      [anns, bobs].map(who => interactions.allow(begun.id, begun.browser.header(), who, { scopes })),
    )
    await someoneWaits(connection, 2)
    return { deciding }
  })
  t.match(
    (await deciding).toSorted((one, other) => one.status.localeCompare(other.status)),
    [
      { status: 'fulfilled', value: /^http:/ },
      { status: 'rejected', reason: { message: 'The app was opened once already: open it anew' } },
    ],
  )
})

t.test('context.study narrows a token to one study', async t => {
  const other = await newStudy(lab.manager, lab.organization, 'other', ['omh:heart-rate'])
  const doctor = await signIn(await openAccount(database, other.researcher.email, other.researcher.person))
  const decide = async (only?: string) => {
    const begun = await ask(desk.id, 'user/ResearchStudy.rs')
    const { body } = await grant(begun, doctor, {
      scopes: ['user/ResearchStudy.rs'],
      ...(only === undefined ? {} : { study: only }),
    })
    return (await send(body.access_token, 'GET', `ResearchStudy/${other.id}`)).statusCode
  }
  t.equal(await decide(), 200)
  t.equal(await decide(other.id), 200)
  t.equal(await decide(study.id), 404)
})

t.test('sending yes twice, at once or before continuing, gives one grant and continues', async t => {
  const only = await client({ name: 'Twice' })
  const begun = await ask(only.id, 'openid launch/patient patient/Observation.rs')
  const decision = { scopes: ['openid', 'launch/patient', 'patient/Observation.rs'] }
  const allow = () => interactions.allow(begun.id, begun.browser.header(), anns, decision)
  const [first, second] = await Promise.all([allow(), allow()])
  t.equal(first, second)
  t.equal(await allow(), first)
  t.strictSame(await begun.browser.find(begun.id, anns), { kind: 'allowed', location: first })
  t.match(await begun.browser.find(begun.id, bobs), { kind: 'unknown' }, 'nobody else continues in their place')
  const own = async () => (await grantedApps.list(anns.person)).filter(one => one.client.id === only.id)
  t.equal((await own()).length, 1)
  const { body } = await grant(begun, anns, decision)
  t.match(body, { access_token: String, patient: ann })
  t.equal((await own()).length, 1)
})

t.test('a person sees what they have granted, and ends it at once', async t => {
  const carol = await signIn(await account(bob))
  const scopes = ['patient/Patient.rs', 'offline_access']
  const { body } = await grant(await ask(app.id, scopes.join(' ')), carol, { scopes })
  const [listed, ...others] = await grantedApps.list(carol.person)
  t.same(others, [])
  t.match(listed, {
    client: { id: app.id, name: 'Heart diary', uri: 'https://app.example.org' },
    scopes,
    patient: bob,
    isOffline: true,
  })
  t.equal((await send(body.access_token, 'GET', `Patient/${bob}`)).statusCode, 200)
  t.equal(await grantedApps.revoke(anns.person, listed?.id ?? ''), false, 'nobody ends another’s')
  t.equal((await send(body.access_token, 'GET', `Patient/${bob}`)).statusCode, 200)
  t.equal(await grantedApps.revoke(carol.person, listed?.id ?? ''), true)
  t.equal((await send(body.access_token, 'GET', `Patient/${bob}`)).statusCode, 401)
  const refresh = { grant_type: 'refresh_token', refresh_token: body.refresh_token }
  t.match(await tokenRequest(server, refresh), { status: 400, body: { error: 'invalid_grant' } })
  t.equal(await grantedApps.revoke(carol.person, listed?.id ?? ''), false)
  t.same(await grantedApps.list(carol.person), [])
})

t.test('a grant that was revoked before its code was used issues nothing', async t => {
  const begun = await ask(app.id, 'patient/Patient.rs')
  const back = await begun.browser.allow(begun.id, bobs, { scopes: ['patient/Patient.rs'] })
  await database.transaction(connection => revokeGrants(connection, { client: app.id }))
  const code = back.searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: begun.verifier }
  const answer = await tokenRequest(server, { ...form, client_id: app.id })
  t.match(answer, { status: 400, body: { error: 'invalid_grant' } })
})

t.test('what is allowed while its session ends, with all that was allowed, ends as well', async t => {
  const scopes = ['openid', 'offline_access']
  const own = await signIn(staff.person)
  const [begun, late] = [await ask(app.id, scopes.join(' ')), await ask(app.id, scopes.join(' '))]
  const { allowing, ending } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT FROM client WHERE id = ${app.id} FOR UPDATE`)
    const allowing = begun.browser.allow(begun.id, own, { scopes })
    await someoneWaits(connection)
    const ending = database.transaction(async ends => {
      await endSessions(ends, own.person)
      await revokeGrants(ends, { person: own.person })
    })
    await Promise.race([ending, someoneWaits(connection, 2)])
    return { allowing, ending }
  })
  await Promise.allSettled([allowing, ending])
  t.same(await grantedApps.list(own.person), [])
  await t.rejects(late.browser.allow(late.id, own, { scopes }), because('not-found'))
  t.same(await grantedApps.list(own.person), [])
})
