import type { ResourceType } from '@medplum/fhirtypes'
import t, { type Test } from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { keysInOrder } from '../../../src/storage/search/page-statement.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import type { Position } from '../../../src/storage/search/sort.ts'
import type { SortPart } from '../../../src/storage/search/sort-part.ts'
import { sql } from '../../../src/storage/sql.ts'
import { planOf } from '../../support/plan.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, put, search, ordered } = await openSearching()
t.teardown(() => server.close())
const registry = loadRegistry()

const reference = (to: string) => ({ reference: to })
const range = { low: { value: 0.2 }, high: { value: 0.4 } }

t.test('any type of parameter sorts, upwards by the least of several values and downwards by the greatest', async t => {
  const risk = (id: string, probability: object) => ({
    resourceType: 'RiskAssessment',
    id,
    status: 'final',
    subject: reference('Patient/x'),
    prediction: [probability],
  })
  const condition = (id: string, onset: object) => ({
    resourceType: 'Condition',
    id,
    subject: reference('Patient/x'),
    ...onset,
  })
  const patient = (id: string, more: object) => ({ resourceType: 'Patient', id, ...more })
  await put(
    risk('r1', { probabilityDecimal: 0.5 }),
    risk('r2', { probabilityRange: range }),
    risk('r3', { probabilityDecimal: 0.1 }),
    risk('r4', { whenPeriod: { start: '2026' } }),
    condition('c1', { onsetAge: { value: 40, unit: 'a', system: 'http://unitsofmeasure.org', code: 'a' } }),
    condition('c2', { onsetRange: range }),
    condition('c3', { onsetString: 'long ago' }),
    condition('c4', { onsetPeriod: { start: '2020', end: '2021' } }),
    condition('c5', { onsetDateTime: '2019-05' }),
    patient('p1', {
      deceasedBoolean: true,
      generalPractitioner: [reference('Practitioner/b'), reference('Practitioner/z')],
    }),
    patient('p2', { deceasedBoolean: false, generalPractitioner: [reference('Practitioner/c')] }),
    patient('p3', { deceasedDateTime: '2020', identifier: [{ value: '9' }, { value: '1' }] }),
    patient('p4', { identifier: [{ value: '5' }], generalPractitioner: [reference('Organization/y')] }),
    { resourceType: 'ValueSet', id: 'v1', status: 'draft', url: 'http://b.example', date: '2026-02' } as never,
    { resourceType: 'ValueSet', id: 'v2', status: 'active', url: 'http://a.example', date: '2026' } as never,
  )
  const cases: Readonly<Record<string, string>> = {
    'RiskAssessment?_sort=probability,_id': 'r3 r2 r1 r4',
    'RiskAssessment?_sort=-probability,_id': 'r1 r2 r3 r4',
    'Condition?_sort=onset-age,_id': 'c2 c1 c3 c4 c5',
    'Condition?_sort=-onset-age,_id': 'c1 c2 c3 c4 c5',
    'Condition?_sort=onset-date,_id': 'c5 c4 c1 c2 c3',
    'Condition?_sort=-onset-date,_id': 'c4 c5 c1 c2 c3',
    'Patient?_sort=deceased,_id': 'p2 p4 p1 p3',
    'Patient?_sort=-deceased,_id': 'p1 p3 p2 p4',
    'Patient?_sort=general-practitioner,_id': 'p4 p1 p2 p3',
    'Patient?_sort=-general-practitioner,_id': 'p1 p2 p4 p3',
    'Patient?_sort=identifier,_id': 'p3 p4 p1 p2',
    'Patient?_sort=-identifier,_id': 'p3 p4 p1 p2',
    'ValueSet?_sort=url': 'v2 v1',
    'ValueSet?_sort=status': 'v2 v1',
    'ValueSet?_sort=-date': 'v1 v2',
  }
  for (const [query, expected] of Object.entries(cases))
    for (const count of ['', '&_count=1', '&_count=2'])
      t.equal((await ordered(query + count)).join(' '), expected, query + count)
})

t.test('numbers in names are sorted by their value, without case and accents, on pages of any length', async t => {
  const names = ['Ward 10', 'ward 2', 'Wärd 1', 'Ward 1 b', 'wards', 'Ward', 'Ward 2.10', 'Ward 2.9']
  await put(...names.map((name, index) => ({ resourceType: 'Organization' as const, id: `w${index}`, name })))
  for (const count of [1, 2, 3, 50]) {
    t.equal((await ordered(`Organization?_sort=name&_count=${count}`)).join(' '), 'w5 w2 w3 w1 w7 w6 w0 w4', `${count}`)
    t.equal(
      (await ordered(`Organization?_sort=-name&_count=${count}`)).join(' '),
      'w4 w0 w6 w7 w1 w3 w2 w5',
      `${count}`,
    )
  }
})

