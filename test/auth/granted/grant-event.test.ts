import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { appGrant, organizationRole } from '../../../src/access/vocabulary.ts'
import { accountOf, type OpenStoreAs } from '../../../src/accounts/person.ts'
import { buildApp } from '../../../src/app.ts'
import { recordingGrant } from '../../../src/auth/granted/grant-event.ts'
import type { SignedIn } from '../../../src/auth/request/user-interaction.ts'
import { openOwnStores } from '../../../src/cli/own-store.ts'
import { readConfig } from '../../../src/config.ts'
import { openLog } from '../../../src/events/log.ts'
import { FhirError } from '../../../src/fhir/error.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, ann, bob, lab, account, client, create, send, signIn, staffToken, officer, patientToken } = world
t.teardown(() => server.close())
const { grantedApps, launches } = server.authorization

const annsAccount = await account(ann)
const anns = await signIn(annsAccount)
const app = await client({ name: 'Heart diary', selfRegistered: true })
const labApp = await client({ name: 'Study desk', organization: lab.organization, scope: 'user/*.rs' })

const labOfficer = await officer(lab.organization, 'lab-officer')
const elsewhere = await world.institution('elsewhere')
const foreignOfficer = await officer(elsewhere.organization, 'foreign-officer')
const annReads = await patientToken(ann, 'patient/AuditEvent.rs')
const bobReads = await patientToken(bob, 'patient/AuditEvent.rs')

/** What the bearer finds about an app, oldest first. */
const told = async (bearer: string, about: string): Promise<readonly AuditEvent[]> => {
  const { entry = [] } = (await send(bearer, 'GET', 'AuditEvent?_count=1000&_sort=date')).json()
  const events: readonly AuditEvent[] = entry.map(({ resource }: { resource: AuditEvent }) => resource)
  return events.filter(({ entity }) => entity?.some(({ what }) => what?.identifier?.value === about))
}
const codesOf = (events: readonly AuditEvent[]) =>
  events.map(({ subtype }) => subtype?.find(({ system }) => system === appGrant)?.code)

const begin = async (id: string, scope: string, more = {}) => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const begun = await browser.begin(authorizeQuery(id, scope, challenge, more))
  const allow = async (who: SignedIn, scopes: readonly string[], patient?: string) => {
    const back = await browser.allow(begun.id, who, { scopes, patient })
    const form = { grant_type: 'authorization_code', redirect_uri: redirectUri, code_verifier: verifier, client_id: id }
    return { ...form, code: back.searchParams.get('code') ?? '' }
  }
  return { allow, deny: (who?: SignedIn) => browser.deny(begun.id, who) }
}
const all = ['patient/Observation.rs', 'patient/Patient.r', 'offline_access']

t.test('while the database is away, nothing is recorded that would not name the patient concerned', async t => {
  const stores = await openOwnStores(world.database)
  const away = new FhirError('transient', 'The database cannot be reached at the moment')
  const openStoreAs: OpenStoreAs = by => ({ ...stores(by), read: () => Promise.reject(away) })
  const by = { kind: 'person', id: annsAccount } as const
  const event = { what: 'refused', by, told: 'was refused', person: annsAccount, patient: ann, client: app.id } as const
  await t.rejects(
    recordingGrant({ database: world.database, openStoreAs }, event, async () => true),
    away,
  )
  t.same(await told(annReads, app.id), [])
})

