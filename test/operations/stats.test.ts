import type { CodeSystem } from '@medplum/fhirtypes'
import t from 'tap'
import { readDefinitions } from '../../src/fhir/definition/definition-file.ts'
import { parseJson } from '../../src/fhir/json.ts'
import { stats } from '../../src/operations/stats.ts'
import { openSearching } from '../support/searching.ts'

const { server, put } = await openSearching()
t.teardown(() => server.close())
const ask = (query: string, payload?: object) =>
  server.inject({
    method: payload === undefined ? 'GET' : 'POST',
    url: `/fhir/Observation/$stats${query}`,
    headers: { authorization: 'Bearer everything' },
    ...(payload === undefined ? {} : { payload }),
  })

const ucum = 'http://unitsofmeasure.org'
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
const quantity = (value: number, code = '/min') => ({ value, system: ucum, code })
const heartRate = (id: string, day: number, valueQuantity?: object) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: loinc('8867-4'),
  subject: { reference: 'Patient/ann' },
  effectiveDateTime: `2026-03-0${day}T12:00:00Z`,
  ...(valueQuantity === undefined ? {} : { valueQuantity }),
})
const mistake = { ...heartRate('mistake', 3, quantity(600)), status: 'entered-in-error' }
const stopped = { ...heartRate('stopped', 3, quantity(700)), status: 'cancelled' }
const pressure = {
  ...heartRate('pressure', 1),
  code: loinc('85354-9'),
  component: [
    { code: loinc('8480-6'), valueQuantity: quantity(120, 'mm[Hg]') },
    { code: loinc('8462-4'), valueQuantity: quantity(80.5, 'mm[Hg]') },
  ],
}
await put({ resourceType: 'Patient', id: 'ann' }, { resourceType: 'Patient', id: 'bob' })
await put(
  ...[60, 62, 70, 80].map((value, index) => heartRate(`heart-${index}`, index + 1, quantity(value))),
  heartRate('none', 5),
  mistake,
  stopped,
  heartRate('hertz', 6, quantity(1.5, 'Hz')),
  pressure,
)

type Statistics = {
  readonly code: object
  readonly effectivePeriod?: { readonly start?: string; readonly end?: string }
  readonly component: readonly {
    readonly code: { readonly coding: readonly [{ readonly code: string }] }
    readonly valueQuantity?: { readonly value: number; readonly code?: string }
    readonly dataAbsentReason?: object
  }[]
}
type Parameter = { readonly name: string; readonly resource: Statistics & { readonly id?: string } }
const figuresOf = ({ resource: { component } }: Parameter) =>
  Object.fromEntries(
    component.flatMap(({ code, valueQuantity }) => (valueQuantity ? [[code.coding[0].code, valueQuantity.value]] : [])),
  )
const parametersIn = (answer: Awaited<ReturnType<typeof ask>>) => {
  t.equal(answer.statusCode, 200, answer.body)
  return answer.json<{ parameter: readonly Parameter[] }>().parameter
}

t.test('$stats answers one Observation for each code and unit, with a component for each statistic', async t => {
  const [first, second, ...others] = parametersIn(
    await ask('?subject=Patient/ann&code=8867-4&system=http://loinc.org&statistic=average&statistic=count,maximum'),
  )
  const component = (code: string, display: string, value: object) => ({
    code: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code, display }] },
    valueQuantity: value,
  })
  t.same(first, {
    name: 'statistics',
    resource: {
      resourceType: 'Observation',
      status: 'final',
      code: loinc('8867-4'),
      subject: { reference: 'Patient/ann' },
      component: [
        component('average', 'Average', { ...quantity(68), unit: '/min' }),
        component('count', 'Count', { value: 4 }),
        component('maximum', 'Maximum', { ...quantity(80), unit: '/min' }),
      ],
    },
  })
  t.match(second?.resource.component[0]?.valueQuantity, { value: 1.5, code: 'Hz' })
  t.same(others, [])
})

const all =
  'average,maximum,minimum,count,total-count,median,std-dev,sum,variance,20-percent,80-percent,4-lower,4-upper,4-dev,5-1,5-2,5-3,5-4,skew,kurtosis'

