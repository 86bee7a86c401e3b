import type { Patient } from '@medplum/fhirtypes'
import t, { type Test } from 'tap'
import { unknownEnd } from '../../../src/fhir/unknown-end.ts'
import { openSearching } from '../../support/searching.ts'

const { server, put, search, ordered, found } = await openSearching()
t.teardown(() => server.close())

const ucum = 'http://unitsofmeasure.org'
const observation = (id: string, more: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'something' },
  ...more,
})
const patient = (id: string, more: Partial<Patient> = {}) => ({ resourceType: 'Patient', id, ...more })

/** Each query with the ids that it finds, sorted. */
const finds = async (t: Test, type: string, cases: Readonly<Record<string, string>>) => {
  for (const [query, expected] of Object.entries(cases)) t.equal(await found(`${type}?${query}`), expected, query)
}

t.test('a date is a range, and so is each value', async t => {
  await put(
    observation('year', { effectiveDateTime: '2025' }),
    observation('month', { effectiveDateTime: '2025-03' }),
    observation('day', { effectiveDateTime: '2025-03-10' }),
    observation('second', { effectiveDateTime: '2025-03-10T12:00:00Z' }),
    observation('offset', { effectiveDateTime: '2025-03-10T23:30:00-05:00' }),
    observation('milli', { effectiveInstant: '2025-03-10T12:00:00.250Z' }),
    observation('period', { effectivePeriod: { start: '2025-03-09', end: '2025-03-11' } }),
    observation('begun', { effectivePeriod: { start: '2025-03-10T12:00:00Z' } }),
    observation('ended', { effectivePeriod: { end: '2025-03-10T12:00:00Z' } }),
    observation('over', { effectivePeriod: { start: '2023-06-01', ...unknownEnd } }),
    observation('timing', { effectiveTiming: { event: ['2025-03-10', '2025-03-12'] } }),
    observation('never'),
  )
  await finds(t, 'Observation', {
    'date=2025': 'day milli month offset period second timing year',
    'date=2025-03': 'day milli month offset period second timing',
    'date=2025-03-10': 'day milli second',
    'date=2025-03-11': 'offset',
    'date=2025-03-10T12:00:00Z': 'milli second',
    'date=2025-03-10T12:00Z': 'milli second',
    'date=2025-03-10T13:00:00%2B01:00': 'milli second',
    'date=2025-03-10T13:00:00+01:00': 'milli second',
    'date=2025-03-10T12:00:00.250Z': 'milli',
    'date=ne2025-03': 'begun ended over year',
    'date=gt2025-03-10': 'begun month offset period timing year',
    'date=lt2025-03-10': 'ended month over period year',
    'date=ge2025-03-10': 'begun day ended milli month offset period second timing year',
    'date=ge2025-03-12': 'begun month timing year',
    'date=ge2025-03-10T12:00:00Z': 'begun day ended milli month offset period second timing year',
    'date=ge2025-03-10T12:00:01Z': 'begun day month offset period timing year',
    'date=le2025-03-10': 'begun day ended milli month over period second timing year',
    'date=le2025-03-08': 'ended month over year',
    'date=sa2025-03-09': 'begun day milli offset second timing',
    'date=eb2025-03-11': 'day ended milli over second',
    'date=sa2025-03-10': 'offset',
    'date=gt2025-03-10T12:00:00Z': 'begun day milli month offset period timing year',
    'date=gt2025-03-10T12:00:00.249Z': 'begun day ended milli month offset period second timing year',
    'date=gt2025-03-10T12:00:00.250Z': 'begun day ended month offset period second timing year',
    'date=gt2025-03-10T12:00Z': 'begun day month offset period timing year',
    'date=lt2025-03-10T12:00:00.250Z': 'begun day ended month over period second timing year',
    'date=ge2025-03-09&date=lt2025-03-10': 'ended month period year',
    'date=2025-03-10,2025-03-11': 'day milli offset second',
    'date=2023-06-01': 'over',
    'date=ap2025-03-10': 'begun day ended milli month offset period second timing year',
    'date:missing=true': 'never',
  })
})