t.test('what a person grants, narrows, denies and revokes is shown to the patient concerned', async t => {
  await (await begin(app.id, all.join(' '))).allow(anns, all)
  const less = ['patient/Observation.rs?code=omh:heart-rate']
  await (await begin(app.id, all.join(' '))).allow(anns, less)
  await (await begin(app.id, all.join(' '))).deny(anns)
  const [latest] = await grantedApps.list(annsAccount)
  t.equal(await grantedApps.revoke(annsAccount, latest?.id ?? ''), true)
  const events = await told(annReads, app.id)
  t.strictSame(codesOf(events), ['given', 'narrowed', 'refused', 'revoked'])
  const agent = [
    { who: accountOf(annsAccount), requestor: true },
    { who: { identifier: { value: app.id } }, name: 'Heart diary', requestor: false },
  ]
  const about = (detail: object) => [
    { what: { reference: `Patient/${ann}` } },
    { what: { identifier: { value: app.id } }, name: 'Heart diary', ...detail },
  ]
  const registered = { type: 'registered', valueString: 'by itself' }
  const asked = { type: 'asked', valueString: all.join(' ') }
  const expected = [
    [
      'C',
      'Heart diary was allowed what it asked for',
      [asked, { type: 'granted', valueString: all.join(' ') }, registered],
    ],
    [
      'C',
      'Heart diary was allowed less than it asked for',
      [asked, { type: 'granted', valueString: less.join(' ') }, registered],
    ],
    ['R', 'Heart diary was allowed nothing', [asked, registered]],
    ['D', 'Heart diary may do no more of what it was allowed', [registered]],
  ]
  t.strictSame(
    events.map(({ action, outcomeDesc, agent, entity }) => ({ action, outcomeDesc, agent, entity })),
    expected.map(([action, outcomeDesc, detail]) => ({ action, outcomeDesc, agent, entity: about({ detail }) })),
  )
  t.match(events[0], {
    type: { system: 'http://dicom.nema.org/resources/ontology/DCM', code: '110113' },
    subtype: [{ code: '110137' }, { system: appGrant, code: 'given' }],
    outcome: '0',
    source: { observer: { display: 'Authorization server' } },
  })
  for (const bearer of [bobReads, labOfficer, foreignOfficer, lab.manager])
    t.strictSame(
      await told(bearer, app.id),
      [],
      'what somebody does with an app that no organization approved is their own',
    )
})

t.test('what an app gives back, and what ends because something was used twice, is shown as well', async t => {
  const { id } = await client({ name: 'Walk' })
  const form = await (await begin(id, all.join(' '))).allow(anns, all)
  const { body: first } = await tokenRequest(server, form)
  await tokenRequest(server, { token: first.refresh_token, client_id: id }, {}, '/oauth/token/revocation')
  const twice = await (await begin(id, all.join(' '))).allow(anns, all)
  await tokenRequest(server, twice)
  t.match(await tokenRequest(server, twice), { status: 400 })
  const events = await told(annReads, id)
  t.strictSame(codesOf(events), ['given', 'revoked', 'given', 'revoked'])
  t.match(events[1], { action: 'D', outcomeDesc: 'Walk gave back what it was allowed' })
  t.match(events[3], {
    outcomeDesc: 'Walk lost what it was allowed: a code or refresh token that works once came twice',
    agent: [{ requestor: false }, { who: { identifier: { value: id } }, requestor: true }],
  })
})

t.test(
  'for an app that an organization approved, only its privacy officer is shown it, not its manager or others',
  async t => {
    await (await begin(labApp.id, 'patient/Patient.r')).allow(anns, ['patient/Patient.r'])
    t.strictSame(codesOf(await told(labOfficer, labApp.id)), ['given'])
    t.strictSame(codesOf(await told(annReads, labApp.id)), ['given'])
    for (const bearer of [foreignOfficer, lab.manager, bobReads]) t.strictSame(await told(bearer, labApp.id), [])
  },
)

t.test('what staff grant for a patient is shown to the patient, and to the officer of who registered them', async t => {
  const { id } = await client({ name: 'Chart' })
  const carol = world.study.researcher
  const carols = await signIn(carol.person)
  await (await begin(id, 'launch/patient patient/Patient.r')).allow(
    carols,
    ['launch/patient', 'patient/Patient.r'],
    ann,
  )
  const [event] = await told(annReads, id)
  t.match(event, {
    outcomeDesc: 'Chart was allowed what it asked for',
    agent: [{ who: { reference: `Practitioner/${carol.practitioner}` } }, {}],
    entity: [{ what: { reference: `Patient/${ann}` } }, {}],
  })
  t.strictSame(codesOf(await told(labOfficer, id)), ['given'])
  t.strictSame(await told(bobReads, id), [])
  t.strictSame(await told(await staffToken(carol, 'user/*.rs'), id), [], 'staff do not audit themselves')
  await (await begin(id, 'openid')).allow(carols, ['openid'])
  t.strictSame(codesOf(await told(labOfficer, id)), ['given', 'given'], 'without a patient, where they work')
})

