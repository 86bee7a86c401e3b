import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { server, database } = await fhirWorld()
t.teardown(() => server.close())

const send = async (method: 'GET' | 'POST' | 'PUT' | 'PATCH', path: string, payload?: unknown, more = {}) =>
  server.inject({
    method,
    url: `/fhir${path === '' ? '' : `/${path}`}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json', ...more },
    ...(payload === undefined ? {} : { payload: JSON.stringify(payload) }),
  })
const put = async (resource: { readonly resourceType: string; readonly id: string }) => {
  const { statusCode, body } = await send('PUT', `${resource.resourceType}/${resource.id}`, resource)
  if (statusCode !== 201) throw new Error(body)
}

const code = { coding: [{ system: 'http://loinc.org', code: '8867-4' }] }
const rate = (patient: string, value: number): Observation & { id: string } => ({
  resourceType: 'Observation',
  id: `${patient}-rate`,
  status: 'final',
  code,
  identifier: [{ system: 'urn:readings', value: `${patient}-1` }],
  subject: { reference: `Patient/${patient}` },
  performer: [{ reference: 'Organization/clinic' }],
  valueQuantity: { value, unit: '/min', system: 'http://unitsofmeasure.org', code: '/min' },
})
const clinic = { resourceType: 'Organization', id: 'clinic', name: 'Clinic', active: true }
await put(clinic)
for (const [id, family, birthDate] of [
  ['ann', 'Castillo', '1984-03-02'],
  ['bob', 'Brown', '1990-01-01'],
] as const) {
  const name = [{ family }]
  const managingOrganization = { reference: 'Organization/clinic' }
  const telecom = [{ system: 'email', value: `${id}.${family}@example.org` }]
  const patient = { resourceType: 'Patient', id, name, birthDate, telecom, gender: 'female', managingOrganization }
  await put(patient)
  await put(rate(id, id === 'ann' ? 80 : 60))
}
const list = { resourceType: 'List', id: 'chosen', status: 'current', mode: 'working' }
const entry = [{ item: { reference: 'Patient/ann' } }]
await put({ ...list, entry } as never)

type Row = Readonly<Record<string, unknown>>

/** What was recorded while it ran, with the ids of the patients. */
const recordedBy = async (run: () => Promise<unknown>): Promise<readonly Row[]> => {
  const { last } = await database.one<{ last: string }>(
    sql.fragment`SELECT coalesce(max(id), 0)::text AS last FROM audit_record`,
  )
  await run()
  return database.any<Row>(sql.fragment`
    SELECT interaction, type, resource, outcome, query,
      ARRAY(SELECT compartment.id FROM patient_compartment AS compartment
        WHERE compartment.patient_id = ANY(patients) ORDER BY compartment.id) AS patients
    FROM audit_record WHERE id > ${last}::bigint ORDER BY id`)
}

const count = '_summary=count'
const above = 'code=8867-4&value-quantity=gt100'

/** Ways to ask about Ann, with and without matches. The types that are recorded are given if they are not just the first one. */
const aboutAnn: readonly (readonly [path: string, types?: string])[] = [
  [`Observation?patient=ann&${above}&${count}`],
  [`Observation?subject=Patient/ann&${above}`],
  [`Observation?subject:Patient=ann&${above}&${count}`],
  [`Observation?subject._id=ann&${above}&${count}`],
  [`Observation?patient._id=ann&${above}`],
  [`Observation?patient.name=Castillo&${above}&${count}`, 'Observation Patient'],
  [`Observation?subject.name=Castillo&${above}`, 'Observation Patient'],
  [`Observation?patient.email=ann.Castillo@example.org&${above}&${count}`, 'Observation Patient'],
  [`Patient/ann/Observation?${above}&${count}`],
  [`Patient/ann/Observation?${above}`],
  [`Patient?_id=ann&birthdate=lt1984&${count}`],
  ['Patient?_id=ann&birthdate=lt1984'],
  [`Patient?_id:not=ann&birthdate=lt1984&${count}`],
  [`Patient?family=Castillo&birthdate=lt1984&${count}`],
  [`Patient?_list=chosen&birthdate=lt1984&${count}`],
  [`Observation?_id=ann-rate&value-quantity=gt65&${count}`],
  ['Observation?_id=ann-rate&value-quantity=gt100'],
  [`Observation?identifier=urn:readings|ann-1&value-quantity=gt100&${count}`],
  [`Observation?_filter=subject eq Patient/ann and value-quantity gt 100&${count}`],
  [`Observation?_filter=(subject eq Patient/ann and value-quantity gt 65) or code eq nothing&${count}`],
  ['Observation?_filter=not(subject eq Patient/ann)&code=nothing'],
  [`Observation?derived-from=ann-rate&${above}&${count}`],
  [`Observation?performer=Patient/ann&${count}`],
  [`ResearchSubject?individual=ann&${count}`],
  ['ResearchSubject?individual=Patient/ann&status=on-study'],
  [`Consent?patient:Patient._id=ann&status=active&${count}`],
  [`Provenance?target=Observation/ann-rate&${count}`, 'Provenance Observation'],
  [`List?_id=chosen&item:Patient._has:Observation:patient:code-value-quantity=8867-4$gt90&${count}`, 'List Patient'],
  ['List?_id=chosen&item:Patient._has:Observation:patient:code-value-quantity=8867-4$gt65', 'List Patient'],
  [`List?status=current&item:Patient.birthdate=lt1984&${count}`, 'List Patient'],
  ['List?item:Patient._id=ann'],
  ['Organization?_has:Patient:organization:_has:Observation:patient:_id=ann-rate', 'Organization Observation'],
  [`ResearchStudy?_has:ResearchSubject:study:individual=ann&${count}`],
]

t.test('who is recorded for a question depends neither on how it is spelled nor on its answer', async t => {
  for (const [path, types = /^(?:Patient.ann.)?([A-Za-z]+)/.exec(path)?.[1]] of aboutAnn) {
    const rows = await recordedBy(async () => {
      const { statusCode, body } = await send('GET', path.replaceAll(' ', '%20'))
      t.equal(statusCode, 200, body)
    })
    t.strictSame(
      rows.map(({ query: _, ...row }) => row),
      [{ interaction: 'search-type', type: types, resource: null, outcome: 200, patients: ['ann'] }],
      path,
    )
  }
})

t.test('if something that belongs to nobody is asked for by a few patients, all of them are recorded', async t => {
  for (const asked of ['birthdate=lt1984', 'family=Castillo'])
    t.strictSame(await recordedBy(() => send('GET', `Organization?_has:Patient:organization:${asked}&${count}`)), [
      {
        interaction: 'search-type',
        type: 'Organization Patient',
        resource: null,
        outcome: 200,
        query: `_has:Patient:organization:${asked.split('=')[0]}=…&${count}`,
        patients: ['ann', 'bob'],
      },
    ])
})

t.test('a question about everybody records nobody by name', async t => {
  for (const path of [
    `Observation?${above}&${count}`,
    `Patient?birthdate=lt1984&${count}`,
    'Observation?code=nothing',
  ]) {
    const rows = await recordedBy(() => send('GET', path))
    t.strictSame(
      rows.map(({ patients }) => patients),
      [[]],
      path,
    )
  }
})

t.test('whoever is named beside others is recorded even if only the others are in the answer', async t => {
  for (const path of [
    'Observation?patient=ann,bob&value-quantity=lt65',
    'Observation?_id=ann-rate,bob-rate&value-quantity=lt65',
    'Observation?patient.name=Castillo,Brown&value-quantity=lt65',
  ]) {
    const rows = await recordedBy(() => send('GET', path))
    t.strictSame(
      rows.map(({ patients }) => patients),
      [['ann', 'bob']],
      path,
    )
  }
})

const jsonPatch = { 'content-type': 'application/json-patch+json' }

t.test('a patch whose result is refused is recorded for the patient', async t => {
  const patch = [
    { op: 'copy', from: '/telecom/0/value', path: '/birthDate' },
    { op: 'copy', from: '/name/0/family', path: '/gender' },
  ]
  t.strictSame(
    await recordedBy(async () => {
      t.equal((await send('PATCH', 'Patient/ann', patch, jsonPatch)).statusCode, 422)
    }),
    [{ interaction: 'patch', type: 'Patient', resource: 'ann', outcome: 422, query: null, patients: ['ann'] }],
  )
})

t.test('a write that is refused because of what is stored is recorded for the patient', async t => {
  const refused = async (...[method, path, payload, more]: Parameters<typeof send>) =>
    recordedBy(() => send(method, path, payload, more))
  const row = { type: 'Observation', resource: 'ann-rate', query: null, patients: ['ann'] }
  t.strictSame(
    await refused('PATCH', 'Observation/ann-rate', [{ op: 'test', path: '/status', value: 'amended' }], jsonPatch),
    [{ ...row, interaction: 'patch', outcome: 422 }],
  )
  t.strictSame(
    await refused('PUT', 'Observation/ann-rate', { ...rate('bob', 1), id: 'ann-rate' }),
    [{ ...row, interaction: 'update', outcome: 422 }],
    'nobody’s data is made somebody else’s',
  )
  t.strictSame(await refused('PUT', 'Observation/ann-rate', rate('ann', 1), { 'if-match': 'W/"9"' }), [
    { ...row, interaction: 'update', outcome: 412 },
  ])
})

const failing = {
  fullUrl: 'https://clinic.example/Organization/clinic',
  request: { method: 'PATCH', url: 'Organization/clinic' },
  resource: {
    resourceType: 'Binary',
    contentType: 'application/json-patch+json',
    data: Buffer.from(JSON.stringify([{ op: 'test', path: '/active', value: false }])).toString('base64'),
  },
}
const transaction = (reference: string, ...more: readonly unknown[]) => ({
  resourceType: 'Bundle',
  type: 'transaction',
  entry: [
    {
      request: { method: 'POST', url: 'List' },
      resource: { ...list, id: undefined, entry: [{ item: { reference } }] },
    },
    ...more,
  ],
})

t.test('a transaction that is undone records about whom it asked', async t => {
  for (const [limit, outcome] of [
    ['gt50', 422],
    ['gt100', 412],
  ] as const) {
    const rows = await recordedBy(async () => {
      const body = transaction(`Observation?_id=ann-rate&value-quantity=${limit}`, failing)
      t.equal((await send('POST', '', body)).statusCode, outcome)
    })
    t.has(rows, [{ interaction: 'transaction', outcome, query: '_id=…&value-quantity=…', patients: ['ann'] }])
    t.equal(rows.length, 1)
    t.match(rows[0]?.type, /Observation/)
  }
})

t.test('a conditional patch that is refused records about whom it asked, found or not', async t => {
  for (const [date, outcome] of [
    ['lt1990', 422],
    ['lt1980', 404],
  ] as const)
    t.strictSame(
      await recordedBy(async () => {
        const path = `Patient?_id=ann&birthdate=${date}`
        const { statusCode } = await send('PATCH', path, [{ op: 'test', path: '/gender', value: 'male' }], jsonPatch)
        t.equal(statusCode, outcome)
      }),
      [
        {
          interaction: 'transaction',
          type: 'Patient',
          resource: null,
          outcome,
          query: '_id=…&birthdate=…',
          patients: ['ann'],
        },
      ],
    )
})

t.test('a transaction that succeeds records about whom its conditional references asked', async t => {
  const rows = await recordedBy(async () => {
    const reference = 'Observation?patient=ann&code=8867-4&value-quantity=gt65&value-quantity=lt90'
    const { statusCode, body } = await send('POST', '', transaction(reference))
    t.equal(statusCode, 200, body)
  })
  t.strictSame(rows, [
    {
      interaction: 'transaction',
      type: 'Observation List',
      resource: null,
      outcome: 200,
      query: 'patient=…&code=8867-4&value-quantity=…&value-quantity=…',
      patients: ['ann'],
    },
  ])
})

t.test('a conditional create records whom its condition is about', async t => {
  const resource = { ...rate('bob', 61), id: undefined }
  const rows = await recordedBy(() =>
    send('POST', 'Observation', resource, { 'if-none-exist': 'patient=ann&value-quantity=gt100' }),
  )
  t.has(rows, [{ interaction: 'create', outcome: 201, patients: ['ann', 'bob'] }])
})