t.test('dates without a hot table follow the same rules', async t => {
  await put(
    patient('b-year', { birthDate: '1990' }),
    patient('b-month', { birthDate: '1990-05' }),
    patient('b-day', { birthDate: '1990-05-20' }),
    patient('b-none'),
    patient('d-time', { deceasedDateTime: '2020-02-29T10:00:00Z' }),
    patient('d-yes', { deceasedBoolean: true }),
    patient('d-no', { deceasedBoolean: false }),
  )
  await finds(t, 'Patient', {
    'birthdate=1990': 'b-day b-month b-year',
    'birthdate=1990-05': 'b-day b-month',
    'birthdate=1990-05-20': 'b-day',
    'birthdate=gt1990-05-20': 'b-month b-year',
    'birthdate=ge1990-05-20': 'b-day b-month b-year',
    'birthdate=lt1990-05': 'b-year',
    'birthdate=eb1990-06': 'b-day b-month',
    'birthdate=sa1989': 'b-day b-month b-year',
    'birthdate=ne1990-05': 'b-year',
    'death-date=2020-02': 'd-time',
    'death-date:missing=false': 'd-time',
    'deceased=true': 'd-time d-yes',
    'deceased=false&birthdate:missing=true': 'b-none d-no',
    'deceased:not=true&birthdate:missing=true': 'b-none d-no',
  })
  for (const resource of ['b-year', 'b-month', 'b-day', 'b-none', 'd-time', 'd-yes', 'd-no'])
    await server.inject({
      method: 'DELETE',
      url: `/fhir/Patient/${resource}`,
      headers: { authorization: 'Bearer everything' },
    })
  t.equal(await found('Patient'), '', 'a deleted resource is not found')
})

t.test('a number is as precise as it is written', async t => {
  const value = (id: string, valueQuantity: object) => observation(id, { valueQuantity })
  await put(
    value('q99.5', { value: 99.5, unit: 'mg', system: ucum, code: 'mg' }),
    value('q100', { value: 100, unit: 'milligram', system: ucum, code: 'mg' }),
    value('q100.4', { value: 100.4, system: ucum, code: 'mg' }),
    value('q100.5', { value: 100.5, system: ucum, code: 'mg' }),
    value('g100', { value: 100, system: ucum, code: 'g' }),
    value('bare', { value: 100 }),
    value('worded', { value: 100, unit: 'mg' }),
    value('other', { value: 100, system: 'http://example.org', code: 'mg' }),
    value('minus', { value: -5.4, system: ucum, code: 'Cel' }),
    value('small', { value: 0.0004, system: ucum, code: 'mg' }),
    observation('parts', {
      component: [
        { code: { text: 'a' }, valueQuantity: { value: 7, system: ucum, code: 'mg' } },
        { code: { text: 'b' }, valueQuantity: { value: 8, system: ucum, code: 'g' } },
      ],
    }),
  )
  await finds(t, 'Observation', {
    'value-quantity=100': 'bare g100 other q100 q100.4 q99.5 worded',
    'value-quantity=100.0': 'bare g100 other q100 worded',
    'value-quantity=1e2': 'bare g100 other q100 q100.4 q100.5 q99.5 worded',
    [`value-quantity=100|${ucum}|mg`]: 'q100 q100.4 q99.5',
    [`value-quantity=gt100|${ucum}|mg`]: 'g100 q100.4 q100.5',
    [`value-quantity=ge100|${ucum}|mg`]: 'g100 q100 q100.4 q100.5',
    [`value-quantity=lt100|${ucum}|mg`]: 'q99.5 small',
    [`value-quantity=le100|${ucum}|mg`]: 'q100 q99.5 small',
    [`value-quantity=ne100|${ucum}|mg`]: 'g100 q100.5 small',
    [`value-quantity=sa100|${ucum}|mg`]: 'g100 q100.4 q100.5',
    [`value-quantity=eb100|${ucum}|mg`]: 'q99.5 small',
    [`value-quantity=ap100|${ucum}|mg`]: 'q100 q100.4 q100.5 q99.5',
    'value-quantity=100||mg': 'other q100 q100.4 q99.5 worded',
    'value-quantity=100||milligram': 'q100',
    'value-quantity=-5.4': 'minus',
    'value-quantity=lt0': 'minus',
    'value-quantity=4e-4': 'small',
    'value-quantity=0.0004': 'small',
    [`component-value-quantity=7|${ucum}|mg`]: 'parts',
    [`component-value-quantity=7|${ucum}|g`]: '',
    [`combo-value-quantity=gt7|${ucum}|g`]: 'g100 parts',
  })
  await put(
    {
      resourceType: 'RiskAssessment',
      id: 'risk-20',
      status: 'final',
      subject: { reference: 'Patient/x' },
      prediction: [{ probabilityDecimal: 0.2 }],
    } as never,
    {
      resourceType: 'RiskAssessment',
      id: 'risk-24',
      status: 'final',
      subject: { reference: 'Patient/x' },
      prediction: [{ probabilityDecimal: 0.24 }, { probabilityDecimal: 0.9 }],
    } as never,
  )
  await finds(t, 'RiskAssessment', {
    'probability=0.2': 'risk-20 risk-24',
    'probability=0.20': 'risk-20',
    'probability=gt0.2': 'risk-24',
    'probability=le0.2': 'risk-20',
    'probability=ge0.9': 'risk-24',
  })
})

