import t from 'tap'
import { parseJson } from '../../src/fhir/json.ts'
import { openSearching } from '../support/searching.ts'

const { server, ...world } = await openSearching()
type Stored = { readonly resourceType: string; readonly id: string; readonly [element: string]: unknown }
const put = (...resources: readonly Stored[]) => world.put(...resources)
t.teardown(() => server.close())
const ask = (operation: string, query: Record<string, string>) =>
  server.inject({
    url: `/fhir/Observation/$${operation}?${new URLSearchParams(query)}`,
    headers: { authorization: 'Bearer everything' },
  })

const ucum = 'http://unitsofmeasure.org'
const loinc = (...codes: readonly string[]) => ({ coding: codes.map(code => ({ system: 'http://loinc.org', code })) })
const quantity = (value: number, code: string, more = {}) => ({ value, system: ucum, code, ...more })
let made = 0
const observation = (code: object, effectiveDateTime: string, valueQuantity: object, more = {}) => ({
  resourceType: 'Observation',
  id: `reading-${++made}`,
  status: 'final',
  code,
  subject: { reference: 'Patient/ann' },
  effectiveDateTime,
  valueQuantity,
  ...more,
})
/** The same numbers each time. */
let state = 7
const random = () => {
  state = (state * 48_271) % 2_147_483_647
  return state / 2_147_483_647
}

const watch = { device: { reference: 'Device/anns-watch' } }
const start = Date.parse('2026-03-27T23:00:00Z')
const hearts = Array.from({ length: 400 }, () => ({
  at: new Date(start + Math.floor(random() * 4 * 86_400) * 1000).toISOString(),
  value: 50 + Math.floor(random() * 1000) / 10,
  isOfWatch: random() < 0.4,
}))
await put(
  { resourceType: 'Patient', id: 'ann' },
  { resourceType: 'Patient', id: 'bob' },
  ...[{ resourceType: 'Device', id: 'watch', deviceName: [{ name: 'Tock', type: 'user-friendly-name' }] }],
)
await put({
  resourceType: 'Device',
  id: 'anns-watch',
  patient: { reference: 'Patient/ann' },
  parent: { reference: 'Device/watch' },
})
await put(
  ...hearts.map(({ at, value, isOfWatch }) =>
    observation(loinc('8867-4'), at, quantity(value, '/min'), isOfWatch ? watch : {}),
  ),
  observation(loinc('8867-4'), '2026-03-28T12:00:00Z', quantity(1000, '/min'), { status: 'entered-in-error' }),
  observation(loinc('8867-4'), '2026-03-28T12:00:00Z', quantity(30, '/min', { comparator: '<' })),
  observation(loinc('8867-4'), '2026-03-28T12:00:00Z', quantity(30, 'kg')),
  {
    ...observation(loinc('8867-4'), '2026-03-28T12:00:00Z', quantity(999, '/min')),
    subject: { reference: 'Patient/bob' },
  },
)

type Component = {
  code: { coding: [{ code: string }] }
  valueSampledData: { data: string; period: number; origin: object }
}
type Line = { device?: { reference: string; display?: string }; component: Component[] }
type Parameter = { name: string; resource?: Line; valueInteger?: number }
const seriesOf = async (query: Record<string, string>) => {
  const answer = await ask('series', query)
  t.equal(answer.statusCode, 200, answer.body)
  const { parameter } = answer.json<{ parameter: Parameter[] }>()
  return {
    leftOut: parameter.find(({ name }) => name === 'left-out')?.valueInteger,
    lines: parameter.flatMap(({ resource }) => (resource === undefined ? [] : [resource])),
  }
}
const numbers = ({ component }: Line, figure: string) =>
  component
    .find(({ code }) => code.coding[0].code === figure)
    ?.valueSampledData.data.split(' ')
    .map(text => (text === 'E' ? undefined : Number(text)))

