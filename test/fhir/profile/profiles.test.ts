import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parseJson, rawNumber } from '../../../src/fhir/json.ts'
import type { ProfileDefinition } from '../../../src/fhir/profile/profile.ts'
import { checkProfiles } from '../../../src/fhir/profile/profiles.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'

const registry = loadRegistry()
const folder = join(import.meta.dirname, '..', '..', '..', 'node_modules', 'hl7.fhir.r4.examples')
const nothingStored = async () => undefined

/** These four claim the value set itself, or a profile that was never published. */
const unknown = [
  'ValueSet/endpoint-connection-type',
  'ValueSet/endpoint-payload-type',
  'ValueSet/provenance-history-agent-type',
  'ValueSet/provenance-history-record-activity',
]

t.test('every published example conforms to the profiles that it claims', async t => {
  const failures: [string, unknown][] = []
  let compared = 0
  for (const file of readdirSync(folder).filter(name => name.endsWith('.json'))) {
    const text = readFileSync(join(folder, file), 'utf8')
    if (!text.includes('"profile"')) continue
    const resource = JSON.parse(text)
    if (!Array.isArray(resource.meta?.profile)) continue
    compared += 1
    const issues = await checkProfiles(registry, resource, resource.meta.profile, nothingStored)
    const errors = issues.filter(({ severity }) => severity !== 'warning')
    if (errors.length > 0) failures.push([`${resource.resourceType}/${resource.id}`, errors])
  }
  t.ok(compared > 1900, `${compared} compared`)
  t.same(
    failures.map(([name]) => name),
    unknown,
  )
})

t.test('Extensions are distinguished by url, and conform to their own definitions', async t => {
  const url = 'https://example.org/StructureDefinition/born'
  const definition = {
    url,
    type: 'ResearchSubject',
    baseDefinition: 'http://hl7.org/fhir/StructureDefinition/ResearchSubject',
    differential: {
      element: [
        { id: 'ResearchSubject', path: 'ResearchSubject' },
        {
          id: 'ResearchSubject.extension',
          path: 'ResearchSubject.extension',
          slicing: { discriminator: [{ type: 'value', path: 'url' }], rules: 'closed' },
        },
        {
          id: 'ResearchSubject.extension:born',
          path: 'ResearchSubject.extension',
          sliceName: 'born',
          min: 1,
          max: '1',
          type: [{ code: 'Extension', profile: ['https://sharewell.dev/fhir/StructureDefinition/birth-year'] }],
        },
      ],
    },
  }
  const find = async (asked: string) => (asked === url ? definition : undefined)
  const check = async (...extension: readonly object[]) =>
    (await checkProfiles(registry, { resourceType: 'ResearchSubject', extension }, [url], find)).map(
      ({ expression, message }) => `${expression}: ${message.replace(url, 'it')}`,
    )
  const born = { url: 'https://sharewell.dev/fhir/StructureDefinition/birth-year', valueDate: '1980' }
  t.same(await check(born), [])
  t.same(await check(), ['ResearchSubject.extension: it needs 1 of ResearchSubject.extension:born, found 0'])
  t.same(await check(born, { url: 'urn:other', valueString: 'x' }), [
    'ResearchSubject.extension[1]: it allows only its own slices here',
  ])
  t.same(await check({ ...born, valueDate: undefined, valueString: '1980' }), [
    'ResearchSubject.extension[0].valueString: https://sharewell.dev/fhir/StructureDefinition/birth-year takes the types date here, not String',
  ])
})

