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

t.test('an upload has one Provenance, of what it has brought and not of what was there', async t => {
  const [third, fourth] = ['0a6f3c1e-5b7d-4c2a-9e8f-000000000004', '0a6f3c1e-5b7d-4c2a-9e8f-000000000005']
  const sent = await batch(document(third), document(second), document(fourth), document(fourth, 'fast'))
  const [one = '', known = '', two = ''] = locations(sent).map(location => location?.split('/').at(-3))
  const of = async (id: string) =>
    (await server.inject({ url: `/fhir/Provenance?target=Observation/${id}`, headers })).json().entry ?? []
  const [{ resource }, ...others] = await of(one)
  t.strictSame(others, [])
  t.strictSame(await of(two), await of(one))
  t.strictSame((await of(known)).length, 1, 'only of the upload that it came with')
  const { id, meta, recorded, entity, ...said } = resource
  t.match(id, /^upload-/)
  t.strictSame(meta, { versionId: '1', lastUpdated: recorded })
  t.strictSame(said, {
    resourceType: 'Provenance',
    target: [{ reference: `Observation/${one}` }, { reference: `Observation/${two}` }],
    activity: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle', code: 'receive' }] },
    agent: [
      {
        type: {
          coding: [
            { system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type', code: 'transmitter' },
          ],
        },
        who: { identifier: { system: 'https://sharewell.dev/fhir/client', value: 'importer' } },
      },
    ],
  })
  t.match(entity, [{ role: 'source', what: { identifier: { system: 'https://sharewell.dev/fhir/upload' } } }])
  await batch(document(third), document(fourth))
  t.strictSame((await of(one)).length, 1, 'sent again it brings nothing')
  await batch(document(third, 70))
  t.strictSame((await of(one)).length, 2, 'who changes it is told as well')
  t.equal((await send('PUT', `/Provenance/${id}`, { ...resource, recorded: '2020-01-01T00:00:00Z' })).statusCode, 403)
  await server.inject({ method: 'DELETE', url: `/fhir/Observation/${one}`, headers })
  t.strictSame(await of(one), [])
  t.match((await server.inject({ url: `/fhir/Provenance/${id}`, headers })).json(), {
    target: [{ reference: `Observation/${two}` }],
  })
})