t.test('every statistic is what a textbook says', async t => {
  const [first] = parametersIn(await ask(`?subject=ann&code=http://loinc.org|8867-4&statistic=${all}`))
  const { skew, kurtosis, variance, 'std-dev': deviation, ...rest } = first === undefined ? {} : figuresOf(first)
  t.same(rest, {
    average: 68,
    maximum: 80,
    minimum: 60,
    count: 4,
    'total-count': 5,
    median: 66,
    sum: 272,
    '20-percent': 61.2,
    '80-percent': 74,
    '4-lower': 61.5,
    '4-upper': 72.5,
    '4-dev': 5.5,
    '5-1': 61.2,
    '5-2': 63.6,
    '5-3': 68.4,
    '5-4': 74,
  })
  const near = (actual: number | undefined, expected: number) => Math.abs((actual ?? Number.NaN) - expected) < 1e-9
  t.ok(near(variance, 248 / 3))
  t.ok(near(deviation, Math.sqrt(248 / 3)))
  t.ok(near(skew, (-512 - 216 + 8 + 1728) / 4 / 62 ** 1.5))
  t.ok(near(kurtosis, (4096 + 1296 + 16 + 20736) / 4 / 62 ** 2 - 3))
})

t.test('counts and shapes have no unit, a variance has the square of one, and of scores nothing has any', async t => {
  const unitsOf = async (code: string) => {
    const [found] = parametersIn(await ask(`?subject=ann&code=${code}&statistic=${all}`))
    const named =
      found?.resource.component.map(one => [one.code.coding[0].code, unitOf(one.valueQuantity ?? { value: 0 })]) ?? []
    return Object.groupBy(named, ([, unit]) => unit ?? '')
  }
  const unitOf = ({ value: _, ...unit }: { readonly value: number }) => JSON.stringify(unit)
  const { [JSON.stringify({ unit: '/min', code: '/min', system: ucum })]: figures = [], ...others } =
    await unitsOf('http://loinc.org|8867-4')
  t.equal(figures.length, 15)
  t.strictSame(
    { ...others },
    {
      '{}': ['count', 'total-count', 'skew', 'kurtosis'].map(one => [one, '{}']),
      '{"unit":"(/min)2"}': [['variance', '{"unit":"(/min)2"}']],
    },
  )
  await put({ ...heartRate('score-1', 1, { value: 3 }), ...{ code: loinc('72514-3') } })
  await put({ ...heartRate('score-2', 2, { value: 5 }), ...{ code: loinc('72514-3') } })
  t.strictSame(Object.keys(await unitsOf('72514-3')), ['{}'])
})

t.test('several codes can be in one parameter, separated by commas, as in other operations', async t => {
  const asked = '?subject=ann&statistic=average,count'
  const apart = parametersIn(await ask(`${asked}&code=8867-4&code=http://loinc.org|8462-4`))
  t.ok(apart.length >= 2)
  t.same(parametersIn(await ask(`${asked}&code=8867-4,http://loinc.org|8462-4`)), apart)
  t.same(parametersIn(await ask(`${asked}&code=8867-4,http://loinc.org|8462-4,8867-4`)), apart, 'each of them once')
})

t.test('the code may be that of a component', async t => {
  const [first] = parametersIn(await ask('?subject=ann&code=8462-4&statistic=average'))
  t.match(first?.resource.component[0]?.valueQuantity, { value: 80.5, code: 'mm[Hg]' })
})

t.test('each measurement of a panel has its own statistics', async t => {
  const next = { ...pressure, id: 'pressure-2', effectiveDateTime: '2026-03-02T12:00:00Z' }
  const snomed = { system: 'http://snomed.info/sct', code: '271649006' }
  const [systolic] = loinc('8480-6').coding
  const component = [
    { code: { coding: [snomed, systolic] }, valueQuantity: quantity(130, 'mm[Hg]') },
    { code: loinc('8462-4'), valueQuantity: quantity(90.5, 'mm[Hg]') },
    { code: { text: 'posture' }, valueString: 'sitting' },
    { code: { text: 'of both', coding: [{ display: 'mean' }] }, valueQuantity: quantity(103, 'mm[Hg]') },
  ]
  const mistaken = { ...next, id: 'pressure-3', status: 'entered-in-error' }
  await put({ ...next, ...{ component } }, mistaken)
  const found = parametersIn(
    await ask('?subject=ann&code=http://loinc.org|85354-9&statistic=average,count,total-count&include=true'),
  )
  t.strictSame(
    found
      .filter(({ name }) => name === 'statistics')
      .map(one => [one.resource.code, figuresOf(one), one.resource.component[0]?.valueQuantity?.code]),
    [
      [loinc('8462-4'), { average: 85.5, count: 2, 'total-count': 2 }, 'mm[Hg]'],
      [loinc('8480-6'), { average: 125, count: 2, 'total-count': 2 }, 'mm[Hg]'],
    ],
  )
  t.strictSame(
    found.filter(({ name }) => name === 'source').map(({ resource }) => resource.id),
    ['pressure-2', 'pressure'],
  )
})

