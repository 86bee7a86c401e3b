import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { point, upload } from '../../mhealth/upload.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())
const types = {
  json: 'application/fhir+json',
  xml: 'application/fhir+xml',
  patch: 'application/json-patch+json',
} as const
const call = (
  method: 'GET' | 'POST' | 'PUT' | 'PATCH',
  url: string,
  payload?: string | object,
  type: keyof typeof types = 'json',
) =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: {
      authorization: 'Bearer everything',
      'content-type': types[type],
      accept: types[type === 'patch' ? 'json' : type],
    },
    ...(payload === undefined ? {} : { payload: typeof payload === 'string' ? payload : JSON.stringify(payload) }),
  })
await call('PUT', 'Patient/ann', { resourceType: 'Patient', id: 'ann' })

const moments = (...times: readonly string[]) => times.map(date_time => ({ effective_time_frame: { date_time } }))
const seconds = ['2026-03-01T10:00:00Z', '2026-03-01T10:00:05Z', '2026-03-01T10:00:10Z']
const odd = ['2026-03-01T11:00:00.000Z', '2026-03-01T11:00:00.812Z', '2026-03-01T11:00:01.630Z']
const heartRates = (...times: readonly string[]) =>
  moments(...times).map((frame, index) => ({ heart_rate: { value: 60.5 + index, unit: 'beats/min' }, ...frame }))
const pressures = moments(...seconds).map((frame, index) => ({
  systolic_blood_pressure: { value: 120 + index, unit: 'mmHg' },
  diastolic_blood_pressure: { value: 80, unit: 'mmHg' },
  ...frame,
}))
const [single] = heartRates('2026-03-01T12:00:00.123456+01:00')

const documents = {
  'a series on a grid': point('omh:heart-rate:2.0', heartRates(...seconds)),
  'a series with times of its own': point('omh:heart-rate:2.0', heartRates(...odd)),
  'a series of pressures': point('omh:blood-pressure:4.0', pressures),
  'a series of one point': point('omh:heart-rate:2.0', heartRates('2026-03-01T13:00:00Z')),
  'a time to the microsecond': point('omh:heart-rate:2.0', single),
}
for (const [index, [what, { header, body }]] of Object.entries(documents).entries())
  t.test(`what was made of ${what} can be changed like anything else`, async t => {
    const uuid = `0a6f3c1e-5b7d-4c2a-9e8f-00000000001${index}`
    const { device: _, ...sent } = upload({ header: { ...header, uuid }, body })
    const created = await call('POST', 'Observation', sent)
    t.equal(created.statusCode, 201, created.body)
    const { meta, ...made } = created.json()
    const path = `Observation/${made.id}`
    const changes = [
      await call('PUT', path, (await call('GET', path)).body),
      await call('PUT', path, (await call('GET', path, undefined, 'xml')).body, 'xml'),
      await call('PATCH', path, [{ op: 'add', path: '/note', value: [{ text: 'After a walk' }] }], 'patch'),
      await call('POST', `${path}/$meta-add`, {
        resourceType: 'Parameters',
        parameter: [{ name: 'meta', valueMeta: { tag: [{ system: 'http://ex.org', code: 'seen' }] } }],
      }),
      await call('PATCH', path, [{ op: 'replace', path: '/status', value: 'entered-in-error' }], 'patch'),
    ]
    t.strictSame(
      changes.map(({ statusCode, body }) => (statusCode === 200 ? 200 : body)),
      changes.map(() => 200),
    )
    const stored = (await call('GET', path)).json()
    const { issue } = (await call('POST', 'Observation/$validate', stored)).json()
    t.strictSame(
      issue.filter(({ severity }: { severity: string }) => severity === 'error'),
      [],
    )
    const { meta: changed, ...rest } = stored
    t.equal(changed.versionId, '4', 'sending it unchanged made no version')
    t.same(rest, { ...made, note: [{ text: 'After a walk' }], status: 'entered-in-error' })
  })

t.test('none of it was quarantined', async t => {
  t.strictSame(await database.any(sql.fragment`SELECT id FROM quarantined_document`), [])
})