t.test(
  'what staff grant for their own record they grant as patients, and officers of staff are not shown it',
  async t => {
    const { id } = await client({ name: 'Own diary' })
    const { id: practitioner } = await create('everything', {
      resourceType: 'Practitioner',
      name: [{ family: 'Nurse' }],
    })
    const works = {
      practitioner: { reference: `Practitioner/${practitioner}` },
      code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
    }
    const organization = { reference: `Organization/${lab.organization}` }
    await create('everything', { resourceType: 'PractitionerRole', ...works, organization })
    const link = [works.practitioner, { reference: `Patient/${bob}` }].map(target => ({ target }))
    const { id: person } = await create('everything', { resourceType: 'Person', link })
    const scopes = ['launch/patient', 'patient/Patient.r', 'offline_access']
    const who = await signIn(person)
    await tokenRequest(server, await (await begin(id, scopes.join(' '))).allow(who, scopes, bob))
    const [granted] = await grantedApps.list(person)
    await grantedApps.revoke(person, granted?.id ?? '')
    const { body } = await tokenRequest(server, await (await begin(id, scopes.join(' '))).allow(who, scopes, bob))
    await tokenRequest(server, { token: body.refresh_token, client_id: id }, {}, '/oauth/token/revocation')
    const events = await told(bobReads, id)
    t.strictSame(
      events.map(({ agent, entity }) => [agent[0]?.who, entity?.[0]?.what]),
      events.map(() => [accountOf(person), { reference: `Patient/${bob}` }]),
    )
    t.strictSame(codesOf(events), ['given', 'revoked', 'given', 'revoked'])
    t.strictSame(await told(labOfficer, id), [])
  },
)

t.test('a grant that did not come about is not shown', async t => {
  const { id } = await client({
    name: 'Opened',
    metadata: { launch_uris: ['https://app.example.org/launch'] },
  })
  const launch = new URL(await launches.open(annsAccount, id, { patient: ann })).searchParams.get('launch') ?? ''
  const twice = await Promise.all([1, 2].map(() => begin(id, 'launch patient/Patient.r', { launch })))
  const outcomes = await Promise.allSettled(twice.map(({ allow }) => allow(anns, ['launch', 'patient/Patient.r'])))
  t.strictSame(outcomes.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
  t.strictSame(codesOf(await told(annReads, id)), ['given'], 'a launch that is used')
  const [{ id: grant } = { id: '' }] = await grantedApps.list(annsAccount)
  await Promise.all([1, 2, 3].map(() => grantedApps.revoke(annsAccount, grant)))
  t.strictSame(codesOf(await told(annReads, id)), ['given', 'revoked'], 'what has ended ends once')
  await (await begin(id, 'patient/Patient.r')).deny()
  t.strictSame(codesOf(await told(annReads, id)), ['given', 'revoked'], 'somebody who is not signed in is nobody')
})

t.test('a grant ends, and that is recorded, even with required references after its patient was deleted', async t => {
  const { id } = await client({ name: 'Left' })
  const patient = await world.participant(lab.manager, lab.organization, world.study.id, ['omh:heart-rate'], 'Cat')
  const cats = await signIn(await account(patient))
  const { body } = await tokenRequest(server, await (await begin(id, all.join(' '))).allow(cats, all))
  const config = readConfig({ LOG_LEVEL: 'silent', REFERENTIAL_INTEGRITY: 'on' })
  const log = openLog(config.logLevel)
  const strict = await buildApp({ config, log, databaseUrl: world.url, secretKey: Buffer.alloc(32, 7) })
  t.teardown(() => strict.close())
  const headers = { authorization: 'Bearer everything' }
  const gone = await server.inject({ method: 'DELETE', url: `/fhir/Patient/${patient}`, headers })
  t.equal(gone.statusCode, 204)
  const given = { token: body.refresh_token, client_id: id }
  t.equal((await tokenRequest(strict, given, {}, '/oauth/token/revocation')).status, 200)
  const refresh = { grant_type: 'refresh_token', refresh_token: body.refresh_token, client_id: id }
  t.match(await tokenRequest(strict, refresh), { status: 400, body: { error: 'invalid_grant' } })
  t.match((await told('everything', id)).at(-1), {
    outcomeDesc: 'Left gave back what it was allowed',
    agent: [{ who: accountOf(cats.person) }, {}],
    entity: [{ what: { type: 'Patient', identifier: { value: patient } } }, {}],
  })
})