t.test('an element that has nothing but extensions is there, and those of a primitive are checked', async t => {
  const url = 'https://example.org/StructureDefinition/dated'
  const extension = { url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }
  const definition = {
    url,
    type: 'Patient',
    snapshot: {
      element: [
        { id: 'Patient', path: 'Patient' },
        { id: 'Patient.birthDate', path: 'Patient.birthDate', min: 1, max: '1' },
        { id: 'Patient.deceased[x]', path: 'Patient.deceased[x]', min: 1, max: '1', type: [{ code: 'boolean' }] },
        { id: 'Patient.name.given', path: 'Patient.name.given', min: 2, max: '2' },
        { id: 'Patient.gender.extension', path: 'Patient.gender.extension', min: 1, max: '1' },
        { id: 'Patient.gender.extension:why', path: 'Patient.gender.extension', min: 1, max: '1' },
        { id: 'Patient.gender.extension:why.url', path: 'Patient.gender.extension.url', fixedUri: extension.url },
        {
          id: 'Patient.gender.extension:why.value[x]',
          path: 'Patient.gender.extension.value[x]',
          type: [{ code: 'code' }],
        },
      ],
    },
  }
  const find = async (asked: string) => (asked === url ? definition : undefined)
  const check = async (more: object) => {
    const absent = { extension: [extension] }
    const whole = {
      resourceType: 'Patient',
      _birthDate: absent,
      _deceasedBoolean: absent,
      name: [{ given: ['Ann', null], _given: [null, absent] }],
      gender: 'other',
      _gender: absent,
    }
    return (await checkProfiles(registry, { ...whole, ...more }, [url], find)).map(
      ({ expression, message }) => `${expression}: ${message.replace(url, 'it')}`,
    )
  }
  t.same(await check({}), [])
  t.same(await check({ _birthDate: undefined }), ['Patient.birthDate: it needs 1 of Patient.birthDate, found 0'])
  t.same(await check({ _deceasedBoolean: undefined, _deceasedDateTime: { extension: [extension] } }), [
    'Patient.deceasedDateTime: it takes the types boolean here, not DateTime',
  ])
  t.same(await check({ name: [{ given: ['Ann'] }] }), [
    'Patient.name[0].given: it needs 2 of Patient.name[0].given, found 1',
  ])
  t.same(await check({ _gender: { extension: [{ url: extension.url, valueString: 'x' }] } }), [
    'Patient.gender.extension[0].valueString: it takes the types code here, not String',
  ])
  t.same(await check({ _gender: undefined }), [
    'Patient.gender.extension: it needs 1 of Patient.gender.extension, found 0',
    'Patient.gender.extension: it needs 1 of Patient.gender.extension:why, found 0',
  ])
})

t.test('a Subscription to a topic is compared with what the guide on topics asks of it', async t => {
  const guide = 'http://hl7.org/fhir/uv/subscriptions-backport/StructureDefinition'
  const content = { url: `${guide}/backport-payload-content`, valueCode: 'id-only' }
  const channel = {
    type: 'rest-hook',
    extension: [{ url: `${guide}/backport-heartbeat-period`, valueUnsignedInt: 60 }],
    payload: 'application/fhir+json',
    _payload: { extension: [content] },
  }
  const check = async (more: object) =>
    (
      await checkProfiles(
        registry,
        { resourceType: 'Subscription', criteria: 'https://example.org/topic', channel: { ...channel, ...more } },
        [`${guide}/backport-subscription`],
        nothingStored,
      )
    ).map(({ expression }) => expression)
  t.same(await check({}), [])
  t.same(await check({ payload: undefined }), [], 'a payload may have nothing but its content')
  t.same(await check({ payload: undefined, _payload: undefined }), ['Subscription.channel.payload'])
  t.same(await check({ _payload: undefined }), ['Subscription.channel.payload.extension'])
  t.same(await check({ _payload: { extension: [content, content] } }), ['Subscription.channel.payload.extension'])
  t.same(await check({ extension: [{ url: `${guide}/backport-heartbeat-period`, valueString: '60' }] }), [
    'Subscription.channel.extension[0].valueString',
  ])
})

