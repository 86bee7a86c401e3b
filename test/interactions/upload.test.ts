import t from 'tap'
import { heartRate, upload } from '../mhealth/upload.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
const send = (method: 'POST' | 'PUT', url: string, body: unknown, more: object = {}) =>
  server.inject({ method, url: `/fhir${url}`, headers: { ...headers, ...more }, payload: JSON.stringify(body) })
await send('PUT', '/Patient/ann', { resourceType: 'Patient', id: 'ann' })

/** Each measured a second after the one before it. */
const document = (uuid: string, value: unknown = 64) => {
  const moment = { date_time: `2026-03-01T07:30:0${uuid.slice(-1)}+01:00` }
  const { header, body } = heartRate(value, { effective_time_frame: moment })
  return upload({ header: { ...header, uuid }, body })
}
const [first, second] = ['0a6f3c1e-5b7d-4c2a-9e8f-000000000001', '0a6f3c1e-5b7d-4c2a-9e8f-000000000002']
type Answer = { readonly response: { readonly status: string; readonly location: string; readonly outcome?: object } }
const batch = async (...resources: readonly object[]): Promise<readonly Answer[]> => {
  const entry = resources.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
  return (await send('POST', '', { resourceType: 'Bundle', type: 'batch', entry })).json().entry
}
const statuses = (entries: readonly Answer[]) => entries.map(({ response }) => response.status.slice(0, 3))
const locations = (entries: readonly Answer[]) => entries.map(({ response }) => response.location)

t.test('a Bundle that is sent again creates nothing, and answers where everything is', async t => {
  const sent = await batch(document(first), document(second))
  const again = await batch(document(first), document(second))
  t.same(
    [statuses(sent), statuses(again)],
    [
      ['201', '201'],
      ['200', '200'],
    ],
  )
  t.same(locations(again), locations(sent))
})

t.test('a changed document under the same uuid is version 2', async t => {
  const [changed] = await batch(document(first, 65))
  t.equal(changed?.response.status, '200 OK')
  t.match(changed?.response.location, /_history\/2$/)
})

t.test('a document that its schema refuses says so at its own entry', async t => {
  const [good, bad] = await batch(document(second), document('0a6f3c1e-5b7d-4c2a-9e8f-000000000003', 'fast'))
  t.match(good?.response.status, /^200/)
  t.match(bad?.response, { status: /^422/, outcome: { resourceType: 'OperationOutcome' } })
})

t.test('what is stored is found by the code of any spelling', async t => {
  for (const code of ['omh:heart-rate', 'omh:heart-rate:2.0', 'http://loinc.org|8867-4']) {
    const url = `/fhir/Observation?patient=ann&code=${encodeURIComponent(code)}&_total=accurate`
    t.equal((await server.inject({ url, headers })).json().total, 2, code)
  }
})
