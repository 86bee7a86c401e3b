import type { Consent, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { systems } from '../../src/fhir/canonical.ts'
import { consent, openStudies } from '../support/study.ts'

const world = await openStudies()
const { server, create, update, patientToken, staffToken } = world
t.teardown(() => server.close())

const lab = await world.institution('lab')
const heartRate = 'omh:heart-rate'
const study = await world.study(lab.manager, lab.organization, 'hearts', [heartRate])
const researcher = await staffToken(study.researcher, 'user/*.rs')

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH'
const send = async (bearer: string, method: Method, url: string, payload?: object, headers = {}) => {
  const answer = await server.inject({
    method,
    url,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(url.startsWith('/fhir') && {
        'content-type': method === 'PATCH' ? 'application/json-patch+json' : 'application/fhir+json',
      }),
      ...headers,
    },
    ...(payload && { payload }),
  })
  return { status: answer.statusCode, body: answer.json() }
}

/** Somebody who had signed what their app has kept, left, and was enrolled anew. `status`: as what the app had sent it before they left. */
const openReturned = async (status?: 'proposed' | 'draft') => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const place = await world.enrol(lab.manager, study.id, id)
  const own = await patientToken(id, 'patient/*.cruds patient/Consent.cruds patient/ResearchStudy.rs')
  await create('everything', {
    resourceType: 'Observation',
    status: 'final',
    code: { coding: [{ system: systems.omh, code: heartRate }] },
    subject: { reference: `Patient/${id}` },
    effectiveDateTime: '2199-01-01',
  })
  const kept = consent(id, study.id, lab.organization, [heartRate])
  const sent = status === undefined ? undefined : await create(own, { ...kept, status })
  await update(own, { ...place, status: 'withdrawn' })
  await world.enrol(lab.manager, study.id, id)
  const read = async () => (await send(researcher, 'GET', `/fhir/Observation?patient=${id}`)).body.entry?.length ?? 0
  return { id, own, kept, sent: sent?.id ?? '', read }
}
type Returned = Awaited<ReturnType<typeof openReturned>>

const bundle = (type: 'batch' | 'transaction', method: 'POST' | 'PUT', url: string, resource: Resource) => ({
  resourceType: 'Bundle',
  type,
  entry: [{ resource, request: { method, url } }],
})
const becomesActive = [{ op: 'replace', path: '/status', value: 'active' }]

type Sends = (one: Returned) => ReturnType<typeof send>
const ways: Readonly<Record<string, readonly [Sends, 'draft'?]>> = {
  'is created': [({ own, kept }) => send(own, 'POST', '/fhir/Consent', kept)],
  'is created without a time': [
    ({ own, kept: { dateTime: _, ...timeless } }) => send(own, 'POST', '/fhir/Consent', timeless),
  ],
  'is created if there is none': [
    ({ own, kept }) => send(own, 'POST', '/fhir/Consent', kept, { 'if-none-exist': 'status=active' }),
  ],
  'is created by an update': [
    ({ id, kept }) => send('everything', 'PUT', `/fhir/Consent/kept-${id}`, { ...kept, id: `kept-${id}` }),
  ],
  'was a draft': [({ own, kept, sent: id }) => send(own, 'PUT', `/fhir/Consent/${id}`, { ...kept, id }), 'draft'],
  'was proposed': [({ own, kept, sent: id }) => send(own, 'PUT', `/fhir/Consent/${id}`, { ...kept, id })],
  'is found by a conditional update': [({ own, kept }) => send(own, 'PUT', '/fhir/Consent?status=proposed', kept)],
  'is patched': [({ own, sent }) => send(own, 'PATCH', `/fhir/Consent/${sent}`, becomesActive)],
  'is found by a conditional patch': [({ own }) => send(own, 'PATCH', '/fhir/Consent?status=proposed', becomesActive)],
  'is created in a transaction': [
    ({ own, kept }) => send(own, 'POST', '/fhir', bundle('transaction', 'POST', 'Consent', kept)),
    'draft',
  ],
  'is updated in a transaction': [
    ({ own, kept, sent: id }) =>
      send(own, 'POST', '/fhir', bundle('transaction', 'PUT', `Consent/${id}`, { ...kept, id })),
  ],
}
const refused = /^The patient said no to this study, or left it, or what they gave it was ended, at \S+Z; only what was/

for (const [way, [sends, status = 'proposed']] of Object.entries(ways))
  t.test(`what was signed before leaving does not count for a new place, if it ${way}`, async t => {
    const one = await openReturned(/created/.test(way) ? undefined : status)
    const { status: answered, body } = await sends(one)
    t.match([answered, body.issue], [422, [{ code: 'business-rule', diagnostics: refused }]])
    t.match(body.issue[0].expression, [/^(Consent|Bundle\.entry\[0\]\.resource)\.dateTime$/])
    t.equal(await one.read(), 0)
  })

t.test('nor does it in a batch', async t => {
  const { own, kept, read } = await openReturned()
  const { body } = await send(own, 'POST', '/fhir', bundle('batch', 'POST', 'Consent', kept))
  t.match(body.entry[0].response, { status: '422', outcome: { issue: [{ diagnostics: refused }] } })
  t.equal(await read(), 0)
})

t.test('what is signed since counts, be it a new Consent, an answer to what was proposed, or with the API', async t => {
  const signed = ({ kept }: Returned): Consent => ({ ...kept, dateTime: new Date().toISOString() })
  const created = await openReturned()
  t.equal((await send(created.own, 'POST', '/fhir/Consent', signed(created))).status, 201)
  t.equal(await created.read(), 1)
  const answered = await openReturned('proposed')
  await update(answered.own, { ...signed(answered), id: answered.sent })
  t.equal(await answered.read(), 1)
  const { id, own, read } = await openReturned()
  const scopeConsents = [{ codingSystem: systems.omh, codingCode: heartRate, consented: true }]
  const asked = { studyScopeConsents: [{ studyId: study.id, scopeConsents }] }
  t.equal((await send(own, 'POST', `/api/v1/patients/${id}/consents`, asked)).status, 201)
  t.equal(await read(), 1)
})