t.test('a measurement of a panel that has no value is not answered with the others', async t => {
  const [systolic, diastolic] = pressure.component
  const component = [{ code: systolic?.code, dataAbsentReason: { text: 'error' } }, diastolic]
  await put({ resourceType: 'Patient', id: 'eve' })
  await put({ ...pressure, ...{ component, subject: { reference: 'Patient/eve' } }, id: 'pressure-half' })
  const [one, ...others] = parametersIn(await ask('?subject=eve&code=8480-6&statistic=average,count,total-count'))
  t.strictSame([one && figuresOf(one), others], [{ count: 0, 'total-count': 1 }, []])
})

t.test('what was entered in error is in no figure, and not among the sources', async t => {
  const query = '?subject=Patient/ann&code=8867-4&statistic=maximum&statistic=total-count&include=true'
  const found = parametersIn(await ask(query))
  t.same(found.filter(({ name }) => name === 'statistics').map(figuresOf), [
    { maximum: 80, 'total-count': 5 },
    { maximum: 1.5, 'total-count': 2 },
  ])
  const sources = found.filter(({ name }) => name === 'source').map(({ resource }) => resource.id)
  t.same(sources.toSorted(), ['heart-0', 'heart-1', 'heart-2', 'heart-3', 'hertz', 'none'])
})

t.test('a posted period limits what is counted, and its sources can be included', async t => {
  const parameter = [
    { name: 'subject', valueUri: 'Patient/ann' },
    { name: 'coding', valueCoding: { system: 'http://loinc.org', code: '8867-4' } },
    { name: 'period', valuePeriod: { start: '2026-03-02', end: '2026-03-03' } },
    { name: 'statistic', valueCode: 'average' },
    { name: 'include', valueBoolean: true },
  ]
  const [statistics, ...sources] = parametersIn(await ask('', { resourceType: 'Parameters', parameter }))
  t.has(statistics, { resource: { effectivePeriod: { start: '2026-03-02', end: '2026-03-03' } } })
  t.same(statistics && figuresOf(statistics), { average: 66 })
  t.same(
    sources.map(({ name, resource }) => [name, resource.id]),
    [
      ['source', 'heart-2'],
      ['source', 'heart-1'],
    ],
  )
})

t.test('the last hours end now, and are counted even if a period is posted as well', async t => {
  const hoursFromNow = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()
  const told = (id: string, value: number, effectiveDateTime: string) => ({
    ...heartRate(id, 1, quantity(value)),
    subject: { reference: 'Patient/dan' },
    effectiveDateTime,
  })
  await put({ resourceType: 'Patient', id: 'dan' })
  await put(
    told('hours-past', 50, hoursFromNow(-30)),
    told('hours-last', 70, hoursFromNow(-1)),
    told('hours-to-come', 170, hoursFromNow(30)),
  )
  const parameter = [
    { name: 'subject', valueUri: 'Patient/dan' },
    { name: 'code', valueString: '8867-4' },
    { name: 'statistic', valueCode: 'average' },
    { name: 'duration', valueDecimal: 24 },
  ]
  const period = { name: 'period', valuePeriod: { start: '2020-01-01' } }
  for (const parameters of [parameter, [...parameter, period]]) {
    const [counted] = parametersIn(await ask('', { resourceType: 'Parameters', parameter: parameters }))
    t.same(counted && figuresOf(counted), { average: 70 })
    const { start = '', end = '' } = counted?.resource.effectivePeriod ?? {}
    t.equal(Date.parse(end) - Date.parse(start), 24 * 3_600_000)
  }
})