/** The results for the readings in each step, computed with plain arithmetic. */
const expectedOf = (readings: readonly { value: number; index: number }[], count: number) => {
  const steps = Map.groupBy(readings, ({ index }) => index)
  const each = (figure: (values: readonly number[]) => number) =>
    Array.from({ length: count }, (_, index) => {
      const values = steps.get(index)?.map(({ value }) => value)
      return values === undefined ? undefined : Number(figure(values).toFixed(9))
    })
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  return {
    count: each(values => values.length),
    minimum: each(values => Math.min(...values)),
    average: each(values => sum(values) / values.length),
    maximum: each(values => Math.max(...values)),
    sum: each(sum),
  }
}
const figuresOf = (line: Line) =>
  Object.fromEntries(
    ['count', 'minimum', 'average', 'maximum', 'sum'].map(figure => [
      figure,
      numbers(line, figure)?.map(value => value && Number(value.toFixed(9))),
    ]),
  )

const heartRate = { subject: 'Patient/ann', code: 'omh:heart-rate', unit: '/min' }

t.test('$series answers steps as long as so many points need, for each source, as plain arithmetic does', async t => {
  const { lines, leftOut } = await seriesOf({
    ...heartRate,
    start: '2026-03-27T23:00:00Z',
    end: '2026-03-31T22:59:59Z',
    points: '100',
  })
  t.equal(leftOut, 2, 'values with a comparator or in another unit')
  t.same(
    lines.map(({ device }) => device),
    [undefined, { reference: 'Device/watch', display: 'Tock' }],
  )
  for (const [line, isOfWatch] of [
    [lines[0], false],
    [lines[1], true],
  ] as const) {
    const readings = hearts
      .filter(one => one.isOfWatch === isOfWatch)
      .map(({ at, value }) => ({ value, index: Math.floor((Date.parse(at) - start) / 3_600_000) }))
    t.same(line && figuresOf(line), expectedOf(readings, 96))
    t.equal(line?.component[0]?.valueSampledData.period, 3_600_000, 'it says how long they are')
  }
})

t.test('days are those of the time zone, even if one of them has 23 hours', async t => {
  const { lines } = await seriesOf({
    ...heartRate,
    start: '2026-03-27T23:00:00Z',
    end: '2026-03-31T21:59:59Z',
    step: 'day',
    timezone: 'Europe/Berlin',
  })
  const dayOf = (at: string) =>
    Number(new Date(at).toLocaleDateString('en', { timeZone: 'Europe/Berlin', day: 'numeric' }))
  const readings = hearts
    .filter(({ at, isOfWatch }) => isOfWatch && at < '2026-03-31T22')
    .map(({ at, value }) => ({ value, index: dayOf(at) - 28 }))
  t.same(lines[1] && figuresOf(lines[1]), expectedOf(readings, 4))
})

t.test('a component is drawn like a reading, and values come in the unit that was asked for', async t => {
  await put({
    ...observation(loinc('85354-9'), '2026-05-01T10:00:00Z', {}),
    valueQuantity: undefined,
    component: [
      { code: loinc('8480-6'), valueQuantity: quantity(16, 'kPa') },
      { code: loinc('8462-4'), valueQuantity: quantity(80, 'mm[Hg]') },
    ],
  })
  const asked = { subject: 'ann', unit: 'mm[Hg]', start: '2026-05-01', end: '2026-05-01', step: 'day' }
  const average = async (code: string) => {
    const [line] = (await seriesOf({ ...asked, code })).lines
    return line && numbers(line, 'average')
  }
  t.same(await average('8480-6'), [120.010201])
  t.same(await average('http://loinc.org|8462-4'), [80])
})

t.test('only glucose is converted by its molar mass', async t => {
  const sugar = (code: string) => observation(loinc(code), '2026-07-01T10:00:00Z', quantity(90.08, 'mg/dL'))
  await put(sugar('99504-3'), sugar('2093-3'))
  const asked = { subject: 'ann', unit: 'mmol/L', start: '2026-07-01', end: '2026-07-01', step: 'day' }
  const glucose = await seriesOf({ ...asked, code: 'omh:blood-glucose,http://loinc.org|99504-3' })
  t.same(glucose.lines[0] && numbers(glucose.lines[0], 'average'), [5])
  t.same(await seriesOf({ ...asked, code: '2093-3' }), { lines: [], leftOut: 1 })
  const elsewhere = { coding: [{ system: 'https://example.org/codes', code: '2339-0' }] }
  await put(observation(elsewhere, '2026-07-01T10:00:00Z', quantity(90.08, 'mg/dL')))
  const foreign = await seriesOf({ ...asked, code: 'https://example.org/codes|2339-0' })
  t.same(foreign, { lines: [], leftOut: 1 }, 'the number means glucose only with LOINC')
})