t.test(
  'Observations of the same time come as a second parameter says, those without a time last, on pages of any length',
  async t => {
    const observation = (id: string, code: string, more: object) => ({
      resourceType: 'Observation',
      id,
      status: 'final',
      code: { coding: [{ system: 'urn:sorted', code }] },
      ...more,
    })
    const noon = { effectiveDateTime: '2026-01-02T12:00:00Z' }
    await put(observation('at-noon-a', 'a', noon), observation('undated', 'b', {}))
    await put(observation('at-noon-b', 'b', noon), observation('before', 'c', { effectiveDateTime: '2026-01-01' }))
    const cases: Readonly<Record<string, string>> = {
      '-date': 'at-noon-b at-noon-a before undated',
      date: 'before at-noon-a at-noon-b undated',
      '-date,code': 'at-noon-a at-noon-b before undated',
      '-date,-code': 'at-noon-b at-noon-a before undated',
      'date,code': 'before at-noon-a at-noon-b undated',
      '-code,date': 'before at-noon-b undated at-noon-a',
      'code,-date': 'at-noon-a at-noon-b undated before',
    }
    for (const [sort, expected] of Object.entries(cases))
      for (const count of [1, 2, 3, 100]) {
        const found = await ordered(`Observation?code=urn:sorted|&_sort=${sort}&_count=${count}`)
        t.equal(found.join(' '), expected, `${sort}, ${count} a page`)
      }
  },
)

t.test('Provenances come in the order of their time, from the index for it, and an unknown time last', async t => {
  const provenance = (id: string, recorded: object) =>
    ({
      resourceType: 'Provenance',
      id,
      target: [reference('Condition/c1')],
      agent: [{ who: { display: 'Ann' } }],
      ...recorded,
    }) as never
  const unknown = {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
  }
  await put(
    provenance('second', { recorded: '2026-01-02T12:00:00+02:00' }),
    provenance('unknown', { _recorded: unknown }),
    provenance('third', { recorded: '2026-01-02T10:30:00Z' }),
    provenance('first', { recorded: '2026-01-01T10:00:00.5Z' }),
    provenance('also-third', { recorded: '2026-01-02T10:30:00Z' }),
  )
  for (const count of [1, 2, 50]) {
    const ordering = async (sort: string) => (await ordered(`Provenance?_sort=${sort}&_count=${count}`)).join(' ')
    t.equal(await ordering('-recorded'), 'also-third third second first unknown', `${count}`)
    t.equal(await ordering('recorded'), 'first second third also-third unknown', `${count}`)
    t.equal(await ordering('-recorded,_id'), 'also-third third second first unknown', `${count}`)
  }
  const at = { values: ['2026-01-02 10:00:00+00'], pk: '1' }
  await isReadFromIndex(t, 'Provenance?_sort=-recorded', 'provenance_recorded', [{ at: undefined }, { at }])
  await isReadFromIndex(t, 'Provenance?_sort=recorded', 'provenance_recorded', bothParts(at))
})

t.test('the oldest Observations are read from the end of the index that has the latest first', async t => {
  const at = { values: ['2026-01-02 10:00:00+00'], pk: '1' }
  await isReadFromIndex(t, 'Observation?_sort=date', 'observation_effective', bothParts(at))
  await isReadFromIndex(t, 'Observation?_sort=date&code=urn:sorted|a', 'observation_code_code', bothParts(at))
})

/** At the beginning and beyond a place, forwards and backwards, of what has a time and of what has none. */
const bothParts = (at: Position): readonly SortPart[] =>
  (['known', 'unknown'] as const).flatMap(part => [
    { part, at: undefined },
    { part, at },
    { part, at: { ...at, before: true as const } },
  ])

