import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { fhirWorld } from '../support/fhir-server.ts'

const { server, token } = await fhirWorld()
t.teardown(() => server.close())

/** Heart rate, in every code that senders have ever used. */
const spellings = [
  'http://loinc.org|8867-4',
  'https://w3id.org/openmhealth|omh:heart-rate:2.0',
  'omh:heart-rate',
  'http://snomed.info/sct|78564009',
  'http://purl.bioontology.org/ontology/SNOMEDCT/78564009',
]

const patient = { resourceType: 'Patient', id: 'ann' }
const ucum = 'http://unitsofmeasure.org'
const native = (id: string, system: string | undefined, code: string, more: Partial<Observation> = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [system === undefined ? { code } : { system, code }] },
  subject: { reference: 'Patient/ann' },
  effectiveDateTime: '2026-03-01T08:00:00Z',
  ...more,
})
const quantity = (value: number, code: string, system = ucum) => ({ value, unit: code, system, code })
const document = (id: string, schema: string, body: object) => {
  const [namespace, name, version] = schema.split(':')
  const text = JSON.stringify({
    header: {
      uuid: `0a6f3c1e-5b7d-4c2a-9e8f-${Buffer.from(id).toString('hex').padEnd(12, '0').slice(0, 12)}`,
      schema_id: { namespace, name, version },
      source_creation_date_time: '2026-03-01T07:31:00Z',
      modality: 'sensed',
    },
    body: { ...body, effective_time_frame: { date_time: '2026-03-01T07:30:00Z' } },
  })
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'https://w3id.org/openmhealth', code: schema }] },
    subject: { reference: 'Patient/ann' },
    valueAttachment: { contentType: 'application/json', data: Buffer.from(text).toString('base64') },
  }
}
const pressure = (id: string, systolic: number, diastolic: number) =>
  native(id, 'http://loinc.org', '85354-9', {
    component: [
      {
        code: { coding: [{ system: 'http://loinc.org', code: '8480-6' }] },
        valueQuantity: quantity(systolic, 'mm[Hg]'),
      },
      {
        code: { coding: [{ system: 'http://loinc.org', code: '8462-4' }] },
        valueQuantity: quantity(diastolic, 'mm[Hg]'),
      },
    ],
  })

const heartRates = [
  document('omh-2', 'omh:heart-rate:2.0', { heart_rate: { value: 64, unit: 'beats/min' } }),
  document('omh-1', 'omh:heart-rate:1.0', { heart_rate: { value: 80, unit: 'beats/min' } }),
  native('loinc', 'http://loinc.org', '8867-4', { valueQuantity: quantity(71, '/min') }),
  native('snomed', 'http://snomed.info/sct', '78564009', { valueQuantity: quantity(72, '/min') }),
  native('purl', undefined, 'http://purl.bioontology.org/ontology/SNOMEDCT/78564009'),
  native('purl-system', 'http://purl.bioontology.org/ontology/SNOMEDCT', '78564009'),
  native('omh-native', 'https://w3id.org/openmhealth', 'omh:heart-rate:3.0'),
]
const others = [
  document('pressure-document', 'omh:blood-pressure:4.0', {
    systolic_blood_pressure: { value: 150, unit: 'mmHg' },
    diastolic_blood_pressure: { value: 95, unit: 'mmHg' },
  }),
  pressure('pressure-high', 145.5, 80),
  pressure('pressure-crossed', 120, 141),
  native('glucose', 'http://loinc.org', '2339-0', { valueQuantity: quantity(110, 'mg/dL') }),
  native('glucose-molar', 'http://loinc.org', '15074-8', { valueQuantity: quantity(11, 'mmol/L') }),
  native('elsewhere', 'http://example.org', '8867-4'),
]
const bundle = {
  resourceType: 'Bundle',
  type: 'batch',
  entry: [patient, ...heartRates, ...others].map(resource => ({
    resource,
    request: { method: 'PUT', url: `${resource.resourceType}/${resource.id}` },
  })),
}
const get = (bearer: string, url: string) =>
  server.inject({ url: `/fhir/${url}`, headers: { authorization: `Bearer ${bearer}` } })