t.test('a number that nobody can have measured is left out, whether or not a computer can reckon with it', async t => {
  const beyond = JSON as unknown as { readonly rawJSON: (text: string) => number }
  const weigh = (value: string) =>
    observation(loinc('29463-7'), '2026-08-01T10:00:00Z', quantity(beyond.rawJSON(value), 'kg'))
  await put(weigh('1e400'), weigh('1e16'))
  const asked = { subject: 'ann', code: '29463-7', unit: 'kg', start: '2026-08-01', end: '2026-08-01' }
  t.same(await seriesOf(asked), { lines: [], leftOut: 2 })
})

t.test('what lasted some time is placed where it began, or where it ended; several codes of it count once', async t => {
  await put({
    ...observation(loinc('93832-4', '8867-4'), '', quantity(450, 'min')),
    effectiveDateTime: undefined,
    effectivePeriod: { start: '2026-06-01T22:00:00Z', end: '2026-06-02T05:30:00Z' },
  })
  const asked = {
    subject: 'ann',
    unit: 'h',
    code: '93832-4,8867-4',
    start: '2026-06-01',
    end: '2026-06-02',
    step: 'day',
  }
  const sum = async (at: string) => {
    const [line] = (await seriesOf({ ...asked, at })).lines
    return line && [numbers(line, 'count'), numbers(line, 'sum')]
  }
  t.same(await sum('start'), [
    [1, undefined],
    [7.5, undefined],
  ])
  t.same(await sum('end'), [
    [undefined, 1],
    [undefined, 7.5],
  ])
})

t.test('a step of several days adds the totals of each of them, and none of their hours', async t => {
  const days = ['2026-09-01', '2026-09-02', '2026-09-03', '2026-09-04']
  const steps = (code: string, at: string, value: number, more = {}) =>
    observation(loinc(code), at, quantity(value, '{steps}'), more)
  const hour = (at: string) => ({
    effectiveDateTime: undefined,
    effectivePeriod: { start: `${at}:00:00Z`, end: `${at}:59:59Z` },
  })
  await put(
    ...days.map((day, index) => steps('41950-7', day, 1000 + index)),
    steps('55423-8', '', 600, hour('2026-09-02T08')),
    steps('55423-8', '', 300, hour('2026-09-02T20')),
    steps('55423-8', '', 5000, hour('2026-09-03T08')),
    ...days.map(day => steps('55423-8', day, 100, watch)),
  )
  const asked = { subject: 'ann', unit: '{steps}', code: '41950-7,55423-8', start: '2026-09-01', end: '2026-09-04' }
  const sums = async (query: object) => (await seriesOf({ ...asked, ...query })).lines.map(line => numbers(line, 'sum'))
  t.same(await sums({ step: 'day' }), [
    [1000, 1001, 5000, 1003],
    [100, 100, 100, 100],
  ])
  t.same(await sums({ points: '2' }), [
    [2001, 6003],
    [200, 200],
  ])
  t.same(await sums({ points: '1' }), [[8004], [400]])
})

t.test('what was counted at the moment at which a period begins is within it, and as it ends, after it', async t => {
  const steps = (value: number, effective: object) => ({
    ...observation(loinc('55423-8'), '', quantity(value, '{steps}'), { effectiveDateTime: undefined, ...effective }),
    subject: { reference: 'Patient/bob' },
  })
  await put(
    steps(100, { effectivePeriod: { start: '2026-09-01T08:00:00Z', end: '2026-09-01T08:59:59Z' } }),
    steps(10, { effectiveDateTime: '2026-09-01T08:00:00Z' }),
    steps(20, { effectiveDateTime: '2026-09-01T08:59:59Z' }),
    steps(40, { effectiveDateTime: '2026-09-01T09:00:00Z' }),
  )
  const asked = {
    subject: 'bob',
    unit: '{steps}',
    code: '55423-8',
    start: '2026-09-01',
    end: '2026-09-01',
    step: 'day',
  }
  const [line] = (await seriesOf(asked)).lines
  t.same(line && numbers(line, 'sum'), [160])
})