t.test('a token has a system, no system, or any', async t => {
  const a = 'http://a.example'
  const b = 'http://b.example'
  const category = (...coding: readonly object[]) => [{ coding }]
  await put(
    patient('with-a', { identifier: [{ system: a, value: '1' }], gender: 'male', active: true }),
    patient('with-b', { identifier: [{ system: b, value: '1' }], gender: 'female', active: false }),
    patient('with-none', { identifier: [{ value: '1' }] }),
    patient('with-both', {
      identifier: [
        { system: a, value: '2' },
        { system: b, value: '3' },
      ],
      gender: 'other',
    }),
    patient('with-phone', {
      telecom: [
        { system: 'phone', use: 'home', value: '555' },
        { system: 'email', value: 'x@example.org' },
      ],
    }),
    observation('c-a', { category: category({ system: a, code: 'x' }) }),
    observation('c-b', { category: category({ system: b, code: 'x' }) }),
    observation('c-none', { category: category({ code: 'x' }) }),
    observation('c-two', { category: category({ system: a, code: 'x' }, { system: b, code: 'y' }) }),
    observation('code-a', { code: { coding: [{ system: a, code: 'x' }] } }),
    observation('code-b', {
      code: {
        coding: [
          { system: b, code: 'x' },
          { system: a, code: 'y' },
        ],
      },
    }),
    observation('code-none', { code: { coding: [{ code: 'x' }] } }),
  )
  await finds(t, 'Patient', {
    'identifier=1': 'with-a with-b with-none',
    [`identifier=${a}|1`]: 'with-a',
    'identifier=|1': 'with-none',
    [`identifier=${a}|`]: 'with-a with-both',
    [`identifier=${a}|3`]: '',
    [`identifier=${a}|1,${b}|3`]: 'with-a with-both',
    [`identifier=${a}|2&identifier=${b}|3`]: 'with-both',
    'identifier:missing=true': 'with-phone',
    [`identifier:not=${a}|1`]: 'with-b with-both with-none with-phone',
    'identifier:not=1,2': 'with-phone',
    'gender=male,other': 'with-a with-both',
    'gender=http://hl7.org/fhir/administrative-gender|female': 'with-b',
    'gender:not=male': 'with-b with-both with-none with-phone',
    'active=true': 'with-a',
    'active:missing=false': 'with-a with-b',
    'phone=555': 'with-phone',
    'email=555': '',
    'telecom=x@example.org': 'with-phone',
    '_id=with-a,with-b': 'with-a with-b',
    '_id:not=with-a&identifier=1': 'with-b with-none',
  })
  await finds(t, 'Observation', {
    'category=x': 'c-a c-b c-none c-two',
    [`category=${a}|x`]: 'c-a c-two',
    'category=|x': 'c-none',
    [`category=${a}|x&category=${b}|y`]: 'c-two',
    [`category=${a}|y`]: '',
    [`category=${b}|`]: 'c-b c-two',
    'code=x': 'code-a code-b code-none',
    [`code=${a}|x`]: 'code-a',
    'code=|x': 'code-none',
    [`code=${a}|`]: 'code-a code-b',
    [`code=${a}|x,${a}|y`]: 'code-a code-b',
    [`code=${b}|x&code=${a}|y`]: 'code-b',
    [`code=${b}|x&code=${a}|`]: 'code-b',
    [`code=${b}|x&component-code:not=${a}|`]: 'code-b',
    [`code:not=${a}|x&category:missing=true&date:missing=true&value-quantity:missing=true&component-value-quantity:missing=true`]:
      'code-b code-none never',
    [`code=${a}|x\\,y`]: '',
  })
})