const found = async (query: Record<string, string>, bearer = 'everything'): Promise<readonly string[]> => {
  const answer = await get(bearer, `Observation?${new URLSearchParams({ ...query, _count: '100' })}`)
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return (answer.json().entry ?? []).map((entry: { resource: Observation }) => entry.resource.id).sort()
}
const heartRateIds = heartRates.map(({ id }) => id).sort()

t.before(async () => {
  const headers = { authorization: 'Bearer everything' }
  const answer = await server.inject({ method: 'POST', url: '/fhir', headers, payload: bundle })
  const refused = answer
    .json()
    .entry.filter((entry: { response: { status: string } }) => entry.response.status !== '201 Created')
  if (refused.length > 0) throw new Error(JSON.stringify(refused))
})

t.test('every spelling of heart rate finds every heart rate and nothing else', async t => {
  for (const code of spellings) {
    t.strictSame(await found({ patient: 'ann', code }), heartRateIds, code)
    t.strictSame(await found({ code }), heartRateIds, `${code}, of everybody`)
    t.strictSame(
      await found({ code: `${code},http://loinc.org|2339-0` }),
      [...heartRateIds, 'glucose'].sort(),
      `${code} or glucose`,
    )
  }
})

t.test('every spelling in a scope allows every heart rate and nothing else', async t => {
  for (const code of spellings) {
    const scope = `patient/Observation.rs?code=${code}`
    const bearer = await token({ subject: { kind: 'patient', patient: 'ann' }, scope })
    t.strictSame(await found({}, bearer), heartRateIds, scope)
    for (const other of spellings)
      t.strictSame(await found({ code: other }, bearer), heartRateIds, `${scope}, asked ${other}`)
    t.strictSame(await found({ code: 'http://loinc.org|2339-0' }, bearer), [], `${scope}, asked for glucose`)
    t.equal((await get(bearer, 'Observation/loinc')).statusCode, 200)
    t.equal((await get(bearer, 'Observation/omh-2')).statusCode, 200)
    t.equal((await get(bearer, 'Observation/glucose')).statusCode, 404)
  }
})

t.test('a code of another system is another code', async t => {
  t.strictSame(await found({ code: 'http://example.org|8867-4' }), ['elsewhere'])
})

t.test('the parts of a blood pressure are searched together', async t => {
  const above = `http://loinc.org|8480-6$gt140|${ucum}|mm[Hg]`
  t.strictSame(await found({ 'component-code-value-quantity': above }), ['pressure-document', 'pressure-high'])
  t.strictSame(await found({ 'component-code-value-quantity': 'http://loinc.org|8480-6$145.5' }), ['pressure-high'])
  t.strictSame(await found({ 'component-code-value-quantity': `http://loinc.org|8462-4$gt140|${ucum}|mm[Hg]` }), [
    'pressure-crossed',
  ])
  t.strictSame(await found({ 'component-code-value-quantity': `http://loinc.org|8480-6$gt140|${ucum}|kPa` }), [])
})

t.test('values are found by their unit, in whatever unit they were sent', async t => {
  t.strictSame(await found({ code: 'omh:heart-rate', 'value-quantity': `lt72|${ucum}|/min` }), ['loinc', 'omh-2'])
  t.strictSame(await found({ code: 'omh:heart-rate', 'value-quantity': 'ge72' }), ['omh-1', 'snomed'])
  t.strictSame(await found({ 'value-quantity': `gt10|${ucum}|mmol/L` }), ['glucose-molar'])
  t.strictSame(await found({ 'code-value-quantity': 'omh:heart-rate$gt75' }), ['omh-1'])
  t.strictSame(await found({ 'code-value-quantity': `http://loinc.org|8867-4$gt75|${ucum}|/min` }), ['omh-1'])
})
