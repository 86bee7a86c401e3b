import t from 'tap'
import { openRandom, type Random, seedOf } from '../oracle/random.ts'
import { percentile } from '../support/percentile.ts'
import { openSearching } from '../support/searching.ts'

const { server, put } = await openSearching()
t.teardown(() => server.close())

/** When clocks were changed in 2025, by law, and how many minutes ahead of UTC they were before and afterwards. In Santiago, midnight itself is skipped. */
const changes = [
  ['Europe/Berlin', '2025-03-30T01:00:00Z', 60, 120],
  ['Europe/Berlin', '2025-10-26T01:00:00Z', 120, 60],
  ['America/New_York', '2025-03-09T07:00:00Z', -300, -240],
  ['America/New_York', '2025-11-02T06:00:00Z', -240, -300],
  ['Australia/Lord_Howe', '2025-04-05T15:00:00Z', 660, 630],
  ['Australia/Lord_Howe', '2025-10-04T15:30:00Z', 630, 660],
  ['America/Santiago', '2025-04-06T03:00:00Z', -180, -240],
  ['America/Santiago', '2025-09-07T04:00:00Z', -240, -180],
  ['Atlantic/Azores', '2025-10-26T01:00:00Z', 0, -60],
  ['Asia/Kathmandu', '2025-06-15T00:00:00Z', 345, 345],
] as const

const [second, minute, hour, day] = [1000, 60_000, 3_600_000, 86_400_000]
const dated = (at: number) => new Date(at).toISOString().slice(0, 10)

type Clock = { readonly change: number; readonly ahead: (at: number) => number; readonly wall: (at: number) => number }
const clockOf = ([, change, before, after]: (typeof changes)[number]): Clock => {
  const ahead = (at: number) => (at < Date.parse(change) ? before : after)
  return { change: Date.parse(change), ahead, wall: at => at + ahead(at) * minute }
}

/** The first moment at which the clock shows the date. */
const beginningOf = (date: string, { wall, change, ahead }: Clock): number => {
  const at = [change - 1, change].map(moment => Date.parse(date) - ahead(moment) * minute)
  const first = at.find(one => dated(wall(one)) === date && dated(wall(one - 1)) < date)
  if (first === undefined) throw new Error(`when ${date} begins is not known`)
  return first
}

/** What was measured at a moment, or only on a date; what took some time belongs to the moment that decides. */
type Reading = { readonly at: number | string; readonly value: number; readonly unit?: string }
type Measured = Readonly<
  Record<'glucose' | 'pulse' | 'systolic' | 'steps' | 'sleep' | 'total-sleep', readonly Reading[]>
>

const measuredWith = (random: Random, clock: Clock, days: readonly string[], from: number, to: number): Measured => {
  const edges = [...days.map(date => beginningOf(date, clock)), to, clock.change].flatMap(at => [at - second, at])
  const quarter = () => Math.floor((from + random.below(to - from)) / (15 * minute)) * 15 * minute
  const moments = (count: number) => {
    const any = () => from - 6 * hour + random.below((to - from + 12 * hour) / second) * second
    return new Set([...edges, ...Array.from({ length: count }, () => (random.chance(0.2) ? quarter() : any()))])
  }
  const inUnit = () =>
    random.chance(0.7)
      ? {
          value: random.chance(0.4) ? random.pick([53, 54, 69, 70, 180, 181, 250, 251]) : 40 + random.below(300),
          unit: 'mg/dL',
        }
      : {
          value: random.chance(0.4)
            ? random.pick([2.9, 3, 3.8, 3.9, 10, 10.1, 13.9, 14])
            : (22 + random.below(180)) / 10,
          unit: 'mmol/L',
        }
  const beyond = [dated(Date.parse(days[0] ?? '') - day), ...days, dated(Date.parse(days.at(-1) ?? '') + day)]
  const each = (count: number, value: () => number) => [...moments(count)].map(at => ({ at, value: value() }))
  return {
    glucose: [
      ...[...moments(60)].map(at => ({ at, ...inUnit() })),
      ...beyond.filter(() => random.chance(0.5)).map(at => ({ at, ...inUnit() })),
    ],
    pulse: each(20, () => 40 + random.below(1400) / 10),
    systolic: each(10, () => 90 + random.below(80)),
    steps: each(20, () => random.below(3000)),
    sleep: nights(random, beyond),
    'total-sleep': nights(random, beyond),
  }
  /** By the moment at which they end, with the hours slept. */
  function nights(random: Random, dates: readonly string[]): readonly Reading[] {
    return dates.map(date => {
      const bed = Date.parse(date) - clock.ahead(from) * minute + 20 * hour + random.below(6 * 60) * minute
      return { at: bed + (4 * 60 + random.below(6 * 60)) * minute, value: (random.below(80) + 10) / 10 }
    })
  }
}

const ucum = 'http://unitsofmeasure.org'
const loinc = (code: string) => ({ coding: [{ system: 'http://loinc.org', code }] })
const omh = (code: string) => ({ coding: [{ system: 'https://w3id.org/openmhealth', code }] })

