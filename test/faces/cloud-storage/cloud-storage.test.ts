import { randomUUID } from 'node:crypto'
import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { openApps, tokenRequest } from '../../auth/world.ts'
import { wordsOf } from '../../support/browser.ts'
import { serverOver } from '../../support/server-over.ts'
import { openBrokenWire } from '../../support/wire.ts'
import { openPartner } from './partner.ts'
import { base, openPerson } from './patient.ts'

const world = await openApps()
const { server, database, ann, bob, client } = world
t.teardown(() => server.close())

const metadata = { redirect_uris: [`${base}/account/apps`], token_endpoint_auth_method: 'client_secret_basic' }
const registered = await client({
  name: 'Pressure trial',
  organization: world.lab.organization,
  policies: ['cloud-storage-partner'],
  metadata,
})
const partner = openPartner(server, { clientId: registered.id, clientSecret: registered.secret })

const uuid = (number: number) => `7f2a9c1e-0000-4000-8000-00000000000${number}`
const documentOf = (number: number, name: string, body: string) =>
  `{\n  "header": { "uuid": "${uuid(number)}", "schema_id": {"namespace":"omh","name":"${name}","version":"2.0"},\r
    "source_creation_date_time": "2026-01-0${number}T08:00:00Z", "modality": "sensed", "place": "Café" },
  "body": { ${body}, "effective_time_frame": { "date_time": "2026-01-0${number}T08:00:00Z" } }\n}\n`
const pressure = (number: number) =>
  documentOf(
    number,
    'blood-pressure',
    '"systolic_blood_pressure": { "value": 121.50, "unit": "mmHg" }, "diastolic_blood_pressure": { "value": 80, "unit": "mmHg" }',
  )
const rate = (number: number) =>
  documentOf(number, 'heart-rate', '"heart_rate": { "value": 62.50, "unit": "beats/min" }')
const weight = documentOf(4, 'body-weight', '"body_weight": { "value": 70.10, "unit": "kg" }')
const send = (patient: string, document: string) =>
  server.inject({
    method: 'POST',
    url: `/omh/v1/dataPoints?patient=${patient}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/json' },
    payload: document,
  })
const upload = async (patient: string, document: string) => {
  const { statusCode, body } = await send(patient, document)
  if (statusCode !== 201) throw new Error(body)
}
const remove = (id: string) =>
  server.inject({ method: 'DELETE', url: `/omh/v1/dataPoints/${id}`, headers: { authorization: 'Bearer everything' } })
const cancel = (id: string) =>
  server.inject({
    method: 'PATCH',
    url: `/fhir/Observation/${id}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/json-patch+json' },
    payload: [{ op: 'replace', path: '/status', value: 'cancelled' }],
  })
for (const document of [rate(1), pressure(2), rate(3), weight]) await upload(ann, document)
await upload(bob, rate(5))

const patientAt = async (patient: string) => openPerson(world, await world.account(patient))
const anns = await patientAt(ann)
const bobs = await patientAt(bob)

const heartAndPressure = 'OMHealthResource.HeartRate.Read OMHealthResource.BloodPressure.Read'