t.test('a reading that came in two ways counts once, and a part of a panel as often as it was sent', async t => {
  const eve = { subject: { reference: 'Patient/eve' } }
  const ofWatch = { device: { reference: 'Device/watch' } }
  const heart = (second: number, value: number, more = {}) =>
    observation(loinc('8867-4'), `2026-03-01T10:00:0${second}Z`, quantity(value, '/min'), { ...eve, ...more })
  const steps = () => observation(loinc('55423-8'), '2026-03-01T10:00:00Z', quantity(500, '{steps}'), eve)
  const onDate = () => observation(loinc('8867-4'), '2026-03-02', quantity(50, '/min'), eve)
  const pressure = (systolic: number, diastolic: number) => ({
    ...observation(loinc('85354-9'), '2026-03-01T10:00:00Z', {}, eve),
    valueQuantity: undefined,
    component: [
      { code: loinc('8480-6'), valueQuantity: quantity(systolic, 'mm[Hg]') },
      { code: loinc('8462-4'), valueQuantity: quantity(diastolic, 'mm[Hg]') },
    ],
  })
  await put({ resourceType: 'Patient', id: 'eve' })
  await put(heart(0, 60), heart(0, 60), heart(0, 60, ofWatch), heart(0, 70), heart(1, 80), onDate(), onDate())
  await put(steps(), steps(), pressure(130, 80), pressure(130, 90), pressure(121, 80))
  const asked = { subject: 'eve', start: '2026-03-01', end: '2026-03-02', step: 'day' }
  const figures = async (code: string, unit: string) =>
    (await seriesOf({ ...asked, code, unit })).lines.map(line =>
      ['count', 'average', 'sum'].map(figure => numbers(line, figure)),
    )
  const none = undefined
  t.strictSame(await figures('8867-4', '/min'), [
    [
      [3, 2],
      [70, 50],
      [210, 50],
    ],
    [
      [1, none],
      [60, none],
      [60, none],
    ],
  ])
  t.strictSame(await figures('55423-8', '{steps}'), [
    [
      [1, none],
      [500, none],
      [500, none],
    ],
  ])
  t.strictSame(await figures('8480-6', 'mm[Hg]'), [
    [
      [3, none],
      [127, none],
      [381, none],
    ],
  ])
})

t.test('a reading that was sent in two units counts once, to the given precision, in the finer one', async t => {
  const fay = { subject: { reference: 'Patient/fay' } }
  const told = (code: string, minute: string, value: number, unit: string, more = {}) =>
    observation(loinc(code), `2026-03-01T10:${minute}:00Z`, quantity(value, unit), { ...fay, ...more })
  const ofWatch = { device: { reference: 'Device/watch' } }
  await put({ resourceType: 'Patient', id: 'fay' })
  await put(
    told('99504-3', '00', 100, 'mg/dL'),
    told('99504-3', '00', 5.6, 'mmol/L'),
    // With the factor 18.
    told('99504-3', '05', 346, 'mg/dL'),
    told('99504-3', '05', 19.2, 'mmol/L'),
    told('99504-3', '10', 100, 'mg/dL'),
    told('99504-3', '10', 5.7, 'mmol/L'),
    told('99504-3', '15', 99, 'mg/dL'),
    told('99504-3', '15', 100, 'mg/dL'),
    told('29463-7', '00', 70, 'kg'),
    told('29463-7', '00', 154.3, '[lb_av]'),
    told('29463-7', '05', 70.5, 'kg'),
    told('29463-7', '05', 154.3, '[lb_av]'),
    told('29463-7', '10', 154.3, '[lb_av]', ofWatch),
    told('29463-7', '10', 70, 'kg'),
    told('8310-5', '00', 37.1, 'Cel'),
    told('8310-5', '00', 98.7, '[degF]'),
    told('8310-5', '00', 310.2, 'K'),
  )
  const figures = async (code: string, unit: string) => {
    const asked = { subject: 'fay', start: '2026-03-01', end: '2026-03-01', step: 'day', code, unit }
    const { lines } = await seriesOf(asked)
    return lines.map(line => ['count', 'average'].map(figure => numbers(line, figure)?.map(hundredth)))
  }
  const hundredth = (value: number | undefined) => value && Math.round(value * 100) / 100
  t.strictSame(await figures('99504-3', 'mg/dL'), [[[6], [141.28]]])
  t.strictSame(await figures('99504-3', 'mmol/L'), [[[6], [7.84]]])
  t.strictSame(await figures('29463-7', 'kg'), [
    [[4], [70.12]],
    [[1], [69.99]],
  ])
  t.strictSame(await figures('8310-5', 'Cel'), [[[1], [37.06]]])
})