let made = 0
const resourcesOf = (patient: string, random: Random, { ahead, wall }: Clock, measured: Measured) => {
  /** In UTC, or by the clock of the place. */
  const written = (at: number) => {
    if (random.chance(0.5)) return new Date(at).toISOString().replace('.000', '')
    const [sign, minutes] = [ahead(at) < 0 ? '-' : '+', Math.abs(ahead(at))]
    const [hours, rest] = [Math.floor(minutes / 60), minutes % 60].map(one => String(one).padStart(2, '0'))
    return `${new Date(wall(at)).toISOString().slice(0, 19)}${sign}${hours}:${rest}`
  }
  const observation = (code: object, said: object) => ({
    resourceType: 'Observation',
    id: `random-${++made}`,
    status: 'final',
    code,
    subject: { reference: `Patient/${patient}` },
    ...said,
  })
  const quantity = (value: number, unit: string) => ({ valueQuantity: { value, system: ucum, code: unit } })
  const on = (at: number | string) => ({ effectiveDateTime: typeof at === 'string' ? at : written(at) })
  const night = ({ at, value }: Reading) => ({
    effectivePeriod: { start: written(Number(at) - 4 * hour), end: written(Number(at)) },
    ...quantity(value, 'h'),
  })
  return [
    ...measured.glucose.map(({ at, value, unit = '' }) =>
      observation(loinc('99504-3'), { ...on(at), ...quantity(value, unit) }),
    ),
    ...measured.pulse.map(({ at, value }) => observation(loinc('8867-4'), { ...on(at), ...quantity(value, '/min') })),
    ...measured.systolic.map(({ at, value }) =>
      observation(loinc('85354-9'), {
        ...on(at),
        component: [{ code: loinc('8480-6'), ...quantity(value, 'mm[Hg]') }],
      }),
    ),
    ...measured.steps.map(({ at, value }) =>
      observation(loinc('55423-8'), { ...on(at), ...quantity(value, '{steps}') }),
    ),
    ...measured.sleep.map(one => observation(loinc('93832-4'), night(one))),
    ...measured['total-sleep'].map(one => observation(omh('omh:total-sleep-time'), night(one))),
  ]
}

const ask = async <T>(operation: string, query: Readonly<Record<string, string>>): Promise<T> => {
  const url = `/fhir/Observation/$${operation}?${new URLSearchParams(query)}`
  const answer = await server.inject({ url, headers: { authorization: 'Bearer everything' } })
  if (answer.statusCode !== 200) throw new Error(answer.body)
  return answer.json()
}

const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
const mean = (values: readonly number[]) => sum(values) / values.length

type Quantity = { readonly value: number }
type Part = {
  readonly name: string
  readonly valueInteger?: number
  readonly valueTime?: string
  readonly valueDecimal?: number
  readonly valueQuantity?: Quantity
}
type Parameter = Part & { readonly part?: readonly Part[] }

const said = ({ valueInteger, valueTime, valueDecimal, valueQuantity }: Part) =>
  valueInteger ?? valueTime ?? valueDecimal ?? valueQuantity?.value
const toMillionth = (value: number) => Number(value.toFixed(6))

/** https://doi.org/10.2337/dci19-0028 for the ranges, https://doi.org/10.2337/dc18-1581 for the indicator. */
const profileOf = (readings: readonly Reading[], clock: Clock, from: number, to: number) => {
  const bounds = { 'mg/dL': [54, 70, 180, 250], 'mmol/L': [3, 3.9, 10, 13.9] }
  const rangeOf = ({ value, unit }: Reading) => {
    const [veryLow = 0, low = 0, high = 0, veryHigh = 0] = bounds[unit as keyof typeof bounds]
    return [
      value < veryLow,
      value >= veryLow && value < low,
      value >= low && value <= high,
      value > high && value <= veryHigh,
      value > veryHigh,
    ].indexOf(true)
  }
  const milligrams = ({ value, unit }: Reading) => (unit === 'mg/dL' ? value : value * 18.016)
  const values = readings.map(milligrams)
  const average = mean(values)
  const deviation = Math.sqrt(sum(values.map(value => (value - average) ** 2)) / (values.length - 1))
  const timed = readings.filter(({ at }) => typeof at === 'number').map(one => ({ ...one, at: Number(one.at) }))
  const quarterOf = (at: number) =>
    new Date(Math.floor(clock.wall(at) / (15 * minute)) * 15 * minute).toISOString().slice(11, 19)
  return {
    figures: [
      readings.length,
      0,
      new Set(readings.map(({ at }) => (typeof at === 'string' ? at : dated(clock.wall(at))))).size,
      (100 * new Set(timed.map(({ at }) => Math.floor(at / (15 * minute)))).size) / ((to - from) / (15 * minute)),
      average,
      deviation,
      (100 * deviation) / average,
      3.31 + 0.02392 * average,
    ].map(toMillionth),
    ranges: [0, 1, 2, 3, 4].map(range => {
      const count = readings.filter(one => rangeOf(one) === range).length
      return [count, toMillionth((100 * count) / readings.length)]
    }),
    ofDay: [...Map.groupBy(timed, ({ at }) => quarterOf(at))]
      .sort()
      .map(([quarter, some]) => [
        quarter,
        some.length,
        ...[0.05, 0.25, 0.5, 0.75, 0.95].map(fraction => toMillionth(percentile(some.map(milligrams), fraction))),
      ]),
  }
}

