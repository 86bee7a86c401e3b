import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { openMatching } from '../../support/matching.ts'

/** `:in`, `:not-in`, `:above` and `:below`, with the value sets and code systems that are stored here. */
const { put, finds, close } = await openMatching()
t.teardown(close)

const coded = (...coding: readonly object[]) => ({ coding })
const condition = (id: string, more: object) => ({
  resourceType: 'Condition',
  id,
  subject: { reference: 'Patient/x' },
  ...more,
})
const animals = 'http://x.example/animals'
const valueSet = (id: string, compose: object, more: object = {}) => ({
  resourceType: 'ValueSet',
  id,
  status: 'active',
  url: `http://x.example/ValueSet/${id}`,
  compose,
  ...more,
})

await put(
  {
    resourceType: 'CodeSystem',
    id: 'animals',
    status: 'active',
    content: 'complete',
    url: animals,
    concept: [
      {
        code: 'animal',
        concept: [
          { code: 'dog', concept: [{ code: 'poodle' }], property: [{ code: 'legs', valueInteger: 4 }] },
          { code: 'bird', property: [{ code: 'legs', valueInteger: 2 }] },
          {
            code: 'pet',
            property: [
              { code: 'notSelectable', valueBoolean: true },
              { code: 'child', valueCode: 'poodle' },
            ],
          },
        ],
      },
    ],
  },
  { resourceType: 'CodeSystem', id: 'part', status: 'active', content: 'fragment', url: 'http://x.example/part' },
  valueSet('listed', {
    include: [
      { system: animals, concept: [{ code: 'dog' }] },
      { system: 'urn:other', concept: [{ code: 'x' }] },
    ],
  }),
  valueSet('whole', { include: [{ system: animals }] }),
  valueSet('dogs', { include: [{ system: animals, filter: [{ property: 'concept', op: 'is-a', value: 'dog' }] }] }),
  valueSet('under-dog', {
    include: [{ system: animals, filter: [{ property: 'concept', op: 'descendent-of', value: 'dog' }] }],
  }),
  valueSet('four-legs', { include: [{ system: animals, filter: [{ property: 'legs', op: '=', value: '4' }] }] }),
  valueSet('some', { include: [{ system: animals, filter: [{ property: 'code', op: 'in', value: 'bird,dog' }] }] }),
  valueSet('nested', {
    include: [{ valueSet: ['http://x.example/ValueSet/whole', 'http://x.example/ValueSet/dogs'] }],
    exclude: [{ system: animals, concept: [{ code: 'dog' }] }],
  }),
  valueSet('circle', { include: [{ valueSet: ['http://x.example/ValueSet/circle'] }] }),
  valueSet('loinc', { include: [{ system: 'http://loinc.org' }] }),
  valueSet('parts', { include: [{ system: 'http://x.example/part' }] }),
  condition('c-dog', { code: coded({ system: animals, code: 'dog' }) }),
  condition('c-poodle', { code: coded({ code: 'z' }, { system: animals, code: 'poodle' }) }),
  condition('c-bird', { code: coded({ system: animals, code: 'bird' }) }),
  condition('c-animal', { code: coded({ system: animals, code: 'animal' }) }),
  condition('c-other', { code: coded({ system: 'urn:other', code: 'x' }) }),
  condition('c-bare', { code: coded({ code: 'dog' }) }),
  condition('c-none', {}),
)
const set = (name: string) => `http://x.example/ValueSet/${name}`

t.test(':in and :not-in take the codes of a value set', async t => {
  await finds(t, 'Condition', {
    [`code:in=${set('listed')}`]: 'c-dog c-other',
    'code:in=ValueSet/listed': 'c-dog c-other',
    [`code:in=${set('whole')}`]: 'c-animal c-bird c-dog c-poodle',
    [`code:in=${set('dogs')}`]: 'c-dog c-poodle',
    [`code:in=${set('under-dog')}`]: 'c-poodle',
    [`code:in=${set('four-legs')}`]: 'c-dog',
    [`code:in=${set('some')}`]: 'c-bird c-dog',
    [`code:in=${set('nested')}`]: 'c-poodle',
    [`code:in=${set('nested')},${set('listed')}`]: 'c-dog c-other c-poodle',
    [`code:not-in=${set('whole')}`]: 'c-bare c-none c-other',
    [`code:not-in=${set('whole')},${set('listed')}`]: 'c-bare c-none',
    [`code:in=${set('whole')}&code:not-in=${set('dogs')}`]: 'c-animal c-bird',
  })
})