t.test('the plus of an offset may come as a blank, as browsers send it unescaped', async t => {
  const told = async (start: string) => {
    const answer = await ask('series', { ...heartRate, start, end: '2026-12-31T00:00:00Z' })
    t.equal(answer.statusCode, 200, answer.body)
    return answer.json()
  }
  t.same(await told('2026-01-01T00:00:00 01:00'), await told('2026-01-01T00:00:00+01:00'))
})

t.test('without readings there is no series', async t => {
  t.same(await seriesOf({ ...heartRate, subject: 'nobody', start: '2026' }), { lines: [], leftOut: 0 })
})

t.test('a wrong request is refused with what would be accepted', async t => {
  const right = { subject: 'ann', code: '8867-4', start: '2026-03-01', end: '2026-03-31', unit: '/min' }
  for (const [wrong, said] of [
    [{ subject: 'Group/1' }, /subject is one Patient/],
    [{ code: '' }, /code is a token/],
    [{ start: 'May' }, /start is required, and is a date or dateTime, not "May"/],
    [{ end: 'May' }, /end is a date or dateTime, not "May"/],
    [{ end: '2026-02-01' }, /end lies before start/],
    [{ unit: 'beats' }, /unit is the UCUM code/],
    [{ points: '9000' }, /points is a whole number from 1 to 5000/],
    [{ step: 'week' }, /step is day/],
    [{ step: 'day', points: '5' }, /more days than the 5 points/],
    [{ at: 'noon' }, /at is start or end/],
    [{ timezone: '+01:00' }, /timezone is a name of the IANA's, such as Europe\/Berlin, not/],
    [{ patient: 'ann' }, /\$series has no parameter "patient"; it has: subject, code/],
  ] as const) {
    const answer = await ask('series', { ...right, ...wrong })
    t.equal(answer.statusCode, 400, JSON.stringify(wrong))
    t.match(answer.json().issue[0].diagnostics, said)
  }
})

t.test('a start in the future needs an end', async t => {
  const answer = await ask('series', { subject: 'ann', code: '8867-4', unit: '/min', start: '2999' })
  t.match(
    [answer.statusCode, answer.json().issue],
    [
      400,
      [
        {
          diagnostics: 'start lies in the future, and without an end the period lasts until now',
          expression: ['start'],
        },
      ],
    ],
  )
})

const sampled = (id: string, effectiveDateTime: string, data: string, more: object, of: object = {}) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: loinc('8867-4'),
  subject: { reference: 'Patient/cyd' },
  effectiveDateTime,
  valueSampledData: { origin: quantity(0, '/min'), period: 1000, dimensions: 1, data, ...more },
  ...of,
})

t.test(
  '$series counts each sample of a dense signal at its moment, and a wave as one reading without a number',
  async t => {
    const offsets = {
      extension: [
        {
          url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets',
          valueString: '0 500 61000',
        },
      ],
      period: 30_500,
    }
    await put(
      { resourceType: 'Patient', id: 'cyd' },
      sampled('each-second', '2026-05-01T09:59:58Z', '60 61 62 E 64', {}),
      sampled('at-moments', '2026-05-01T10:00:00Z', '70 80 90', offsets),
      sampled('in-hertz', '2026-05-01T10:01:00Z', '1 2 L U', { origin: quantity(0, 'Hz'), factor: 0.5 }),
      sampled('in-another-unit', '2026-05-01T10:00:00Z', '1 2 3', { origin: quantity(0, 'kg') }),
      sampled('wave', '2026-05-01T10:00:00Z', '1 2 3', { period: 2 }),
      sampled('of-two-dimensions', '2026-05-01T10:00:00Z', '1 2 3 4', { dimensions: 2 }),
      sampled('mistaken', '2026-05-01T10:00:00Z', '1000', {}, { status: 'entered-in-error' }),
      {
        ...sampled('in-a-component', '2026-05-01T10:02:00Z', '', {}),
        code: { text: 'x' },
        valueSampledData: undefined,
        component: [
          { code: { text: 'y' }, valueString: 'z' },
          {
            code: loinc('8867-4'),
            valueSampledData: { origin: quantity(10, '/min'), period: 30_000, dimensions: 1, data: '1 2' },
          },
        ],
      },
    )
    const { lines, leftOut } = await seriesOf({
      ...heartRate,
      subject: 'Patient/cyd',
      start: '2026-05-01T10:00:00Z',
      end: '2026-05-01T10:02:59Z',
      points: '3',
    })
    t.strictSame(lines.map(figuresOf), [
      {
        count: [4, 3, 2],
        minimum: [62, 30, 11],
        average: [69, 60, 11.5],
        maximum: [80, 90, 12],
        sum: [276, 180, 23],
      },
    ])
    t.equal(leftOut, 5, 'another unit, a wave, two dimensions, and what is below or above what can be measured')
  },
)