t.test('the two parts of a relationship between documents are of the same one', async t => {
  const document = (id: string, ...relatesTo: readonly (readonly [string, string])[]) => ({
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    content: [{ attachment: { url: 'http://example.org/a' } }],
    relatesTo: relatesTo.map(([code, to]) => ({ code, target: { reference: `DocumentReference/${to}` } })),
  })
  await put(
    document('instead', ['replaces', 'old'], ['appends', 'other']),
    document('around', ['appends', 'old'], ['replaces', 'other']),
  )
  await finds(t, 'DocumentReference', {
    'relationship=DocumentReference/old$replaces': 'instead',
    'relationship=old$appends': 'around',
    'relationship=old$http://hl7.org/fhir/document-relationship-type|appends': 'around',
    'relationship=old$signs': '',
    'relatesto=old&relation=replaces': 'around instead',
  })
})

t.test('a reference is found however it is written', async t => {
  const subject = (reference: string) => ({ subject: { reference } })
  await put(
    patient('anna', { generalPractitioner: [{ reference: 'Practitioner/gp' }, { reference: 'Organization/gp' }] }),
    observation('r-relative', subject('Patient/anna')),
    observation('r-version', subject('Patient/anna/_history/1')),
    observation('r-group', subject('Group/anna')),
    observation('r-external', subject('http://other.example/fhir/Patient/anna')),
    observation('r-performed', { performer: [{ reference: 'Practitioner/gp' }, { reference: 'Patient/anna' }] }),
  )
  await finds(t, 'Observation', {
    'patient=anna': 'r-relative r-version',
    'patient=Patient/anna': 'r-relative r-version',
    'subject=Patient/anna': 'r-relative r-version',
    'subject=anna': 'r-group r-relative r-version',
    'subject:Patient=anna': 'r-relative r-version',
    'subject:Group=anna': 'r-group',
    'subject=Group/anna': 'r-group',
    'subject=http://localhost:8080/fhir/Patient/anna': 'r-relative r-version',
    'subject=http://other.example/fhir/Patient/anna': 'r-external',
    'patient=anna,bob': 'r-relative r-version',
    'patient=bob': '',
    'performer=gp': 'r-performed',
    'performer=Practitioner/gp&performer=Patient/anna': 'r-performed',
    'performer:Patient=anna': 'r-performed',
  })
  await finds(t, 'Patient', {
    'general-practitioner=gp': 'anna',
    'general-practitioner=Practitioner/gp': 'anna',
    'general-practitioner=PractitionerRole/gp': '',
    'general-practitioner:Organization=gp': 'anna',
  })
})