t.test(':above and :below follow what subsumes a code and what it subsumes', async t => {
  await finds(t, 'Condition', {
    [`code:below=${animals}|dog`]: 'c-dog c-poodle',
    [`code:below=${animals}|animal`]: 'c-animal c-bird c-dog c-poodle',
    [`code:below=${animals}|pet`]: 'c-poodle',
    [`code:below=${animals}|nothing`]: '',
    [`code:above=${animals}|poodle`]: 'c-animal c-dog c-poodle',
    [`code:above=${animals}|bird,${animals}|dog`]: 'c-animal c-bird c-dog',
  })
})

t.test('the terminology of R4 itself is known', async t => {
  await put(
    { resourceType: 'Patient', id: 'female', gender: 'female', maritalStatus: coded({ code: 'M' }) },
    { resourceType: 'Patient', id: 'unknown', gender: 'unknown' },
    { resourceType: 'Patient', id: 'nothing' },
    {
      resourceType: 'Encounter',
      id: 'acute',
      status: 'planned',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'ACUTE' },
    },
    {
      resourceType: 'Encounter',
      id: 'ambulatory',
      status: 'finished',
      class: { system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: 'AMB' },
    },
  )
  await finds(t, 'Patient', {
    'gender:in=http://hl7.org/fhir/ValueSet/administrative-gender': 'female unknown',
    'gender:not-in=http://hl7.org/fhir/ValueSet/administrative-gender': 'nothing',
    'gender:below=female': 'female',
    'gender:above=http://hl7.org/fhir/administrative-gender|unknown': 'unknown',
  })
  await finds(t, 'Encounter', {
    'class:below=http://terminology.hl7.org/CodeSystem/v3-ActCode|IMP': 'acute',
    'class:in=http://terminology.hl7.org/ValueSet/v3-ActEncounterCode': 'acute ambulatory',
    'status:in=http://hl7.org/fhir/ValueSet/encounter-status|4.0.1': 'acute ambulatory',
  })
})

t.test('a kind of data is a value set, and each of its codes stands for its whole class', async t => {
  const observation = (id: string, system: string, code: string) => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: coded({ system, code }),
  })
  await put(
    observation('loinc', 'http://loinc.org', '8867-4'),
    observation('omh', 'https://w3id.org/openmhealth', 'omh:heart-rate:2.0'),
    observation('weight', 'http://loinc.org', '29463-7'),
    observation('stranger', 'urn:other', 'x'),
  )
  await finds(t, 'Observation', {
    'code:in=https://sharewell.dev/fhir/ValueSet/kind-omh-heart-rate': 'loinc omh',
    'code:not-in=https://sharewell.dev/fhir/ValueSet/kind-omh-heart-rate': 'stranger weight',
    [`code:in=${set('listed')}`]: 'stranger',
    [`combo-code:in=${set('listed')}`]: 'stranger',
  })
  await finds(t, 'Patient', {
    [`_has:Observation:patient:code:in=${set('listed')}`]: '',
  })
})

t.test('a value set that cannot be expanded is refused, and the refusal says why', async t => {
  const message = async (query: string) => {
    try {
      await finds(t, 'Condition', { [query]: '' })
    } catch (error) {
      if (error instanceof FhirError) return `${error.status} ${error.issues[0].message}`
      throw error
    }
    return 'it was answered'
  }
  t.equal(
    await message('code:in=http://x.example/nothing'),
    '400 The value set http://x.example/nothing is not known here',
  )
  t.equal(await message(`code:in=${set('whole')}|2`), `400 The value set ${set('whole')}|2 is not known here`)
  t.match(await message(`code:in=${set('circle')}`), /^400 The value set .*circle includes itself/)
  t.match(await message(`code:in=${set('loinc')}`), /^400 The code system http:\/\/loinc.org is not held here/)
  t.match(await message(`code:in=${set('parts')}`), /^400 The code system .* is held here in part only/)
  t.match(await message('code:below=http://snomed.info/sct|1'), /^400 The code system http:\/\/snomed.info\/sct is /)
})
