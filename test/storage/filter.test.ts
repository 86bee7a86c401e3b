import t, { type Test } from 'tap'
import { openSearching } from '../support/searching.ts'

const { server, put, found, search } = await openSearching()
t.teardown(() => server.close())

/** Each filter with the ids that it finds, sorted. */
const finds = async (t: Test, type: string, cases: Readonly<Record<string, string>>) => {
  for (const [filter, expected] of Object.entries(cases))
    t.equal(await found(`${type}?_filter=${encodeURIComponent(filter)}`), expected, filter)
}

const stored = (resourceType: string, id: string, more: object) => ({ resourceType, id, ...more })
const concept = (code: string, system = 'http://x.org') => ({ coding: [{ system, code }] })

await put(
  stored('Organization', 'lab', { name: 'Laboratory' }),
  stored('Patient', 'emile', {
    gender: 'male',
    birthDate: '1990-05-20',
    name: [{ family: 'Émile-Petit', given: ['Jean'] }, { text: 'Jeannot' }],
    managingOrganization: { reference: 'Organization/lab' },
  }),
  stored('Patient', 'ann', {
    gender: 'female',
    birthDate: '1990',
    name: [{ family: 'Pet', given: ['Ann'] }],
  }),
  stored('Patient', 'nobody', { deceasedBoolean: true }),
)
const observation = (id: string, more: object) => stored('Observation', id, { status: 'final', ...more })
await put(
  observation('one', {
    code: concept('a'),
    category: [concept('x'), concept('y')],
    subject: { reference: 'Patient/emile' },
    effectivePeriod: { start: '2025-01-01', end: '2025-03-01' },
    valueQuantity: { value: 5.4, system: 'http://unitsofmeasure.org', code: 'mg' },
  }),
  observation('two', {
    status: 'preliminary',
    code: concept('b'),
    category: [concept('x')],
    subject: { reference: 'Patient/ann' },
    effectiveDateTime: '2025-02-10',
    valueQuantity: { value: 7, system: 'http://unitsofmeasure.org', code: 'mg' },
    derivedFrom: [{ reference: 'Observation/one' }],
  }),
  observation('three', {
    code: { text: 'no code' },
    subject: { reference: 'Group/herd' },
    valueString: 'Well done',
  }),
  stored('ValueSet', 'set', { status: 'active', url: 'http://x.org/ValueSet/Set' }),
)

t.test('texts are compared as a whole or in part, ignoring case and accents', async t => {
  await finds(t, 'Patient', {
    'name co PET': 'ann emile',
    'family co "le-p"': 'emile',
    'family eq pet': 'ann',
    'family sw pet': 'ann',
    'family sw Emile': 'emile',
    'family ew petit': 'emile',
    'family ew "pet"': 'ann',
    'name eq jeannot': 'emile',
    'given ne ann': 'emile',
    'family co "%"': '',
    'name pr false': 'nobody',
    'name pr true': 'ann emile',
  })
  await finds(t, 'ValueSet', {
    'url eq http://x.org/ValueSet/Set': 'set',
    'url sw http://x.org/': 'set',
    'url ew /other': '',
    'url ne http://x.org/ValueSet/Set': '',
  })
  await finds(t, 'Observation', { 'value-string co done': 'three', 'value-string eq done': '' })
})

t.test('"ne" finds resources with another value, and none without a value', async t => {
  await finds(t, 'Patient', {
    'gender ne male': 'ann',
    'deceased ne true': 'ann emile',
    'deceased ne false': 'nobody',
    'organization ne Organization/other': 'emile',
    'organization ne Organization/lab': '',
  })
  await finds(t, 'Observation', {
    'category ne http://x.org|x': 'one',
    'category ne z': 'one two',
    'code ne http://x.org|a': 'three two',
    'patient ne Patient/ann': 'one',
    'code eq http://x.org|a and patient ne Patient/ann': 'one',
    'date ne 2025-02-10': 'one',
    'value-quantity ne 5.4': 'two',
  })
})

