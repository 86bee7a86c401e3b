import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { type ValidationPolicy, validationPolicies } from '../../src/mhealth/policy.ts'
import { fhirServer } from '../support/fhir-server.ts'
import { markdownTable, writtenPart } from '../support/written-part.ts'
import { at, heartRate, point, upload } from './upload.ts'

const file = '../shared/data/derived/omh-edge-cases.json'
const skip = existsSync(file) ? false : `${file} is not there: only cases of our own were tried`

const server = await fhirServer()
t.teardown(() => server.close())
const send = (bundle: object) =>
  server.inject({
    method: 'POST',
    url: '/fhir',
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    payload: JSON.stringify(bundle),
  })
const batch = async (entry: readonly object[]) =>
  (await send({ resourceType: 'Bundle', type: 'batch', entry })).json().entry

await batch(
  validationPolicies.map(policy => ({
    resource: {
      resourceType: 'Device',
      id: policy,
      extension: [{ url: extensions.validationPolicy, valueCode: policy }],
    },
    request: { method: 'PUT', url: `Device/${policy}` },
  })),
)

type Case = { readonly id: string; readonly doc: unknown; readonly code?: string }
type Verdict = { readonly status: string; readonly findings: readonly string[] }

/** What a source with each policy did with the cases, each of a patient of its own. */
const verdictsOf = async (cases: readonly Case[]) => {
  const all = cases.flatMap(one => validationPolicies.map(policy => ({ ...one, policy })))
  const patientOf = ({ id, policy }: { id: string; policy: string }) => `${id.replace(/[._]/g, '-')}-${policy}`
  await batch(
    all.map(one => ({
      resource: { resourceType: 'Patient', id: patientOf(one) },
      request: { method: 'PUT', url: `Patient/${patientOf(one)}` },
    })),
  )
  const answers = await batch(
    all.map(one => ({
      resource: upload(one.doc, {
        subject: { reference: `Patient/${patientOf(one)}` },
        device: { reference: `Device/${one.policy}` },
        ...(one.code === undefined
          ? {}
          : { code: { coding: [{ system: 'https://w3id.org/openmhealth', code: one.code }] } }),
      }),
      request: { method: 'POST', url: 'Observation' },
    })),
  )
  return new Map(
    all.map((one, index): [string, Verdict] => [`${one.id} ${one.policy}`, verdictIn(answers[index].response)]),
  )
}

type Issue = {
  readonly severity: string
  readonly code: string
  readonly details?: { readonly coding?: readonly { readonly code: string }[] }
}
type Response = { readonly status: string; readonly outcome?: { readonly issue: readonly Issue[] } }

/** That something is kept is not a finding. */
const verdictIn = ({ status, outcome }: Response): Verdict => {
  const found = (outcome?.issue ?? []).filter(({ severity }) => severity !== 'information')
  return {
    status: status.slice(0, 3),
    findings: [...new Set(found.map(issue => issue.details?.coding?.[0]?.code ?? issue.code))],
  }
}

const told = ({ status, findings }: Verdict): string => [status, ...findings].join(' ')