for (const [index, changed] of changes.entries()) {
  const [timezone, change] = changed
  const clock = clockOf(changed)
  const patient = `person-${index}`
  const random = openRandom(seedOf(), patient)
  const days = [-2, -1, 0, 1, 2].map(number => dated(clock.wall(Date.parse(change)) + number * day))
  const [first = '', last = ''] = [days[0], days.at(-1)]
  const from = beginningOf(first, clock)
  const to = beginningOf(dated(Date.parse(last) + day), clock)
  const measured = measuredWith(random, clock, days, from, to)
  const asked = { subject: patient, start: first, end: last, timezone }
  const dateOf = (at: number | string) => (typeof at === 'string' ? at : dated(clock.wall(at)))
  const within = (readings: readonly Reading[]) => readings.filter(({ at }) => days.includes(dateOf(at)))

  t.test(`the figures of random readings in ${timezone} around ${change} are those of plain arithmetic`, async t => {
    await put({ resourceType: 'Patient', id: patient }, ...resourcesOf(patient, random, clock, measured))

    await t.test('the glucose profile', async t => {
      const { parameter } = await ask<{ parameter: Parameter[] }>('glucose-profile', asked)
      const named = (name: string) => parameter.filter(one => one.name === name)
      const parts = (name: string) => named(name).map(({ part = [] }) => part.map(said))
      t.strictSame(
        {
          figures: parameter.filter(({ part }) => part === undefined).map(one => toMillionth(Number(said(one)))),
          ranges: parts('range').map(([, , count, time]) => [count, toMillionth(Number(time))]),
          ofDay: parts('time-of-day').map(([start, count, ...values]) => [
            start,
            count,
            ...values.map(one => toMillionth(Number(one))),
          ]),
        },
        profileOf(within(measured.glucose), clock, from, to),
      )
    })

    await t.test('the days', async t => {
      type Summary = {
        readonly code: { readonly coding: readonly [{ readonly code: string }] }
        readonly effectivePeriod: { readonly start: string }
        readonly component: readonly { readonly valueQuantity: Quantity }[]
      }
      const { entry } = await ask<{ entry: { resource: Summary }[] }>('daily-summary', asked)
      const found = entry.map(
        ({ resource: { code, effectivePeriod, component } }) =>
          [
            `${code.coding[0].code} ${effectivePeriod.start}`,
            component.map(({ valueQuantity }) => valueQuantity.value),
          ] as const,
      )
      const daily = (
        code: string,
        readings: readonly Reading[],
        figures: (values: readonly number[]) => readonly number[],
      ) =>
        [...Map.groupBy(within(readings), ({ at }) => dateOf(at))].map(([date, some]) => [
          `${code} ${date}`,
          [some.length, ...figures(some.map(({ value }) => value))],
        ])
      const added = (values: readonly number[]) => [sum(values)]
      const spread = (values: readonly number[]) => [mean(values), Math.min(...values), Math.max(...values)]
      const milligrams = measured.glucose.map(one => ({
        ...one,
        value: one.value * (one.unit === 'mg/dL' ? 1 : 18.016),
      }))
      const expected: Readonly<Record<string, readonly number[]>> = Object.fromEntries([
        ...daily('omh:step-count', measured.steps, added),
        ...daily('omh:sleep-duration', measured.sleep, added),
        ...daily('omh:total-sleep-time', measured['total-sleep'], added),
        ...daily('omh:heart-rate', measured.pulse, spread),
        ...daily('99504-3', milligrams, spread),
        ...daily('8480-6', measured.systolic, spread),
      ])
      // Rounded to a hundredth.
      const isNear = (value: number, exact = Number.NaN) => Math.abs(value - exact) < 0.005 + 1e-9
      const told = found.map(([key, values]) => [
        key,
        values.map((value, index) => (isNear(value, expected[key]?.[index]) ? expected[key]?.[index] : value)),
      ])
      t.strictSame(Object.fromEntries(told), expected)
    })

    await t.test('how many readings there are for each day', async t => {
      const night = ({ at, value }: Reading) => ({ at: Number(at) - 4 * hour, value })
      const { glucose, pulse, systolic, steps, sleep } = measured
      const begun = [
        ...glucose,
        ...pulse,
        ...systolic,
        ...steps,
        ...sleep.map(night),
        ...measured['total-sleep'].map(night),
      ]
      const counts = days.map(date => begun.filter(({ at }) => dateOf(at) === date).length)
      type Counted = {
        readonly parameter: readonly [
          {
            readonly resource: {
              readonly component: readonly [{ readonly valueSampledData: { readonly data: string } }]
            }
          },
        ]
      }
      const { parameter } = await ask<Counted>('completeness', asked)
      t.equal(parameter[0].resource.component[0].valueSampledData.data, counts.map(count => count || 'E').join(' '))
    })
  })
}