t.test(
  'the partner’s client goes through its steps: it registers its key, makes a link, the patient consents, it reads',
  async t => {
    t.strictSame((await partner.get()).body, { name: 'Pressure trial', logo_uri: '', signing_keys: [] })
    const update = { name: 'Trial of pressures', logo_uri: 'https://trial.example.org/logo.png' }
    t.match(await partner.initialize(update.name, update.logo_uri), { status: 200, body: update })
    const { body: configured } = await partner.get()
    t.match(configured, update)
    t.match(configured.signing_keys, [{ algorithm: 'ECDSA_P256', library: 'TINK', serialization_mode: 'JSON' }])
    t.equal(await partner.initialize(update.name, update.logo_uri), undefined, 'nothing has to be done again')
    t.equal(await partner.fetchData('ann'), undefined, 'nobody shares yet')

    const link = await partner.deepLink('ann', heartAndPressure)
    const shown = await anns.open(link)
    t.equal(shown.status, 200)
    t.match(shown.words, 'The app Pressure trial asks to use data', 'with the name that the operator has registered')
    t.match(shown.words, 'Read your heart rate')
    t.match(shown.words, 'Read your blood pressure')
    const { location } = await anns.decide(shown.url, shown.scopes)
    t.match(location, { origin: base, pathname: /^\/account\/apps$/ })
    t.match(wordsOf(await anns.browser.get(`${location?.pathname}${location?.search}`)), 'Pressure trial')

    t.strictSame(await partner.fetchData('ann'), [
      { resourceType: 'HEART_RATE', text: rate(3) },
      { resourceType: 'BLOOD_PRESSURE', text: pressure(2) },
      { resourceType: 'HEART_RATE', text: rate(1) },
    ])
    t.equal(await partner.fetchData('bob'), undefined)
  },
)

t.test('the code that results gives nobody a token', async t => {
  const link = await partner.deepLink('bob', heartAndPressure)
  const { location } = await bobs.allow(link)
  const authorization = `Basic ${Buffer.from(`${registered.id}:${registered.secret}`).toString('base64')}`
  for (const code_verifier of [undefined, 'x'.repeat(43)]) {
    const code = location?.searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: `${base}/account/apps`, code_verifier }
    t.match((await tokenRequest(server, form, { authorization })).body, { error: 'invalid_grant' })
  }
})

t.test('data is shared as long as the link says, and no longer', async t => {
  const exp = Math.floor(Date.now() / 1000) + 3600
  const link = await partner.deepLink('ann', heartAndPressure, { claims: { exp } })
  t.match((await anns.open(link)).words, /until you end it, at the latest until /, 'the patient is told')
  await anns.allow(link)
  const [first] = await server.authorization.grantedApps.list(anns.person)
  t.ok(Math.abs((first?.endsAt.getTime() ?? 0) / 1000 - exp) < 10, String(first?.endsAt))
  t.match(first, { isOffline: true, patient: ann, client: { name: 'Pressure trial' } })
  t.equal((await partner.fetchData('ann'))?.length, 3)
})

t.test('a new link replaces the one before: what the patient leaves out of it is no longer shared', async t => {
  const link = await partner.deepLink('ann', heartAndPressure)
  await anns.allow(link, scope => !scope.includes('heart-rate'))
  t.strictSame(await partner.fetchData('ann'), [{ resourceType: 'BLOOD_PRESSURE', text: pressure(2) }])
  t.equal((await server.authorization.grantedApps.list(anns.person)).length, 1, 'there is one grant')

  await anns.allow(await partner.deepLink('ann', heartAndPressure, { rotates: true }))
  t.equal((await partner.fetchData('ann'))?.length, 3, 'all of it, with another key')

  await anns.allow(await partner.deepLink('ann', heartAndPressure), scope => scope === 'offline_access')
  t.equal(await partner.fetchData('ann'), undefined, 'nothing remains')
})

t.test(
  'a corrected document is the same record, a deleted one is gone, and no documents are an empty list',
  async t => {
    await anns.allow(await partner.deepLink('ann', 'OMHealthResource.BloodPressure.Read'))
    const idOf = async () => (await partner.get(partner.userPath('ann'))).body[0]?.client_record_id
    const before = await idOf()
    const corrected = pressure(2).replace('121.50', '122.50')
    t.equal((await send(ann, corrected)).statusCode, 200)
    t.strictSame(await partner.fetchData('ann'), [{ resourceType: 'BLOOD_PRESSURE', text: corrected }])
    t.equal(await idOf(), before)
    const [{ client_record_id: record }] = (await partner.get(partner.userPath('ann'))).body
    await cancel(record)
    t.strictSame(await partner.fetchData('ann'), [], 'as one that was cancelled does')
    await remove(uuid(2))
    t.strictSame(await partner.fetchData('ann'), [])
    await upload(ann, pressure(6))
  },
)