t.test('numbers beyond floating point are left out or count as zero, and break nobody’s series', async t => {
  const exactly = (decimal: string) => parseJson(decimal) as number
  const offsets = (valueString: string) => ({
    extension: [{ url: 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets', valueString }],
  })
  const at = '2026-05-01T10:00:00Z'
  let second = 0
  const itsOwn = () => `2026-05-01T10:00:${String(second++).padStart(2, '0')}Z`
  const reading = (decimal: string, unit = '/min') => ({
    ...observation(loinc('8867-4'), itsOwn(), quantity(exactly(decimal), unit)),
    subject: { reference: 'Patient/dan' },
  })
  const samples = (id: string, data: string, more: object = {}) =>
    sampled(id, itsOwn(), data, more, { subject: { reference: 'Patient/dan' } })
  const tiny = `0.${'0'.repeat(400)}1`
  await put(
    { resourceType: 'Patient', id: 'dan' },
    reading('60'),
    reading('1e400'),
    reading('-1e78'),
    reading('1e-400'),
    reading('2.5e-330'),
    reading('1', '10*199.Hz'),
    reading('1e-300', '10*-199.Hz'),
    reading('1e14', '10*-199.Hz'),
    samples('factor', '1', { factor: exactly('1e400') }),
    samples('small-factor', '1', { factor: exactly('1e-400') }),
    samples('origin', '1', { origin: quantity(exactly('-1e400'), '/min') }),
    samples('period', '1 2', { period: exactly('1e400') }),
    samples('long-period', '1 2', { period: exactly('9e11') }),
    samples('data', '1e999'),
    samples('small-data', tiny),
    samples('no-offsets', '1 2', offsets('now then')),
    samples('small-offset', '1 2', { ...offsets(`0 ${tiny}`), period: exactly('1e-400') }),
    samples('far-offset', '1 2', offsets('0 999999999999999')),
  )
  const question = { ...heartRate, subject: 'Patient/dan', start: at, end: '2026-05-01T10:01:00Z', points: '1' }
  const { lines, leftOut } = await seriesOf(question)
  t.strictSame(lines.map(figuresOf), [{ count: [8], minimum: [0], average: [7.75], maximum: [60], sum: [62] }])
  t.equal(leftOut, 10)
})

t.test('readings of several kinds in one step are one point', async t => {
  const of = (code: string, time: string, value: number, unit = '/min') => ({
    ...observation(loinc(code), `2026-05-01T${time}Z`, quantity(value, unit)),
    subject: { reference: 'Patient/eve' },
  })
  await put(
    { resourceType: 'Patient', id: 'eve' },
    of('8867-4', '10:00:00', 90),
    of('8867-4', '10:01:00', 96),
    of('8867-4', '10:02:00', 1, 'kg'),
    of('9279-1', '10:03:00', 54),
    of('9279-1', '10:04:00', 1, 'kg'),
  )
  const { lines, leftOut } = await seriesOf({
    subject: 'Patient/eve',
    code: '8867-4,9279-1',
    unit: '/min',
    start: '2026-05-01T10:00:00Z',
    end: '2026-05-01T10:59:59Z',
    points: '1',
  })
  t.strictSame(lines.map(figuresOf), [{ count: [3], minimum: [54], average: [80], maximum: [96], sum: [240] }])
  t.equal(leftOut, 2)
})