t.test('a string begins with the text, ignoring case and accents', async t => {
  await put(
    patient('n-aennel', { name: [{ family: 'Ännel', given: ['Zoë', 'Marie'] }] }),
    patient('n-annels', {
      name: [{ family: 'ANNELS' }],
      address: [{ city: 'Łódź', country: 'PL', line: ['Main Street 1', 'Back'] }],
    }),
    patient('n-hannel', { name: [{ family: 'Hannel', prefix: ['Dr.'], text: 'Doctor Hannel' }] }),
    patient('n-percent', { name: [{ family: '100%_sure, really' }] }),
    patient('n-long', { name: [{ family: `${'x'.repeat(250)}end` }] }),
    patient('n-faces', { name: [{ family: `${'😀'.repeat(150)}end` }] }),
    patient('n-half-face', { name: [{ family: `${'y'.repeat(199)}😀end` }] }),
    patient('n-capitals', { name: [{ family: 'ΠΑΠΑΔΟΠΟΥΛΟΣ', given: ['ΚΩΣΤΑΣ ΝΙΚΟΣ'] }] }),
    patient('n-accents', { name: [{ family: 'Παπαδόπουλος' }] }),
  )
  await finds(t, 'Patient', {
    'family=annel': 'n-aennel n-annels',
    'family=ÄNNEL': 'n-aennel n-annels',
    'family=annels': 'n-annels',
    'family=nnel': '',
    'name=zoe': 'n-aennel',
    'name=marie': 'n-aennel',
    'given=MAR': 'n-aennel',
    'given=annel': '',
    'name=doc': 'n-hannel',
    'name=dr.': 'n-hannel',
    'family=100%25_sure': 'n-percent',
    'family:contains=100_': '',
    'family=%25': '',
    'family=100%25_sure\\, r': 'n-percent',
    'family=hannel,annels': 'n-annels n-hannel',
    'name=zoe&name=marie': 'n-aennel',
    'address=back': 'n-annels',
    'address-city=Łódź': 'n-annels',
    [`family=${'x'.repeat(250)}e`]: 'n-long',
    [`family=${'x'.repeat(250)}f`]: '',
    'family:contains=end': 'n-faces n-half-face n-long',
    [`family=${'😀'.repeat(150)}e`]: 'n-faces',
    [`family=${'y'.repeat(199)}😀e`]: 'n-half-face',
    'family=ΠΑΠΑΔΟΠΟΥΛΟΣ': 'n-accents n-capitals',
    'family=παπαδοπουλος': 'n-accents n-capitals',
    'family=παπαδοπουλοσ': 'n-accents n-capitals',
    'given=κώστας': 'n-capitals',
    'given:contains=νικος': 'n-capitals',
    'name:exact=Παπαδόπουλος': 'n-accents',
    '_filter=family eq "παπαδόπουλος"': 'n-accents n-capitals',
  })
})

t.test('results are sorted by several keys, across all pages, with missing values last', async t => {
  const people: readonly (readonly [id: string, family?: string | undefined, birthDate?: string])[] = [
    ['s1', 'Berg', '1980-01-01'],
    ['s2', 'berg', '1970-01-01'],
    ['s3', 'Ådal', '1990-01-01'],
    ['s4', undefined, '1960-01-01'],
    ['s5', 'Cruz'],
    ['s6', 'Berg'],
    ['s7'],
    ['s8', 'Berg', '1980-01-01'],
  ]
  const identifier = [{ system: 'http://order.example', value: 'here' }]
  for (const [id, family, birthDate] of people)
    await put(
      patient(id, {
        identifier,
        ...(family === undefined ? {} : { name: [{ family }] }),
        ...(birthDate === undefined ? {} : { birthDate }),
      }),
    )
  const orders: Readonly<Record<string, string>> = {
    '': 's8 s7 s6 s5 s4 s3 s2 s1',
    '_sort=family': 's3 s8 s6 s2 s1 s5 s7 s4',
    '_sort=-family': 's5 s8 s6 s2 s1 s3 s7 s4',
    '_sort=birthdate': 's4 s2 s8 s1 s3 s7 s6 s5',
    '_sort=-birthdate': 's3 s8 s1 s2 s4 s7 s6 s5',
    '_sort=family,birthdate': 's3 s2 s8 s1 s6 s5 s4 s7',
    '_sort=family,-birthdate': 's3 s8 s1 s2 s6 s5 s4 s7',
    '_sort=-family,birthdate': 's5 s2 s8 s1 s6 s3 s4 s7',
    '_sort=-birthdate,-family': 's3 s8 s1 s2 s4 s5 s6 s7',
    '_sort=_id': 's1 s2 s3 s4 s5 s6 s7 s8',
    '_sort=-_id': 's8 s7 s6 s5 s4 s3 s2 s1',
    '_sort=_lastUpdated': 's1 s2 s3 s4 s5 s6 s7 s8',
    '_sort=-_lastUpdated': 's8 s7 s6 s5 s4 s3 s2 s1',
    '_sort=-_lastUpdated,family': 's8 s7 s6 s5 s4 s3 s2 s1',
  }
  for (const [order, expected] of Object.entries(orders))
    for (const count of [1, 2, 3, 5, 8, 50])
      t.equal(
        (await ordered(`Patient?identifier=http://order.example|&${order}&_count=${count}`)).join(' '),
        expected,
        `${order || 'its own order'} by ${count}`,
      )
})