t.test('each of our own cases gets its verdict from each policy', async t => {
  const frame = (time_interval: object) => ({ time_interval })
  const glucose = (more: object) =>
    point('omh:blood-glucose:4.0', {
      blood_glucose: { value: 95, unit: 'mg/dL' },
      effective_time_frame: at,
      ...more,
    })
  const pressure = (systolic: unknown, diastolic: unknown) => ({
    systolic_blood_pressure: { value: systolic, unit: 'mmHg' },
    diastolic_blood_pressure: { value: diastolic, unit: 'mmHg' },
    effective_time_frame: at,
  })
  const start = '2026-03-01T22:00:00Z'
  const end = '2026-03-02T06:00:00Z'
  const steps = (body: object) => point('omh:step-count:3.0', body)
  const cases: readonly (readonly [id: string, doc: unknown, verdicts: readonly string[], code?: string])[] = [
    ['right', heartRate(), ['201', '201', '201']],
    ['more-fields', heartRate(64, { more: { of: 'it' } }), ['201', '201', '201']],
    ['series', { ...heartRate(), body: [heartRate(60).body, heartRate(61).body] }, ['201', '201', '201']],
    [
      'unit',
      glucose({ blood_glucose: { value: 95, unit: 'MGDL' } }),
      ['422 schema-broken', '201 unit-spelling', '201 unit-spelling'],
    ],
    [
      'answer-empty',
      glucose({ temporal_relationship_to_meal: 'unknown' }),
      ['422 schema-broken', '201 answer-empty', '201 answer-empty'],
    ],
    [
      'answer',
      heartRate(64, { temporal_relationship_to_sleep: 'during' }),
      ['422 schema-broken', '201 answer-spelling', '201 answer-spelling'],
    ],
    [
      'no-zone',
      heartRate(64, { effective_time_frame: { date_time: '2026-03-01T07:30:00' } }),
      ['422 schema-broken', '201 time-zone-missing', '201 time-zone-missing'],
    ],
    [
      'duration',
      heartRate(64, {
        effective_time_frame: frame({
          start_date_time: start,
          end_date_time: end,
          duration: { value: 8, unit: 'h' },
        }),
      }),
      ['422 schema-broken', '201 duration-beside-interval', '201 duration-beside-interval'],
    ],
    [
      'duration-that-differs',
      heartRate(64, {
        effective_time_frame: frame({
          start_date_time: start,
          end_date_time: end,
          duration: { value: 9, unit: 'h' },
        }),
      }),
      ['422 schema-broken', '422 schema-broken', '201 schema-broken'],
    ],
    [
      'part-of-day',
      glucose({ effective_time_frame: frame({ date: '2026-03-01', part_of_day: 'morning' }) }),
      ['422 schema-broken', '201 part-of-day', '201 part-of-day'],
    ],
    ['text', heartRate('64'), ['422 schema-broken', '422 schema-broken', '201 schema-broken']],
    [
      'moment-of-steps',
      steps({ step_count: { value: 67, unit: 'steps' }, effective_time_frame: at }),
      ['422 schema-broken', '422 schema-broken', '201 schema-broken'],
    ],
    [
      'uuid',
      point('omh:heart-rate:2.0', heartRate().body, { uuid: 'one' }),
      ['422 schema-broken', '422 schema-broken', '201 schema-broken'],
    ],
    [
      'bare',
      pressure(120, 80),
      ['422 header-missing', '201 header-missing', '201 header-missing'],
      'omh:blood-pressure:4.0',
    ],
    [
      'other-version',
      point('omh:blood-pressure:3.1', pressure(120, 80)),
      ['201 version-differs', '201 version-differs', '201 version-differs'],
      'omh:blood-pressure:4.0',
    ],
    [
      'later-version',
      point('omh:heart-rate:9.9', heartRate().body),
      ['422 schema-unknown', '201 schema-unknown', '201 schema-unknown'],
    ],
    [
      'below-zero',
      steps({
        step_count: { value: -1, unit: 'steps' },
        effective_time_frame: frame({ start_date_time: start, end_date_time: end }),
      }),
      ['422 value-negative', '201 value-negative', '201 value-negative'],
    ],
    [
      'impossible',
      point('omh:blood-pressure:4.0', pressure(9999, 77)),
      ['422 value-impossible', '201 value-impossible', '201 value-impossible'],
    ],
    [
      'pressures-swapped',
      point('omh:blood-pressure:4.0', pressure(80, 120)),
      ['422 value-impossible', '201 value-impossible', '201 value-impossible'],
    ],
    [
      'future',
      heartRate(64, { effective_time_frame: { date_time: '2999-03-01T07:30:00Z' } }),
      ['422 time-future', '201 time-future', '201 time-future'],
    ],
    [
      'backwards',
      heartRate(64, { effective_time_frame: frame({ start_date_time: end, end_date_time: start }) }),
      ['422 interval-order', '422 interval-order', '201 interval-order'],
    ],
    ['other-kind', heartRate(), ['422 code-differs', '422 code-differs', '201 code-differs'], 'omh:body-weight:3.0'],
    [
      'no-time',
      point('omh:blood-glucose:1.0', { blood_glucose: { value: 95, unit: 'mg/dL' } }),
      ['201 time-missing', '201 time-missing', '201 time-missing'],
    ],
  ]
  const verdicts = await verdictsOf(
    cases.map(([id, doc, , code]) => ({ id, doc, ...(code === undefined ? {} : { code }) })),
  )
  const found = (id: string) => validationPolicies.map(policy => told(verdicts.get(`${id} ${policy}`) as Verdict))
  for (const [id, , wanted] of cases) t.strictSame(found(id), wanted, id)
})

type EdgeCase = Case & {
  readonly why: string
  readonly strict: { readonly ieee_header: boolean; readonly omh_header_1_2: boolean; readonly body: boolean | null }
}

/** Schemas do not bound numbers, but the strict policy does; and for one schema that is not official we have our own. */
const differently: Readonly<Record<string, boolean>> = { 'ok-absurd-values': false, 'unknown-schema': true }

t.test('docs/open-mhealth.md says what each policy does with the 30 cases (--update writes it)', { skip }, async t => {
  const cases: readonly EdgeCase[] = JSON.parse(readFileSync(file, 'utf8'))
  t.equal(cases.length, 30)
  const coded = cases.map(one => ({
    ...one,
    ...((one.doc as { header?: object }).header === undefined ? { code: 'omh:blood-pressure:4.0' } : {}),
    ...(one.id.startsWith('ok-commonhealth') ? { code: 'omh:blood-pressure:4.0' } : {}),
  }))
  const verdicts = await verdictsOf(coded)
  const of = (id: string, policy: ValidationPolicy) => verdicts.get(`${id} ${policy}`) as Verdict
  for (const { id, strict } of cases) {
    const isValid = strict.body === true && (strict.ieee_header || strict.omh_header_1_2)
    t.equal(of(id, 'strict').status === '201', differently[id] ?? isValid, id)
  }
  const table = markdownTable(
    ['case', 'what it is', ...validationPolicies],
    cases.map(({ id, why }) => [id, why, ...validationPolicies.map(policy => told(of(id, policy)))]),
  )
  t.equal(writtenPart('docs/open-mhealth.md', 'cases', table), table)
})