t.test('lengths and limits of a profile hold, as far as a value can be compared with them', async t => {
  const url = 'https://example.org/StructureDefinition/limited'
  const kilograms = (value: number) => ({ value, system: 'http://unitsofmeasure.org', code: 'kg' })
  const definition = {
    url,
    type: 'Observation',
    snapshot: {
      element: [
        { path: 'Observation' },
        { path: 'Observation.code.text', maxLength: 3 },
        { path: 'Observation.effective[x]', minValueDateTime: '2020-03', maxValueDateTime: '2021' },
        { path: 'Observation.value[x]', minValueQuantity: kilograms(2), maxValueQuantity: kilograms(300) },
        { path: 'Observation.component.value[x]', minValueInteger: 1, maxValueInteger: 9 },
      ],
    },
  }
  const find = async (asked: string) => (asked === url ? definition : undefined)
  const check = async (more: object) =>
    (await checkProfiles(registry, { resourceType: 'Observation', ...more }, [url], find)).map(
      ({ expression, message }) => `${expression}: ${message.replace(url, 'it')}`,
    )
  for (const right of [
    { code: { text: 'añ😀' } },
    { effectiveDateTime: '2020-03-01' },
    { effectiveDateTime: '2020' },
    { effectiveDateTime: '2021-12-31' },
    { effectivePeriod: { start: '1900' } },
    { valueQuantity: kilograms(2) },
    { valueQuantity: { value: 1, unit: 'stone' } },
    { component: [{ valueInteger: 9 }] },
  ])
    t.same(await check(right), [], JSON.stringify(right))
  t.same(await check({ code: { text: 'four' } }), ['Observation.code.text: it takes at most 3 characters'])
  t.same(await check({ effectiveDateTime: '2020-02-29' }), [
    'Observation.effectiveDateTime: it takes nothing below "2020-03"',
  ])
  t.same(await check({ effectiveDateTime: '2022-01-01' }), [
    'Observation.effectiveDateTime: it takes nothing above "2021"',
  ])
  t.match(await check({ valueQuantity: kilograms(1.9) }), [
    /^Observation.valueQuantity: it takes nothing below {"value":2/,
  ])
  t.match(await check({ component: [{ valueInteger: 10 }] }), [/valueInteger: it takes nothing above 9$/])
})

t.test('a number that keeps its text is compared as a number, and has extensions beside it', async t => {
  const url = 'https://example.org/StructureDefinition/precise'
  const definition = {
    url,
    type: 'RiskAssessment',
    snapshot: {
      element: [
        { path: 'RiskAssessment' },
        { path: 'RiskAssessment.prediction.probability[x]', maxValueDecimal: rawNumber('0.50') },
        { path: 'RiskAssessment.prediction.probability[x].extension', min: 1, max: '1' },
      ],
    },
  } as unknown as ProfileDefinition
  const find = async (asked: string) => (asked === url ? definition : undefined)
  const check = async (prediction: string) => {
    const resource = { resourceType: 'RiskAssessment', prediction: [parseJson(prediction)] }
    return (await checkProfiles(registry, resource, [url], find)).map(({ message }) => message.replace(url, 'it'))
  }
  const beside = '"_probabilityDecimal": {"extension": [{"url": "urn:x", "valueCode": "y"}]}'
  t.same(await check(`{"probabilityDecimal": 0.40, ${beside}}`), [])
  t.same(await check(`{"probabilityDecimal": 0.60, ${beside}}`), ['it takes nothing above 0.50'])
  t.same(await check('{"probabilityDecimal": 0.40}'), [
    'it needs 1 of RiskAssessment.prediction[0].probabilityDecimal.extension, found 0',
  ])
})

t.test('a value set to which only a profile binds is looked up', async t => {
  const url = 'https://example.org/StructureDefinition/bound'
  const element = (strength: string) => ({
    path: 'Observation.category',
    binding: { strength, valueSet: 'https://example.org/ValueSet/colours|2' },
  })
  const check = async (strength: string, code: string, isKnown = true) => {
    const definition = { url, type: 'Observation', snapshot: { element: [{ path: 'Observation' }, element(strength)] } }
    const resource = { resourceType: 'Observation', category: [{ coding: [{ system: 'urn:colours', code }] }] }
    const codes = [{ system: 'urn:colours', code: 'red' }]
    const issues = await checkProfiles(
      registry,
      resource,
      [url],
      async asked => (asked === url ? definition : undefined),
      async asked => (isKnown && asked === 'https://example.org/ValueSet/colours|2' ? codes : undefined),
    )
    return issues.map(({ severity, expression }) => `${severity} ${expression}`)
  }
  t.same(await check('required', 'red'), [])
  t.same(await check('required', 'blue'), ['error Observation.category[0]'])
  t.same(await check('extensible', 'blue'), ['warning Observation.category[0]'])
  t.same(await check('preferred', 'blue'), [])
  t.same(await check('required', 'blue', false), [], 'unless its codes cannot be listed')
})

t.test('a rule that is no FHIRPath, or is only said in words, is not checked, and that is said', async t => {
  const url = 'https://example.org/StructureDefinition/ruled'
  const rule = (key: string, expression?: string) => ({ key, severity: 'error', human: 'x', expression })
  const constraint = [rule('r-1', '((('), rule('r-2', '"x"'), rule('r-3'), rule('r-4', 'gender.exists()')]
  const definition = { url, type: 'Patient', snapshot: { element: [{ path: 'Patient', constraint }] } }
  const issues = await checkProfiles(registry, { resourceType: 'Patient' }, [url], async asked =>
    asked === url ? (definition as ProfileDefinition) : undefined,
  )
  const unread = 'its expression cannot be read as FHIRPath, so it was not checked'
  t.same(
    issues.map(({ severity, message }) => `${severity} ${message}`),
    [
      `warning ${url} r-1: ${unread}`,
      `warning ${url} r-2: ${unread}`,
      `warning ${url} r-3: ${unread}`,
      `error ${url} r-4: x`,
    ],
  )
})

t.test(
  'slices are told apart by the type to which a reference leads, and not by what would have to be read',
  async t => {
    const url = 'https://example.org/StructureDefinition/performed'
    const check = async (discriminator: object, target: string | undefined, ...performer: readonly object[]) => {
      const path = 'Observation.performer'
      const targetProfile = target && [`http://hl7.org/fhir/StructureDefinition/${target}`]
      const element = [
        { id: 'Observation', path: 'Observation' },
        { id: path, path, slicing: { discriminator: [discriminator], rules: 'closed' } },
        { id: `${path}:own`, path, min: 1, max: '1', type: [{ code: 'Reference', targetProfile }] },
      ]
      const definition = { url, type: 'Observation', snapshot: { element } } as ProfileDefinition
      const find = async (asked: string) => (asked === url ? definition : undefined)
      return (await checkProfiles(registry, { resourceType: 'Observation', performer }, [url], find)).map(
        ({ severity, message }) => `${severity} ${message.replace(url, 'it')}`,
      )
    }
    const byType = { type: 'type', path: 'resolve()' }
    const [ann, her] = [{ reference: 'Patient/ann' }, { reference: 'https://example.org/fhir/Patient/ann/_history/2' }]
    for (const one of [ann, her, { type: 'Patient', identifier: { value: '1' } }])
      t.same(await check(byType, 'Patient', one), [], JSON.stringify(one))
    t.same(await check(byType, 'Patient', ann, her), ['error it allows 1 of Observation.performer:own, found 2'])
    t.same(await check(byType, 'Patient', { reference: 'Practitioner/1' }), [
      'error it needs 1 of Observation.performer:own, found 0',
      'error it allows only its own slices here',
    ])
    const unchecked = (by: string) =>
      `warning it tells Observation.performer:own from others by ${by}, which cannot be decided here, so this slice was not checked`
    for (const other of ['us-core-patient', 'Resource', undefined])
      t.same(await check(byType, other, ann), [unchecked('type of resolve()')])
    t.same(await check(byType, 'us-core-patient'), ['error it needs 1 of Observation.performer:own, found 0'])
    for (const [type, path] of [
      ['profile', 'resolve()'],
      ['value', 'resolve().code'],
      ['value', "extension('urn:x').value"],
    ])
      t.same(await check({ type, path }, 'Patient', ann), [unchecked(`${type} of ${path}`)])
  },
)

t.test('a slice that is told by codes that cannot be listed is not checked, and the others are', async t => {
  const url = 'https://example.org/StructureDefinition/sorted'
  const path = 'Observation.category'
  const valueSet = 'https://example.org/ValueSet/colours'
  const [red, vital] = [
    { coding: [{ system: 'urn:colours', code: 'red' }] },
    { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-category', code: 'vital-signs' }] },
  ]
  const element = [
    { id: 'Observation', path: 'Observation' },
    { id: path, path, slicing: { discriminator: [{ type: 'value', path: '$this' }], rules: 'closed' } },
    { id: `${path}:colour`, path, min: 1, max: '1', binding: { strength: 'required', valueSet } },
    { id: `${path}:vital`, path, min: 1, max: '1', patternCodeableConcept: vital },
  ]
  const definition = { url, type: 'Observation', snapshot: { element } } as ProfileDefinition
  const check = async (codes: readonly string[] | undefined, ...category: readonly object[]) => {
    const find = async (asked: string) => (asked === url ? definition : undefined)
    const listed = codes?.map(code => ({ system: 'urn:colours', code }))
    const issues = await checkProfiles(
      registry,
      { resourceType: 'Observation', category },
      [url],
      find,
      async () => listed,
    )
    return issues.map(({ severity, message }) => `${severity} ${message.replace(url, 'it')}`)
  }
  const unchecked =
    'warning it tells Observation.category:colour from others by value of $this, which cannot be decided here, so this slice was not checked'
  const lacking = (slice: string) => `error it needs 1 of Observation.category:${slice}, found 0`
  t.same(await check(['red'], red, vital), [])
  t.same(await check(['red'], vital), [lacking('colour')])
  t.same(await check(undefined, red, vital), [unchecked])
  t.same(await check([], red), [unchecked, lacking('vital')])
})
