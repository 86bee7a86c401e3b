import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import type { SignedIn } from '../../../src/auth/request/user-interaction.ts'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import { createGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import { callerOfPerson } from '../../../src/storage/authorization/token.ts'
import { sql } from '../../../src/storage/sql.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'

const world = await openApps()
const { server, database, lab, study, ann, bob, signIn, client, send, create, institution, token } = world
t.teardown(() => server.close())
const { choices } = server.authorization.interactions

const staff = await signIn(await openAccount(database, study.researcher.email, study.researcher.person))
const stranger = await client({ name: 'Stranger', selfRegistered: true })

const ask = async (clientId: string, scope: string) => {
  const browser = world.browser()
  const { verifier, challenge } = pkce()
  return { browser, verifier, clientId, ...(await browser.begin(authorizeQuery(clientId, scope, challenge))) }
}
const grant = async (
  { browser, verifier, clientId, id }: Awaited<ReturnType<typeof ask>>,
  who: SignedIn,
  scopes: readonly string[],
) => {
  const code = (await browser.allow(id, who, { scopes })).searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  return (await tokenRequest(server, { ...form, client_id: clientId })).body
}
const grantFor = async (begun: Awaited<ReturnType<typeof ask>>, who: SignedIn, patient: string) => {
  const back = await begun.browser.allow(begun.id, who, { scopes: ['patient/Patient.rs'], patient })
  const code = back.searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: begun.verifier }
  return (await tokenRequest(server, { ...form, client_id: begun.clientId })).body
}
const introspect = async (of: string, clientId: string) =>
  (await tokenRequest(server, { token: of, client_id: clientId }, {}, '/oauth/token/introspection')).body