t.test('Observations are sorted by their time, latest first, or as asked', async t => {
  const code = { coding: [{ system: 'http://order.example', code: 'timed' }] }
  for (const [id, more] of Object.entries({
    o1: { effectiveDateTime: '2024-01-02T00:00:00Z', valueQuantity: { value: 3 } },
    o2: { effectivePeriod: { start: '2024-01-01', end: '2024-02-01' }, valueQuantity: { value: 10 } },
    o3: {},
    o4: { effectiveDateTime: '2024-01-02T01:00:00+01:00', valueQuantity: { value: 3.5 } },
    o5: { effectivePeriod: { end: '2024-01-01' } },
    o6: { effectiveDateTime: '2025', valueQuantity: { value: -1 } },
  }))
    await put(observation(id, { code, ...more }))
  const orders: Readonly<Record<string, string>> = {
    '': 'o6 o4 o1 o2 o5 o3',
    '_sort=date': 'o2 o1 o4 o6 o3 o5',
    '_sort=-date': 'o6 o4 o1 o2 o5 o3',
    '_sort=value-quantity': 'o6 o1 o4 o2 o5 o3',
    '_sort=-value-quantity': 'o2 o4 o1 o6 o5 o3',
    '_sort=date,-value-quantity': 'o2 o4 o1 o6 o5 o3',
  }
  for (const [order, expected] of Object.entries(orders))
    for (const query of ['code=http://order.example|timed', 'code=http://order.example|'])
      for (const count of [1, 2, 4, 6])
        t.equal(
          (await ordered(`Observation?${query}&${order}&_count=${count}`)).join(' '),
          expected,
          `${query}, ${order || 'its own order'} by ${count}`,
        )
})

t.test('_lastUpdated finds what changed when', async t => {
  const identifier = [{ system: 'http://changed.example', value: 'here' }]
  for (const id of ['u1', 'u2', 'u3']) {
    await put(patient(id, { identifier }))
    await new Promise(resolve => setTimeout(resolve, 5))
  }
  const { entry = [] } = await search('Patient?identifier=http://changed.example|&_sort=_id')
  const [, second] = entry.map(({ resource }) => resource?.meta?.lastUpdated ?? '')
  const query = 'identifier=http://changed.example|&_lastUpdated'
  await finds(t, 'Patient', {
    [`${query}=${second}`]: 'u2',
    [`${query}=gt${second}`]: 'u3',
    [`${query}=ge${second}`]: 'u2 u3',
    [`${query}=lt${second}`]: 'u1',
    [`${query}=le${second}`]: 'u1 u2',
    [`${query}=ne${second}`]: 'u1 u3',
    [`${query}=${second?.slice(0, 4)}`]: 'u1 u2 u3',
    [`${query}=sa${second}`]: 'u3',
  })
})