t.test('a link is valid for its patient with any of their records, and for nobody else', async t => {
  const { lab } = world
  const organization = { reference: `Organization/${lab.organization}` }
  const kinds = ['omh:heart-rate']
  const carl = await world.participant(lab.manager, lab.organization, world.study.id, kinds, 'Carl')
  await upload(carl, rate(7))
  const carls = await patientAt(carl)
  const heart = 'OMHealthResource.HeartRate.Read'
  await carls.allow(await partner.deepLink('carl', heart))
  // Its id sorts before the other.
  const earlier = '00000000-0000-4000-8000-000000000001'
  const put = async (url: string, payload: object) => {
    const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
    const { statusCode, body } = await server.inject({ method: 'PUT', url: `/fhir/${url}`, headers, payload })
    if (statusCode > 201) throw new Error(body)
  }
  await put(`Patient/${earlier}`, { resourceType: 'Patient', id: earlier, managingOrganization: organization })
  await put(`Person/${carls.person}`, {
    resourceType: 'Person',
    id: carls.person,
    link: [carl, earlier].map(id => ({ target: { reference: `Patient/${id}` } })),
  })
  t.has(await carls.allow(await partner.deepLink('carl', heart)), { location: { pathname: '/account/apps' } })
  t.strictSame(await partner.fetchData('carl'), [{ resourceType: 'HEART_RATE', text: rate(7) }])
  t.equal((await server.authorization.grantedApps.list(carls.person)).length, 1, 'instead of the one before')

  const link = await partner.deepLink('carl', heart)
  const shown = await bobs.open(link)
  t.match(await bobs.decide(shown.url, shown.scopes), {
    status: 409,
    words: /The app already has the data of another patient under the id by which it knows you\. Nothing was allowed\./,
  })
  t.strictSame(await partner.fetchData('carl'), [{ resourceType: 'HEART_RATE', text: rate(7) }])
  t.has(await carls.allow(link), { location: { pathname: '/account/apps' } }, 'the link is still valid')
})