t.test('times and amounts are ordered as in any search, and can overlap', async t => {
  await finds(t, 'Patient', { 'birthdate ge 1990-05': 'ann emile', 'birthdate eq 1990-05-20': 'emile' })
  await finds(t, 'Observation', {
    'date po 2025-02': 'one two',
    'date po 2025-03': 'one',
    'date eq 2025-02': 'two',
    'date sa 2025-01': 'two',
    'value-quantity gt 5.4': 'two',
    'value-quantity le 5.4|http://unitsofmeasure.org|mg': 'one',
    'code-value-quantity eq http://x.org|b$gt6': 'two',
  })
})

t.test('and, or, not and parentheses combine', async t => {
  await finds(t, 'Patient', {
    'gender eq male or gender eq female and family eq pet': 'ann',
    'gender eq male or (gender eq female and family eq pet)': 'ann emile',
    'not (gender eq male)': 'ann nobody',
    'not (gender eq male or gender eq female)': 'nobody',
  })
})

t.test('a path leads to other resources, and brackets select among them', async t => {
  await finds(t, 'Observation', {
    'patient.name co pet': 'one two',
    'subject:Patient.organization.name eq laboratory': 'one',
    'patient[gender eq female].name co pet': 'two',
    'patient[gender eq female].organization pr false': 'two',
    'derived-from:Observation[code eq http://x.org|a].patient[family co petit].id eq emile': 'two',
    'not (patient.name co petit)': 'three two',
  })
  await finds(t, 'Patient', { '_has:Observation:patient:status eq preliminary': 'ann' })
})

t.test('a filter is combined with other parameters, and counted', async t => {
  t.equal(await found(`Patient?_filter=${encodeURIComponent('name co pet')}&gender=male`), 'emile')
  t.match(await search(`Patient?_filter=${encodeURIComponent('name co pet')}&_summary=count`), { total: 2 })
})

t.test('codes are compared by value sets and by subsumption', async t => {
  await put(
    stored('CodeSystem', 'animals', {
      url: 'http://x.org/animals',
      status: 'active',
      content: 'complete',
      hierarchyMeaning: 'is-a',
      concept: [{ code: 'bird', concept: [{ code: 'owl' }] }, { code: 'fish' }],
    }),
    stored('ValueSet', 'birds', {
      url: 'http://x.org/birds',
      status: 'active',
      compose: {
        include: [{ system: 'http://x.org/animals', filter: [{ property: 'concept', op: 'is-a', value: 'bird' }] }],
      },
    }),
  )
  const seen = (id: string, code?: string) =>
    stored('Basic', id, {
      code: code === undefined ? { text: 'no code' } : concept(code, 'http://x.org/animals'),
    })
  await put(seen('bird', 'bird'), seen('owl', 'owl'), seen('fish', 'fish'), seen('none'))
  await finds(t, 'Basic', {
    'code ss http://x.org/animals|bird': 'bird owl',
    'code ss http://x.org/animals|owl': 'owl',
    'code sb http://x.org/animals|owl': 'bird owl',
    'code in http://x.org/birds': 'bird owl',
    'code in ValueSet/birds': 'bird owl',
    'code ni http://x.org/birds': 'fish none',
    'code in http://x.org/birds and not (code sb http://x.org/animals|bird)': 'owl',
  })
})

t.test('a code among several differs if it is of another class', async t => {
  const rates = (id: string, ...codes: readonly object[]) => {
    const [code, ...others] = codes
    return observation(id, {
      code,
      subject: { reference: 'Patient/nobody' },
      component: others.length === 0 ? undefined : others.map(one => ({ code: one })),
    })
  }
  const loinc = concept('8867-4', 'http://loinc.org')
  const omh = concept('omh:heart-rate:1.0', 'https://w3id.org/openmhealth')
  const other = concept('8310-5', 'http://loinc.org')
  await put(
    rates('same', loinc, omh),
    rates('differing', loinc, other),
    rates('telling', omh, { text: 'no code' }),
    rates('alone', omh),
    rates('unlike', other),
  )
  await finds(t, 'Observation', {
    'patient eq Patient/nobody and combo-code ne http://loinc.org|8867-4': 'differing telling unlike',
    'patient eq Patient/nobody and combo-code ne omh:heart-rate': 'differing telling unlike',
    'patient eq Patient/nobody and component-code ne http://loinc.org|8867-4': 'differing telling',
    'patient eq Patient/nobody and component-code ne http://loinc.org|8310-5': 'same telling',
    'patient eq Patient/nobody and component-code ne http://loinc.org|': 'same telling',
  })
})