t.test('the subject may be given by its whole address, if it is of this server', async t => {
  const counted = (subject: string) => ask(`?subject=${subject}&code=8867-4&statistic=average`)
  t.strictSame((await counted('http://localhost:8080/fhir/Patient/ann')).json(), (await counted('ann')).json())
  const elsewhere = await counted('http://elsewhere.example/fhir/Patient/ann')
  t.match(elsewhere.json(), { issue: [{ diagnostics: 'subject is one Patient, as in Patient/123' }] })
})

t.test('as many sources are included as are asked for, the newest first', async t => {
  const sources = async (limit: string) =>
    parametersIn(await ask(`?subject=ann&code=8867-4&statistic=count&include=true${limit}`))
      .filter(({ name }) => name === 'source')
      .map(({ resource }) => resource.id)
  t.same(await sources('&limit=2'), ['hertz', 'none'])
  t.equal((await sources('')).length, 6)
})

t.test('of a code without readings, and of a figure that is not there, it is said that there is none', async t => {
  const absent = (code: string, display: string) => ({
    code: { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/observation-statistics', code, display }] },
    dataAbsentReason: {
      coding: [
        {
          system: 'http://terminology.hl7.org/CodeSystem/data-absent-reason',
          code: 'not-applicable',
          display: 'Not Applicable',
        },
      ],
    },
  })
  const [none, ...others] = parametersIn(
    await ask('?subject=nobody&code=http://loinc.org|8867-4&statistic=average,count,total-count'),
  )
  t.strictSame(none?.resource.component[0], absent('average', 'Average'))
  t.strictSame(
    [none && figuresOf(none), none?.resource.code, others],
    [{ count: 0, 'total-count': 0 }, loinc('8867-4'), []],
  )
  const [once] = parametersIn(await ask('?subject=eve&code=8462-4&statistic=sum,variance'))
  t.strictSame(once?.resource.component[1], absent('variance', 'Variance'))
})

t.test('of the statistics of R4, those that are refused are in the documentation', async t => {
  const systems = [...readDefinitions<CodeSystem & { url: string }>('valuesets.json', ['CodeSystem'])]
  const concepts =
    systems.find(({ url }) => url === 'http://terminology.hl7.org/CodeSystem/observation-statistics')?.concept ?? []
  t.ok(concepts.length > 20)
  for (const { code } of concepts) {
    const { statusCode } = await ask(`?subject=ann&code=8867-4&statistic=${code}`)
    t.equal(statusCode, stats.documentation.includes(`${code}, which is refused`) ? 400 : 200, code)
  }
})

t.test('a wrong request is refused with what would be accepted', async t => {
  for (const [query, said] of [
    ['?code=8867-4&statistic=count', /subject is one Patient/],
    ['?subject=Group/1&code=8867-4&statistic=count', /subject is one Patient/],
    ['?subject=ann&code=8867-4,&statistic=count', /code or coding says what is to be counted/],
    [`?subject=ann&statistic=count&code=${Array(101).fill('8867-4')}`, /counts at most 100 codes at once, not 101/],
    ['?subject=ann&statistic=count', /code or coding says what is to be counted/],
    [`?subject=ann&statistic=count${'&code=8867-4'.repeat(101)}`, /counts at most 100 codes at once, not 101/],
    ['?subject=ann&code=8867-4', /statistic is missing; accepted: average, maximum/],
    ['?subject=ann&code=8867-4&statistic=regression', /"regression" is no statistic here/],
    ['?subject=ann&code=8867-4&statistic=constructor', /"constructor" is no statistic here/],
    ['?subject=ann&code=8867-4&statistic=count&duration=long', /duration is a number of hours above 0/],
    ['?subject=ann&code=8867-4&statistic=count&duration=0', /duration is a number of hours above 0/],
    ['?subject=ann&code=8867-4&statistic=count&duration=1000000', /above 0 and below 1000000, not "1000000"$/],
    ['?subject=ann&code=8867-4&statistic=count&include=yes', /^include is true or false, not "yes"$/],
    ['?subject=ann&code=8867-4&statistic=count&limit=few', /^limit is a whole number from 1 to 1000, not "few"$/],
    [
      '?subject=ann&code=8867-4&statistic=count&include=true&limit=0',
      /^limit is a whole number from 1 to 1000, not "0"$/,
    ],
    [
      '?subject=ann&code=8867-4&statistic=count&period=2026',
      /^"period" is no primitive value: post it in a Parameters$/,
    ],
    ['?subject=ann&code=8867-4&statistic=count&patient=ann', /\$stats has no parameter "patient"; it has: subject/],
  ] as const) {
    const answer = await ask(query)
    t.equal(answer.statusCode, 400, query)
    t.match(answer.json().issue[0].diagnostics, said, query)
  }
})

t.test('a reading counts once, however many of its codes match', async t => {
  const both = { coding: [...loinc('8480-6').coding, { system: 'urn:oid:1.2.3', code: '8480-6' }] }
  const ofBob = (id: string) => ({ ...heartRate(id, 1), code: loinc('85354-9'), subject: { reference: 'Patient/bob' } })
  await put(
    { ...ofBob('of-two-systems'), ...{ code: both, valueQuantity: quantity(120, 'mm[Hg]') } },
    {
      ...ofBob('of-components'),
      ...{
        component: [
          { code: both, valueQuantity: quantity(130, 'mm[Hg]') },
          { code: both, valueQuantity: quantity(132, 'mm[Hg]') },
        ],
      },
    },
  )
  const asked = parametersIn(await ask('?subject=bob&code=8480-6&statistic=count,total-count,sum'))
  t.strictSame(asked.map(figuresOf), [{ count: 3, 'total-count': 3, sum: 382 }])
})

t.test('a reading that came in two ways counts once, as in a series', async t => {
  const subject = { reference: 'Patient/cas' }
  let made = 0
  const told = (valueQuantity: object | undefined, more = {}) => ({
    ...heartRate(`ways-${++made}`, 1, valueQuantity),
    subject,
    ...more,
  })
  const panel = () => told(undefined, { code: pressure.code, component: pressure.component })
  await put({ resourceType: 'Patient', id: 'cas' }, { resourceType: 'Device', id: 'watch' })
  await put(
    told(quantity(60)),
    told(quantity(60)),
    told(quantity(60), { device: { reference: 'Device/watch' } }),
    told(quantity(70)),
    told(quantity(80), { effectiveDateTime: '2026-03-02' }),
    told(quantity(80), { effectiveDateTime: '2026-03-02' }),
    told(undefined),
    told(undefined),
    panel(),
    panel(),
  )
  const statistics = 'average,count,total-count,sum'
  const [heart] = parametersIn(await ask(`?subject=cas&code=8867-4&statistic=${statistics}`))
  t.same(heart && figuresOf(heart), { average: 70, count: 5, 'total-count': 7, sum: 350 })
  const [systolic] = parametersIn(await ask('?subject=cas&code=8480-6&statistic=count'))
  t.same(systolic && figuresOf(systolic), { count: 2 })
})

t.test('numbers that nobody measures are no value, and do not break the statistics of others', async t => {
  const patients = ['1e400', '-1e80', '1e16', '1e-400', '-2.5e-330', '3e-90'].map((value, index) => ({
    value,
    patient: `extreme-${index}`,
  }))
  const of = (patient: string, value: string) => ({
    ...heartRate(`${patient}-${value}`, 1, quantity(parseJson(value) as number)),
    subject: { reference: `Patient/${patient}` },
  })
  await put(...patients.map(({ patient }) => ({ resourceType: 'Patient', id: patient })))
  await put(...patients.flatMap(({ value, patient }) => [value, '60', '80'].map(one => of(patient, one))))
  const statistics: Record<string, unknown> = {}
  for (const { value, patient } of patients) {
    const found = parametersIn(await ask(`?subject=${patient}&code=8867-4&statistic=${all}`))
    statistics[value] = found.map(one => {
      const { count, 'total-count': total, average, sum, skew } = figuresOf(one)
      return [count, total, average, Math.round(sum ?? 0), typeof skew]
    })
  }
  const withoutIt = [[2, 3, 70, 140, 'number']]
  const asNothing = [[3, 3, 140 / 3, 140, 'number']]
  t.strictSame(statistics, {
    '1e400': withoutIt,
    '-1e80': withoutIt,
    '1e16': withoutIt,
    '1e-400': asNothing,
    '-2.5e-330': asNothing,
    '3e-90': asNothing,
  })
})