t.test('chains and reverse chains search by what is linked', async t => {
  const code = (system: string, code: string) => ({ code: { coding: [{ system, code }] } })
  await put(
    { resourceType: 'Organization', id: 'org-1', name: 'North Clinic' } as never,
    {
      resourceType: 'Organization',
      id: 'org-2',
      name: 'South Clinic',
      partOf: { reference: 'Organization/org-1' },
    } as never,
    patient('l-ann', {
      name: [{ family: 'Linked' }],
      gender: 'female',
      managingOrganization: { reference: 'Organization/org-2' },
    }),
    patient('l-bob', {
      name: [{ family: 'Linked' }],
      gender: 'male',
      managingOrganization: { reference: 'Organization/org-1' },
    }),
    observation('l-1', {
      ...code('http://l.example', 'x'),
      subject: { reference: 'Patient/l-ann' },
      effectiveDateTime: '2024-05-01',
    }),
    observation('l-2', {
      ...code('http://l.example', 'y'),
      subject: { reference: 'Patient/l-ann' },
      derivedFrom: [{ reference: 'Observation/l-1' }],
    }),
    observation('l-3', {
      ...code('http://l.example', 'x'),
      subject: { reference: 'Patient/l-bob' },
      effectiveDateTime: '2024-06-01',
    }),
    observation('l-4', { ...code('http://l.example', 'x'), subject: { reference: 'Group/l-group' } }),
  )
  await finds(t, 'Observation', {
    'subject:Patient.family=linked': 'l-1 l-2 l-3',
    'patient.gender=female': 'l-1 l-2',
    'subject.gender=male': 'l-3',
    'patient.organization.name=north': 'l-3',
    'patient.organization.partof.name=north': 'l-1 l-2',
    'patient.organization.name=north,south&code=http://l.example|x': 'l-1 l-3',
    'derived-from:Observation.code=http://l.example|x': 'l-2',
    '_has:Observation:derived-from:code=http://l.example|y': 'l-1',
    'patient._has:Observation:patient:code=http://l.example|y': 'l-1 l-2',
    'patient.gender=female&patient.family=nobody': '',
  })
  await finds(t, 'Patient', {
    '_has:Observation:patient:code=http://l.example|x': 'l-ann l-bob',
    '_has:Observation:patient:code=http://l.example|y': 'l-ann',
    '_has:Observation:patient:date=ge2024-06-01': 'l-bob',
    '_has:Observation:subject:_id=l-3': 'l-bob',
    '_has:Observation:patient:code=http://l.example|x&gender=female': 'l-ann',
    '_has:Observation:patient:_has:Observation:derived-from:code=http://l.example|y': 'l-ann',
    'organization.name=south': 'l-ann',
  })
  await finds(t, 'Organization', {
    '_has:Patient:organization:gender=male': 'org-1',
    '_has:Patient:organization:_has:Observation:patient:code=http://l.example|y': 'org-2',
  })
})

t.test('chains follow a canonical both ways, to its version, and by id if it names one', async t => {
  const questionnaire = (id: string) => ({
    resourceType: 'Questionnaire',
    id,
    status: 'active',
    url: `http://l.example/${id}`,
    version: '3',
  })
  const answers = {
    resourceType: 'QuestionnaireResponse',
    id: 'l-answers',
    status: 'completed',
    questionnaire: 'http://l.example/l-form|3',
  }
  const byId = { ...answers, id: 'l-by-id', status: 'amended', questionnaire: 'Questionnaire/l-form-2' }
  await put(questionnaire('l-form'), questionnaire('l-form-2'), answers, byId)
  await finds(t, 'QuestionnaireResponse', {
    'questionnaire.url=http://l.example/l-form': 'l-answers',
    'questionnaire.url=http://l.example/l-form-2': 'l-by-id',
  })
  await finds(t, 'Questionnaire', {
    '_has:QuestionnaireResponse:questionnaire:status=amended': 'l-form-2',
    '_has:QuestionnaireResponse:questionnaire:_id=l-answers': 'l-form',
    '_has:QuestionnaireResponse:questionnaire:status=completed': 'l-form',
    '_has:QuestionnaireResponse:questionnaire:status=stopped': '',
  })
})

t.test('a modifier that makes no sense for a parameter is refused', async t => {
  for (const query of [
    'code-value-quantity:missing=true',
    'date:not=2024',
    'code:exact=x',
    'subject:Device.gender=male',
  ])
    await t.rejects(search(`Observation?${query}`), /400/, query)
})
