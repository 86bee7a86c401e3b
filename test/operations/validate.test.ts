import type { Observation, OperationOutcome } from '@medplum/fhirtypes'
import t from 'tap'
import { heartRate, upload } from '../mhealth/upload.ts'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const send = async (method: 'GET' | 'POST' | 'PUT', url: string, payload?: object, bearer = 'everything') =>
  server.inject({
    method,
    url: `/fhir/${url}`,
    headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
    ...(payload === undefined ? {} : { payload }),
  })

/** Severity, element and message of each issue. */
const said = async (method: 'GET' | 'POST', url: string, payload?: object) => {
  const answer = await send(method, url, payload)
  t.equal(answer.statusCode, 200, answer.body)
  return answer
    .json<OperationOutcome>()
    .issue?.map(({ severity, expression = [], diagnostics }) => `${severity} ${expression.join()}: ${diagnostics}`)
}
const fine = ['information : Nothing is wrong with it']
const profileOf = (id: string) => `http://hl7.org/fhir/StructureDefinition/${id}`
const category = [
  { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
]
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
const quantity = (value: number, code: string) => ({ value, unit: code, system: 'http://unitsofmeasure.org', code })
const pulse: Observation = {
  resourceType: 'Observation',
  status: 'final',
  category,
  code: loinc('8867-4'),
  subject: { reference: 'Patient/ann' },
  effectiveDateTime: '2026-03-01T12:00:00Z',
  valueQuantity: quantity(60, '/min'),
}
const pressure: Observation = {
  ...pulse,
  code: loinc('85354-9'),
  component: [
    { code: loinc('8480-6'), valueQuantity: quantity(120, 'mm[Hg]') },
    { code: loinc('8462-4'), valueQuantity: quantity(80, 'mm[Hg]') },
  ],
}
const { valueQuantity: _, ...panel } = pressure

t.test('a valid resource has no issues, and is not stored', async t => {
  t.same(await said('POST', 'Observation/$validate', pulse), fine)
  t.equal((await send('GET', 'Observation?_summary=count')).json().total, 0)
})

t.test('everything that is wrong is reported at once, with 200', async t => {
  t.same(await said('POST', 'Observation/$validate', { resourceType: 'Observation', status: 'done' }), [
    "error Observation.status: 'done' is not in the required value set http://hl7.org/fhir/ValueSet/observation-status: accepted are registered, preliminary, final, amended, corrected, cancelled, entered-in-error, unknown",
    'error Observation.code: Observation needs code (CodeableConcept)',
  ])
})

t.test('an Open mHealth document is judged as an upload would be', async t => {
  t.same(await said('POST', 'Observation/$validate', upload(heartRate())), fine)
  const [first] = (await said('POST', 'Observation/$validate', upload({ ...heartRate(), body: {} }))) ?? []
  t.match(first, /^error .*heart_rate/)
})

t.test('vital signs conform to R4’s profiles, or the issues say where they do not', async t => {
  const check = (resource: object, id: string) =>
    said('POST', `Observation/$validate?profile=${profileOf(id)}`, resource)
  t.same(await check(pulse, 'heartrate'), fine)
  t.same(await check(pulse, 'vitalsigns'), fine)
  t.same(await check(panel, 'bp'), fine)
  t.same(await check({ ...pulse, category: undefined, valueQuantity: quantity(60, 'Hz') }, 'heartrate'), [
    `error Observation.category: ${profileOf('heartrate')} needs 1 of Observation.category, found 0`,
    `error Observation.category: ${profileOf('heartrate')} needs 1 of Observation.category:VSCat, found 0`,
    `error Observation.valueQuantity.code: ${profileOf('heartrate')} fixes it to "/min"`,
  ])
  t.same(await check({ ...panel, component: panel.component?.slice(0, 1) }, 'bp'), [
    `error Observation.component: ${profileOf('bp')} needs 2 of Observation.component, found 1`,
    `error Observation.component: ${profileOf('bp')} needs 1 of Observation.component:DiastolicBP, found 0`,
  ])
  t.same(await check({ ...pulse, valueQuantity: undefined }, 'heartrate'), [
    `error Observation: ${profileOf('heartrate')} vs-2: If there is no component or hasMember element then either a value[x] or a data absent reason must be present.`,
  ])
  t.match(await check(panel, 'heartrate'), [/needs 1 of Observation\.code\.coding:HeartRateCode, found 0/])
})

t.test('what does not have the structure of R4 is compared with a profile, too', async t => {
  const odd = [{ status: null }, { valueQuantity: null }, { dataAbsentReason: { coding: [null] } }]
  for (const more of [...odd, { dataAbsentReason: { coding: 'x' } }, { dataAbsentReason: { coding: { code: 'x' } } }])
    for (const url of ['heartrate', 'bp', 'bodyweight'].map(profileOf)) {
      const issues = await said('POST', `Observation/$validate?profile=${url}`, {
        ...pulse,
        component: [more],
        ...more,
      })
      t.match(issues?.[0], /^error Observation/, JSON.stringify(more))
    }
})

t.test('profiles that a resource claims are checked too, and an unknown one is reported', async t => {
  const claims = (url: string) => ({ ...pulse, meta: { profile: [url] } })
  t.same(await said('POST', 'Observation/$validate', claims(profileOf('heartrate'))), fine)
  t.match(await said('POST', 'Observation/$validate', claims(profileOf('bp'))), [
    /BPCode, found 0/,
    /allows 0 of/,
    /needs 2 of/,
    /SystolicBP, found 0/,
    /DiastolicBP, found 0/,
  ])
  t.same(await said('POST', 'Observation/$validate', claims('urn:nobody:knows')), [
    'error Resource.meta.profile: The profile urn:nobody:knows is not known here, so nothing was checked against it',
  ])
})

t.test('a profile can bind an element to a value set of R4, or to one that is stored here', async t => {
  const stored = 'https://example.org/ValueSet/postures'
  const compose = { include: [{ system: 'urn:postures', concept: [{ code: 'lying' }] }] }
  await send('POST', 'ValueSet', { resourceType: 'ValueSet', url: stored, status: 'active', compose })
  const url = 'https://example.org/StructureDefinition/bound-heart'
  const bound = (path: string, valueSet: string) => ({ id: path, path, binding: { strength: 'required', valueSet } })
  const profile = {
    resourceType: 'StructureDefinition',
    url,
    name: 'BoundHeart',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Observation',
    baseDefinition: profileOf('Observation'),
    derivation: 'constraint',
    differential: {
      element: [
        { id: 'Observation', path: 'Observation' },
        bound('Observation.category', 'http://hl7.org/fhir/ValueSet/observation-category'),
        bound('Observation.method', stored),
      ],
    },
  }
  t.equal((await send('POST', 'StructureDefinition', profile)).statusCode, 201)
  const check = (more: object) => said('POST', `Observation/$validate?profile=${url}`, { ...pulse, ...more })
  t.same(await check({ method: { coding: [{ system: 'urn:postures', code: 'lying' }] } }), fine)
  t.match(await check({ category: [{ coding: [{ system: 'urn:x', code: 'y' }] }], method: { text: 'standing' } }), [
    /^error Observation.category\[0\]: .* takes codes of .*observation-category \(required\)$/,
    /^error Observation.method: .* takes codes of .*postures \(required\)$/,
  ])
})

t.test('a profile that is stored here without a snapshot builds on the one from which it is derived', async t => {
  const url = 'https://example.org/StructureDefinition/calm-heart'
  const calm = {
    resourceType: 'StructureDefinition',
    url,
    name: 'CalmHeart',
    status: 'active',
    kind: 'resource',
    abstract: false,
    type: 'Observation',
    baseDefinition: profileOf('heartrate'),
    derivation: 'constraint',
    differential: {
      element: [
        { id: 'Observation', path: 'Observation', constraint: [constraint('calm-1', 'value.value < 100')] },
        { id: 'Observation.note', path: 'Observation.note', max: '0' },
        { id: 'Observation.device', path: 'Observation.device', min: 1 },
        {
          id: 'Observation.method',
          path: 'Observation.method',
          patternCodeableConcept: { coding: [{ system: 'urn:methods', code: 'rest' }] },
        },
      ],
    },
  }
  t.equal((await send('POST', 'StructureDefinition', calm)).statusCode, 201)
  const parameters = (resource: object) => ({
    resourceType: 'Parameters',
    parameter: [
      { name: 'resource', resource },
      { name: 'profile', valueUri: url },
    ],
  })
  const check = (resource: object) => said('POST', 'Observation/$validate', parameters(resource))
  const method = { coding: [{ system: 'urn:methods', code: 'rest', display: 'At rest' }] }
  const device = { reference: 'Device/belt' }
  t.same(await check({ ...pulse, device, method }), fine)
  t.same(
    await check({
      ...pulse,
      status: 'final',
      code: loinc('8867-4'),
      note: [{ text: 'x' }],
      method: { text: 'run' },
      valueQuantity: quantity(150, '/min'),
    }),
    [
      `error Observation: ${url} calm-1: calm-1 holds`,
      `error Observation.note: ${url} allows 0 of Observation.note, found 1`,
      `error Observation.method: ${url} asks that it have {"coding":[{"code":"rest","system":"urn:methods"}]}`,
      `error Observation.device: ${url} needs 1 of Observation.device, found 0`,
    ],
  )
})

t.test('a stored resource can be validated in place, and a deletion checked', async t => {
  const { id } = (await send('POST', 'Observation', pulse)).json()
  t.same(await said('GET', `Observation/${id}/$validate?profile=${profileOf('heartrate')}`), fine)
  const [first] = (await said('GET', `Observation/${id}/$validate?profile=${profileOf('bodyweight')}`)) ?? []
  t.match(first, /bodyweight/)
  t.same(await said('GET', `Observation/${id}/$validate?mode=delete`), fine)
  t.equal((await send('GET', 'Observation/nobody/$validate')).statusCode, 404)
  const posted = (mode: string) => ({ resourceType: 'Parameters', parameter: [{ name: 'mode', valueCode: mode }] })
  t.same(await said('POST', `Observation/${id}/$validate`, posted('delete')), fine, 'no resource is sent for it')
  t.same(await said('POST', `Observation/${id}/$validate`, posted('profile')), fine)
  t.equal((await send('POST', 'Observation/$validate', posted('create'))).statusCode, 400)
  t.match(await said('POST', `Observation/${id}/$validate?mode=update`, { ...pulse, id: 'other' }), [
    `error Resource.id: The id must be that of the URL, ${id}`,
  ])
})

t.test('a wrong request is refused', async t => {
  for (const [method, url, words] of [
    ['POST', 'Observation/$validate?mode=perhaps', /mode is one of create, update, delete, profile/],
    ['POST', 'Observation/$validate?nonsense=1', /\$validate has no parameter "nonsense"/],
    ['GET', 'Observation/$validate', /There is no resource to validate/],
  ] as const) {
    const answer = await send(method, url, method === 'POST' ? pulse : undefined)
    t.equal(answer.statusCode, 400, url)
    t.match(answer.json().issue[0].diagnostics, words, url)
  }
  t.equal((await send('POST', 'Observation/$validate', pulse, 'reader')).statusCode, 403)
})

t.test('Parameters are a resource themselves, or wrap the one that is to be validated', async t => {
  const own = { resourceType: 'Parameters', parameter: [{ name: 'dose', valueInteger: 5 }] }
  t.strictSame(await said('POST', 'Parameters/$validate', own), fine)
  t.strictSame(
    await said('POST', 'Parameters/$validate', {
      resourceType: 'Parameters',
      parameter: [
        { name: 'mode', valueCode: 'create' },
        { name: 'resource', resource: own },
      ],
    }),
    fine,
  )
  const answer = await send('POST', 'Observation/$validate', own)
  t.equal(answer.statusCode, 400)
  t.match(answer.json().issue[0].diagnostics, /\$validate has no parameter "dose"/)
})

function constraint(key: string, expression: string) {
  return { key, severity: 'error', human: `${key} holds`, expression }
}