const status = async (bearer: string, url: string) => (await send(bearer, 'GET', url)).statusCode
/** Somebody who works at the organizations and is the patients. Also answers the first role, so that it can be ended. */
const employee = async (organizations: readonly string[], ...patients: readonly string[]) => {
  const { id } = await create(world.administrator, { resourceType: 'Practitioner', name: [{ family: 'Helen' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  const roles: string[] = []
  for (const organization of organizations) {
    const role = await create(world.administrator, {
      resourceType: 'PractitionerRole',
      practitioner,
      organization: { reference: `Organization/${organization}` },
      code: [{ coding: [{ system: organizationRole, code: 'viewer' }] }],
    })
    roles.push(role.id)
  }
  const link = [practitioner.reference, ...patients.map(one => `Patient/${one}`)]
  const person = { resourceType: 'Person' as const, link: link.map(reference => ({ target: { reference } })) }
  return { who: await signIn((await create('everything', person)).id), role: roles[0] }
}
/** On whose behalf the latest request of the token is recorded, after it has made one. */
const lastRecords = async (bearer: string) => {
  await send(bearer, 'GET', `Patient/${bob}`)
  const rows = await database.any(
    sql.fragment`SELECT person, practitioner, patient FROM audit_record ORDER BY id DESC LIMIT 1`,
  )
  return { rows }
}
const because = (code: string) => ({ issues: [{ code }] }) as unknown as Error
const over = { status: 400, body: { error: 'invalid_grant' } }

const asked = ['offline_access', 'launch/patient', 'patient/*.cruds']

t.test('staff have no patient whom they can give to an app that registered itself', async t => {
  t.equal(
    await status(
      await token({ subject: { kind: 'user', person: staff.person }, scope: 'user/*.rs' }),
      `Patient/${ann}`,
    ),
    200,
  )
  const begun = await ask(stranger.id, asked.join(' '))
  t.match(await begun.browser.find(begun.id, staff), { kind: 'decide', patients: 'choose' })
  t.strictSame(await choices.find(staff.person, stranger.id), { patients: [], more: false })
  t.strictSame(await choices.find(staff.person, stranger.id, 'Ann'), { patients: [], more: false })
  t.equal(await choices.includes(staff.person, stranger.id, ann), false)
  await t.rejects(begun.browser.allow(begun.id, staff, { scopes: asked, patient: ann }), because('forbidden'))
  await t.rejects(begun.browser.allow(begun.id, staff, { scopes: asked }), because('required'))
})

t.test('somebody who is staff and a patient gives such an app only their own data, as a patient', async t => {
  const { who: both } = await employee([lab.organization], bob)
  const begun = await ask(stranger.id, `openid fhirUser ${asked.join(' ')}`)
  t.match(await begun.browser.find(begun.id, both), { kind: 'decide', patients: { given: bob } })
  await t.rejects(begun.browser.allow(begun.id, both, { scopes: asked, patient: ann }), because('forbidden'))
  const { access_token, patient } = await grant(begun, both, ['openid', 'fhirUser', ...asked])
  t.equal(patient, bob)
  t.equal(await status(access_token, `Patient/${bob}`), 200)
  t.equal(await status(access_token, `Patient/${ann}`), 404)
  t.equal(await status(access_token, `Observation?patient=${ann}`), 200)
  t.notOk((await send(access_token, 'GET', `Observation?patient=${ann}`)).json().entry)
  t.match(await introspect(access_token, stranger.id), { active: true, fhirUser: new RegExp(`/Patient/${bob}$`) })
})

t.test(
  'with a patient’s token for themselves, staff act as that patient in any app, and sign nothing as staff',
  async t => {
    const { who } = await employee([lab.organization], bob)
    const { person } = who
    const scope = 'openid fhirUser patient/*.cruds patient/Subscription.crus patient/Provenance.rs'
    const { client: of, ...caller } = await callerOfPerson(database, { person, client: 'cli', patient: bob, scope })
    t.strictSame(
      { ...caller, scopes: caller.scopes.length },
      {
        principal: { kind: 'patient', id: bob },
        administrator: false,
        organizations: [],
        scopes: 3,
        person: { id: person },
        patient: bob,
        fhirUser: { type: 'Patient', id: bob },
      },
    )
    const asStaff = await token({ subject: { kind: 'user', person }, scope: 'user/*.cruds' })
    const asPatient = await token({ subject: { kind: 'user', person, launchPatient: bob }, scope })
    const uploaded = await send(asPatient, 'POST', 'Observation', {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: `Patient/${bob}` },
      code: { coding: [{ system: 'https://w3id.org/openmhealth', code: 'omh:heart-rate' }] },
    })
    t.equal(uploaded.statusCode, 201)
    const told = (await send(asPatient, 'GET', `Provenance?target=Observation/${uploaded.json().id}`)).json()
    t.strictSame(told.entry[0].resource.agent[0].onBehalfOf, { reference: `Patient/${bob}` })
    t.notMatch(JSON.stringify(told), /Practitioner/)
    const subscription = {
      resourceType: 'Subscription',
      status: 'requested',
      reason: 'to look at it',
      criteria: 'Patient?name=x',
      channel: { type: 'websocket', payload: 'application/fhir+json' },
    }
    const { id } = (await send(asStaff, 'POST', 'Subscription', subscription)).json()
    t.equal(await status(asStaff, `Subscription/${id}`), 200)
    t.equal(await status(asPatient, `Subscription/${id}`), 404, 'their subscriptions as staff remain theirs as staff')
    const { rows } = await lastRecords(asPatient)
    t.strictSame(rows, [{ person, practitioner: null, patient: bob }], 'the record says as whom they asked')
  },
)

t.test('what such an app was granted of others’ data before has ended', async t => {
  const given = { person: staff.person, client: stranger.id, context: {}, ttlSeconds: 3600 }
  const before = async (scope: string, patient?: string) => {
    const grantId = await createGrant(database, { ...given, scope, ...(patient === undefined ? {} : { patient }) })
    const launched = patient === undefined ? {} : { launchPatient: patient }
    const subject = { kind: 'user', person: staff.person, ...launched } as const
    return token({ subject, client: stranger.id, scope, grantId: grantId ?? '' })
  }
  for (const bearer of [await before('patient/*.cruds offline_access', ann), await before('user/*.cruds')]) {
    t.equal(await status(bearer, `Patient/${ann}`), 401)
    t.strictSame(await introspect(bearer, stranger.id), { active: false })
  }
  t.equal(await status(await before('openid fhirUser'), `Practitioner/${study.researcher.practitioner}`), 200)
  const [{ scopes } = {}, ...others] = await server.authorization.grantedApps.list(staff.person)
  t.strictSame([scopes, others], [['openid', 'fhirUser'], []])
  const bare = await token({
    subject: { kind: 'user', person: staff.person, launchPatient: ann },
    client: stranger.id,
    scope: 'patient/*.cruds user/*.cruds',
  })
  t.equal(await status(bare, `Patient/${ann}`), 403, 'nor with a token that has no grant')
})

t.test('what staff let an app of an organization do ends with their role there', async t => {
  const annex = await institution('annex')
  const { id: theirs } = await create(annex.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Theirs' }],
    managingOrganization: { reference: `Organization/${annex.organization}` },
  })
  const { who, role } = await employee([lab.organization, annex.organization])
  const desk = await client({ name: 'Study desk', organization: lab.organization, scope: 'user/*.rs' })
  const scopes = ['offline_access', 'user/Patient.rs']
  const first = await grant(await ask(desk.id, scopes.join(' ')), who, scopes)
  const refresh = (refresh_token: string) => tokenRequest(server, { grant_type: 'refresh_token', refresh_token })
  const { status: refreshed, body: later } = await refresh(first.refresh_token)
  t.equal(refreshed, 200)
  t.equal(await status(first.access_token, `Patient/${theirs}`), 200, 'of all places where they work')

  const ended = await server.inject({
    method: 'DELETE',
    url: `/fhir/PractitionerRole/${role}`,
    headers: { authorization: `Bearer ${world.administrator}` },
  })
  t.equal(ended.statusCode, 204)
  t.equal(await status(later.access_token, `Patient/${theirs}`), 401)
  t.strictSame(await introspect(later.access_token, desk.id), { active: false })
  t.match(await refresh(later.refresh_token), over)
  t.strictSame(await server.authorization.grantedApps.list(who.person), [])
  const outside = await callerOfPerson(database, { person: who.person, client: desk.id, scope: scopes.join(' ') })
  t.match(outside, { scopes: [], organizations: [], administrator: false })
  t.equal(outside.practitioner, undefined)

  const begun = await ask(desk.id, 'patient/Patient.rs user/Patient.rs')
  t.has(await begun.browser.find(begun.id, who), { scopes: ['patient/Patient.rs'] })
  await t.rejects(
    begun.browser.allow(begun.id, who, { scopes: ['patient/Patient.rs'], patient: theirs }),
    because('forbidden'),
    'nor what they see elsewhere, patient by patient',
  )
  const open = await client({ name: 'For everybody', scope: 'user/*.rs' })
  const { access_token } = await grant(await ask(open.id, 'user/Patient.rs'), who, ['user/Patient.rs'])
  t.equal(await status(access_token, `Patient/${theirs}`), 200, 'an app that the operator approved for all continues')
})

t.test('what somebody lets an app do that nobody has approved ends with whom they acted for', async t => {
  const link = [{ target: { reference: `Patient/${ann}` } }]
  const person = await create('everything', { resourceType: 'Person', link })
  const who = await signIn(person.id)
  const begun = await ask(stranger.id, 'patient/Patient.rs')
  const { access_token } = await grantFor(begun, who, ann)
  t.match(await introspect(access_token, stranger.id), { active: true })
  await world.update('everything', { resourceType: 'Person', id: person.id })
  t.strictSame(await introspect(access_token, stranger.id), { active: false })
  t.strictSame(await server.authorization.grantedApps.list(who.person), [])
})

t.test('what comes twice or is given back while a role is over does not return with the role', async t => {
  const desk = await client({ name: 'Study desk', organization: lab.organization, scope: 'user/*.rs' })
  const scopes = ['offline_access', 'user/Patient.rs']
  const refresh = (refresh_token: string) => tokenRequest(server, { grant_type: 'refresh_token', refresh_token })
  const giveBack = (bearer: string) =>
    tokenRequest(server, { token: bearer, client_id: desk.id }, {}, '/oauth/token/revocation')
  type Given = Awaited<ReturnType<typeof grant>>
  const rest: Readonly<Record<string, (first: Given, later: Given) => Promise<unknown>>> = {
    'a refresh token comes twice': first => refresh(first.refresh_token),
    'an access token is given back': (_, later) => giveBack(later.access_token),
    'a refresh token is given back': (_, later) => giveBack(later.refresh_token),
  }
  for (const [what, happens] of Object.entries(rest)) {
    const { who, role = '' } = await employee([lab.organization])
    const first = await grant(await ask(desk.id, scopes.join(' ')), who, scopes)
    const { body: later } = await refresh(first.refresh_token)
    const stored = (await send(world.administrator, 'GET', `PractitionerRole/${role}`)).json()
    await world.update(world.administrator, { ...stored, active: false })
    t.match(await introspect(later.access_token, desk.id), { active: false }, what)
    await happens(first, later)
    await world.update(world.administrator, { ...stored, active: true })
    t.match(await introspect(later.access_token, desk.id), { active: false }, what)
    t.match(await refresh(later.refresh_token), over, what)
  }
  const { who, role = '' } = await employee([lab.organization])
  const before = await grant(await ask(desk.id, scopes.join(' ')), who, scopes)
  const { body: given } = await refresh(before.refresh_token)
  const stored = (await send(world.administrator, 'GET', `PractitionerRole/${role}`)).json()
  await world.update(world.administrator, { ...stored, active: false })
  t.match(await refresh(given.refresh_token), over)
  const byAnother = { grant_type: 'refresh_token', refresh_token: before.refresh_token, client_id: stranger.id }
  t.match(await tokenRequest(server, byAnother), over, 'what another app sends a second time ends nothing')
  t.strictSame(await introspect(before.refresh_token, desk.id), { active: false }, 'nor does asking about it')
  await world.update(world.administrator, { ...stored, active: true })
  t.match(await introspect(given.access_token, desk.id), { active: true }, 'everything else does')
  t.equal((await refresh(given.refresh_token)).status, 200)
})