const isReadFromIndex = async (t: Test, query: string, index: string, parts: readonly SortPart[]): Promise<void> => {
  const [type = '', parameters = ''] = query.split('?')
  const asked = parseSearch(registry, type as ResourceType, new URLSearchParams(parameters))
  const gate = { access: fullAccess, classes: openCodeClasses(), commonTokens: () => false }
  const source = sourceOf(gate, asked, { inOwnOrder: true })
  for (const part of parts) {
    const steps = await database.transaction(async connection => {
      await connection.run(
        sql.fragment`SELECT set_config('enable_seqscan', 'off', TRUE), set_config('enable_sort', 'off', TRUE)`,
      )
      return planOf(
        connection,
        sql.fragment`WITH ${keysInOrder({ search: asked, ...part }, source)} SELECT pk FROM page`,
      )
    })
    const name = `${query} ${JSON.stringify(part)}`
    t.ok(
      steps.some(step => step['Index Name'] === index),
      name,
    )
    t.notOk(
      steps.some(step => step['Node Type'] === 'Sort'),
      name,
    )
  }
}

t.test('sorting by a reference to one type, a reference to another type has no value', async t => {
  const specimen = (id: string, subject: string) => ({ resourceType: 'Specimen', id, subject: reference(subject) })
  await put(specimen('s1', 'Group/a'), specimen('s2', 'Patient/b'), specimen('s3', 'Patient/c'))
  t.equal((await ordered('Specimen?_sort=patient')).join(' '), 's2 s3 s1')
  t.equal((await ordered('Specimen?_sort=-patient')).join(' '), 's3 s2 s1')
  t.equal((await ordered('Specimen?_sort=-subject')).join(' '), 's3 s2 s1')
})

t.test('sorting by any parameter keeps all matches, even by one that has no order', async t => {
  for (const type of ['RiskAssessment', 'Condition', 'Patient', 'ValueSet', 'Observation', 'Group'] as const) {
    const codes = registry
      .searchParametersOf(type)
      .filter(one => one.type !== 'composite' && one.type !== 'special')
      .map(({ code }) => code)
    const matches = async (query: string) => (await search(`${type}?${query}_count=50`)).entry?.length ?? 0
    const all = await matches('')
    for (const code of codes)
      t.strictSame(
        [await matches(`_sort=${code}&`), await matches(`_sort=-${code}&`)],
        [all, all],
        `${type} by ${code}`,
      )
  }
})

t.test('what is read out of the content for the order is read once for each row, whatever compares it', async t => {
  const persons = Array.from({ length: 30 }, (_, index) => ({
    resourceType: 'Person',
    id: `person${index}`,
    name: [{ family: `Family ${index % 7}` }],
    birthDate: `19${10 + index}-05-31`,
  }))
  await put(...persons)
  const asked = parseSearch(registry, 'Person', new URLSearchParams('_sort=name,-birthdate&_count=5'))
  const source = sourceOf({ access: fullAccess, classes: openCodeClasses(), commonTokens: () => false }, asked)
  const read = async (at: Position | undefined) => {
    const keys = keysInOrder({ search: asked, at }, source)
    const steps = await planOf(database, sql.fragment`WITH ${keys} SELECT pk FROM page`, { analyze: true })
    return steps
      .filter(step => step['Node Type'] === 'Function Scan')
      .reduce((sum, step) => sum + Number(step['Actual Loops']), 0)
  }
  const values = ['family 2', '1930-05-31 00:00:00+00']
  t.equal(await read(undefined), 2 * persons.length)
  t.equal(await read({ values, pk: '1' }), 2 * persons.length)
  t.equal(await read({ values, pk: '1', before: true }), 2 * persons.length)
})

t.test('Patients come by the first of their family and then of their given names, those without any last', async t => {
  const named = (id: string, ...name: readonly object[]) => ({ resourceType: 'Patient', id: `named-${id}`, name })
  await put(
    named('a', { family: 'Ost 10', given: ['Zoe'] }),
    named('b', { family: 'ost 9', given: ['Zoe'] }),
    named('c', { family: 'Öst 9', given: ['Zoe', 'Ann'] }),
    named('d', { family: 'Ost 9' }),
    named('e', { family: 'West' }, { family: 'Nord', given: ['Ann'] }),
    named('f', { text: 'Süd' }),
    named('g', { family: '漢' }),
    named('h', { family: 'x'.repeat(250), given: ['b'] }, { family: 'x'.repeat(240), given: ['a'] }),
  )
  const all = 'Patient?_id=named-a,named-b,named-c,named-d,named-e,named-f,named-g,named-h&_sort=family,given'
  const order = (letters: string) => [...letters].map(letter => `named-${letter}`)
  t.strictSame(await ordered(all), order('ecbdahgf'))
  await put(named('a', { family: 'Nord', given: ['Al'] }))
  t.strictSame(await ordered(all), order('aecbdhgf'), 'as they are called now')
})
