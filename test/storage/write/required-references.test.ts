import t from 'tap'
import { heartRate, upload } from '../../mhealth/upload.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, token } = await fhirWorld({ REFERENTIAL_INTEGRITY: 'on' })
t.teardown(() => server.close())

const call = async (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
  url: string,
  payload?: object,
  bearer = 'everything',
) => {
  const answer = await server.inject({
    method,
    url: `/fhir${url && `/${url}`}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  })
  const body = answer.body === '' ? {} : answer.json()
  return { status: answer.statusCode, body, told: [body.issue?.[0]?.diagnostics, body.issue?.[0]?.expression?.[0]] }
}
const condition = (reference: string, more: object = {}) => ({
  resourceType: 'Condition',
  subject: { reference },
  ...more,
})
const patient = (id: string) => call('PUT', `Patient/${id}`, { resourceType: 'Patient', id })
const bundle = (type: string, entry: readonly object[]) => ({ resourceType: 'Bundle', type, entry })

await patient('here')

t.test('literal references must lead to resources that exist here', async t => {
  t.equal((await call('POST', 'Condition', condition('Patient/here'))).status, 201)
  t.equal((await call('POST', 'Condition', condition('http://localhost:8080/fhir/Patient/here'))).status, 201)
  t.equal(
    (await call('POST', 'Condition', condition('Patient/here/_history/1'))).status,
    201,
    'a version remains in the reference',
  )
  t.equal((await call('POST', 'Condition', condition('https://elsewhere.example/fhir/Patient/x'))).status, 201)
  const { status, told } = await call('POST', 'Condition', condition('Patient/absent'))
  t.strictSame([status, ...told], [422, 'Patient/absent is not known here', 'Condition.subject'])
  const inside = condition('Patient/here', { evidence: [{ detail: [{ reference: 'Observation/x' }] }] })
  t.strictSame((await call('POST', 'Condition', inside)).told[1], 'Condition.evidence[0].detail[0]')
})

t.test('updates and patches are checked too', async t => {
  const { body } = await call('POST', 'Condition', condition('Patient/here'))
  const path = `Condition/${body.id}`
  const asserter = { reference: 'Practitioner/absent' }
  t.equal((await call('PUT', path, { ...body, asserter })).status, 422)
  t.equal((await call('PATCH', path, [{ op: 'add', path: '/asserter', value: asserter }])).status, 422)
  t.equal((await call('GET', path)).body.meta.versionId, '1')
})

t.test('resources of a transaction may refer to each other, even in a circle', async t => {
  const [one, other] = [
    'urn:uuid:11111111-1111-4111-8111-111111111111',
    'urn:uuid:22222222-2222-4222-8222-222222222222',
  ]
  const linked = (to: string) => ({ resourceType: 'Patient', link: [{ type: 'seealso', other: { reference: to } }] })
  const made = bundle('transaction', [
    { resource: condition(one), request: { method: 'POST', url: 'Condition' } },
    { fullUrl: other, resource: linked(one), request: { method: 'POST', url: 'Patient' } },
    { fullUrl: one, resource: linked(other), request: { method: 'PUT', url: 'Patient?identifier=urn:test|circle' } },
  ])
  t.equal((await call('POST', '', made)).status, 200)
  const wrong = bundle('transaction', [
    { resource: condition('Patient/absent'), request: { method: 'POST', url: 'Condition' } },
  ])
  t.strictSame((await call('POST', '', wrong)).told[1], 'Bundle.entry[0].resource.subject')
  const batch = await call(
    'POST',
    '',
    bundle('batch', [
      ...wrong.entry,
      { resource: condition('Patient/here'), request: { method: 'POST', url: 'Condition' } },
    ]),
  )
  t.strictSame(
    batch.body.entry.map(({ response }: { response: { status: string } }) => response.status.slice(0, 3)),
    ['422', '201'],
  )
})

t.test('an upload may come from a device that nobody has registered', async t => {
  const sent = {
    ...upload(heartRate(61)),
    subject: { reference: 'Patient/here' },
    device: { reference: 'Device/unknown' },
  }
  t.equal((await call('POST', 'Observation', sent)).status, 201)
  const lost = { ...upload(heartRate(62)), subject: { reference: 'Patient/absent' } }
  t.equal((await call('POST', 'Observation', lost)).status, 422)
})

t.test('a hidden resource and one that does not exist are refused alike', async t => {
  for (const id of ['own', 'another']) await patient(id)
  const own = await token({ subject: { kind: 'patient', patient: 'own' }, scope: 'patient/*.cruds' })
  const refer = async (id: string) => {
    const resource = condition('Patient/own', { asserter: { reference: `Patient/${id}` } })
    const { status, body } = await call('POST', 'Condition', resource, own)
    return [status, JSON.stringify(body).replaceAll(id, 'ID')]
  }
  t.strictSame(await refer('another'), await refer('absent'))
  t.equal((await refer('own'))[0], 201)
})

t.test('deletions are never refused, and the CapabilityStatement says what is enforced', async t => {
  await patient('leaving')
  t.equal((await call('POST', 'Condition', condition('Patient/leaving'))).status, 201)
  t.equal((await call('DELETE', 'Patient/leaving')).status, 204)
  const { body } = await call('GET', 'metadata')
  t.ok(body.rest[0].resource[0].referencePolicy.includes('enforced'))
})