t.test('a patient who is staff elsewhere is only asked about their own data', async t => {
  const clinic = await world.institution('clinic')
  const { id } = await world.create('everything', { resourceType: 'Practitioner', name: [{ family: 'Nurse' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  await world.create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${clinic.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
  })
  const patient = await world.participant(
    world.lab.manager,
    world.lab.organization,
    world.study.id,
    ['omh:heart-rate'],
    'Dora',
  )
  const link = [practitioner, { reference: `Patient/${patient}` }].map(target => ({ target }))
  const nurse = await openPerson(world, (await world.create('everything', { resourceType: 'Person', link })).id)
  await upload(patient, rate(6))
  const { id: clientId, secret: clientSecret } = await client({
    name: 'Trial of nobody’s',
    policies: ['cloud-storage-partner'],
    metadata,
  })
  const trial = openPartner(server, { clientId, clientSecret })
  await trial.initialize('Trial', 'https://trial.example.org/logo.png')
  const { location } = await nurse.allow(await trial.deepLink('nurse', heartAndPressure))
  t.match(location, { origin: base, pathname: /^\/account\/apps$/ })
  t.strictSame(await trial.fetchData('nurse'), [{ resourceType: 'HEART_RATE', text: rate(6) }])
})

t.test('denying shares nothing, and the link is still valid', async t => {
  const link = await partner.deepLink('ann', heartAndPressure)
  const { url, scopes } = await anns.open(link)
  const { location } = await anns.decide(url, scopes, { decision: 'deny' })
  t.equal(location?.searchParams.get('error'), 'access_denied')
  t.equal((await anns.open(link)).status, 200)
})

t.test('what is revoked under /account/apps is no longer shared', async t => {
  await anns.allow(await partner.deepLink('ann', heartAndPressure))
  t.equal((await partner.fetchData('ann'))?.length, 3)
  const [granted] = await server.authorization.grantedApps.list(anns.person)
  await anns.browser.send('/account/apps', { app: granted?.id ?? '' })
  t.equal(await partner.fetchData('ann'), undefined)
})

t.test('a thousand records come as one list, in order, and each with a key of its own', async t => {
  const many = await world.participant(
    world.lab.manager,
    world.lab.organization,
    world.study.id,
    ['omh:heart-rate'],
    'Many',
  )
  const documents = Array.from({ length: 1000 }, (_, at) => {
    const time = new Date(Date.UTC(2026, 0, 1, 0, at)).toISOString()
    const header = { uuid: randomUUID(), schema_id: { namespace: 'omh', name: 'heart-rate', version: '2.0' } }
    const body = { heart_rate: { value: 60, unit: 'beats/min' }, effective_time_frame: { date_time: time } }
    return JSON.stringify({ header: { ...header, source_creation_date_time: time, modality: 'sensed' }, body })
  })
  const entry = documents.map(document => ({
    request: { method: 'POST', url: 'Observation' },
    resource: {
      resourceType: 'Observation',
      status: 'final',
      subject: { reference: `Patient/${many}` },
      valueAttachment: { contentType: 'application/json', data: Buffer.from(document).toString('base64') },
    },
  }))
  const { statusCode } = await server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: 'Bearer everything' },
    payload: { resourceType: 'Bundle', type: 'batch', entry },
  })
  t.equal(statusCode, 200)
  await (await patientAt(many)).allow(await partner.deepLink('many', heartAndPressure))
  const read = await partner.fetchData('many')
  t.strictSame(
    read?.map(({ text }) => text),
    documents.toReversed(),
  )
  const { body } = await partner.get(partner.userPath('many'))
  for (const name of ['client_record_id', 'encrypted_content', 'encrypted_dek'])
    t.equal(new Set(body.map((one: Record<string, string>) => one[name])).size, 1000, name)
})

t.test('each reading is recorded with the partner, the patient and the kinds, and so are other keys', async t => {
  await bobs.allow(await partner.deepLink('bob', heartAndPressure))
  const before = new Date().toISOString()
  await partner.fetchData('bob')
  await partner.updateSigningKeys()
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const events = async (bearer: string) => {
    const answer = await world.send(bearer, 'GET', `AuditEvent?_lastUpdated=ge${before}`)
    return (answer.json().entry ?? []).map(({ resource }: { readonly resource: AuditEvent }) => resource)
  }
  const [read] = await events(await world.patientToken(bob, 'patient/AuditEvent.rs'))
  t.match(read, {
    action: 'E',
    agent: [
      { who: { reference: `Patient/${bob}` } },
      { who: { identifier: { value: registered.id } }, name: 'Pressure trial' },
    ],
    entity: [
      { what: { reference: `Patient/${bob}` } },
      { description: 'Observation', detail: [{ type: 'kind', valueString: 'omh:heart-rate' }] },
    ],
  })
  const written = (await events('everything')).filter(({ outcomeDesc }: AuditEvent) => outcomeDesc !== undefined)
  t.match(written, [
    {
      subtype: [{ code: '110129' }],
      outcomeDesc: 'The app Pressure trial said of itself signing_keys as a partner',
      agent: [{ who: { identifier: { value: registered.id } }, name: 'Pressure trial', requestor: true }],
      source: { observer: { display: 'Authorization server' } },
    },
  ])
})

t.test('that somebody came as a partner with another secret is recorded', async t => {
  const before = new Date().toISOString()
  const stranger = openPartner(server, { clientId: registered.id, clientSecret: 'x'.repeat(43) })
  t.equal((await stranger.get()).status, 401)
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const { entry = [] } = (await world.send('everything', 'GET', `AuditEvent?_lastUpdated=ge${before}&outcome=4`)).json()
  t.match(
    entry.map(({ resource }: { readonly resource: AuditEvent }) => resource),
    [
      {
        type: { code: '110114' },
        outcome: '4',
        agent: [{ who: { identifier: { value: registered.id } }, name: 'Pressure trial', requestor: true }],
      },
    ],
  )
})

t.test('invalid keys and data of a partner are refused, and change nothing', async t => {
  const { body: before } = await partner.get()
  const [key] = before.signing_keys
  const wrong = [
    [{ ...key, algorithm: 'ECDSA_P384' }],
    [{ ...key, library: 'JOSE' }],
    [{ ...key, private: true }],
    [{ ...key, material: '{}' }],
    [{ ...key, material: key.material.replace('ENABLED', 'DISABLED') }],
    [{ ...key, material: key.material.replace('"TINK"', '"RAW"') }],
    [{ ...key, material: key.material.replace(/"value": ".{12}/, '"value": "AAAAAAAAAAAA') }],
    [key, null],
    Array.from({ length: 21 }, () => key),
    {},
  ]
  for (const keys of wrong) {
    const { status, body } = await partner.post(keys, '/signing_keys')
    t.has(
      [status, body.resourceType, body.issue?.[0]?.code],
      [400, 'OperationOutcome', 'invalid'],
      JSON.stringify(keys),
    )
  }
  const unsaid = [{ name: '' }, { name: 7 }, { name: 'Trial\u202Ereverof' }, { logo_uri: 'x'.repeat(501) }]
  for (const said of [...unsaid, { consent_message: 'Trust us' }, []])
    t.has(await partner.post(said), { status: 400, body: { issue: [{ code: 'invalid' }] } }, JSON.stringify(said))
  t.strictSame((await partner.get()).body, before)
})

t.test('a partner who is answered 503 keeps the key with which it signs', async t => {
  const wire = await openBrokenWire(world.url, 'SELECT said')
  const breaking = await serverOver(t, wire)
  const { body: before } = await partner.get()
  const cut = openPartner(breaking, { clientId: registered.id, clientSecret: registered.secret })
  t.match(await cut.updateSigningKeys(), { status: 503, headers: { 'retry-after': /./ } })
  t.strictSame((await partner.get()).body, before)
})

t.test('somebody who sends something other than JSON is told what is accepted', async t => {
  const { statusCode, body } = await server.inject({
    method: 'POST',
    url: `/api/v1/sharing-partners/${registered.id}`,
    headers: {
      authorization: `Basic ${btoa(`${registered.id}:${registered.secret}`)}`,
      'content-type': 'application/xml',
    },
    payload: '<name/>',
  })
  t.equal(statusCode, 415)
  t.strictSame(JSON.parse(body).issue, [
    {
      severity: 'error',
      code: 'not-supported',
      diagnostics: 'application/xml is not taken here; send application/json',
    },
  ])
})

t.test('links with keys that were replaced have ended', async t => {
  const link = await partner.deepLink('ann', heartAndPressure)
  const begun = await partner.deepLink('ann', heartAndPressure)
  const { url, scopes } = await anns.open(begun)
  const { body } = await anns.browser.get(url)
  const hidden = body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)
  const fields = Object.fromEntries([...hidden].map(([, name, value = '']) => [name, value]))
  await partner.updateSigningKeys()
  t.match(await anns.open(link), { status: 410, words: 'This link no longer works' })
  t.match(await anns.open(''), { status: 410, words: 'This link no longer works' }, 'a partner’s link is in no message')
  t.equal((await anns.browser.get(url)).status, 410, 'nobody is asked what they can no longer allow')
  t.match(await anns.browser.post(url, { ...fields, decision: 'allow', scope: scopes }), { status: 410 })
})
