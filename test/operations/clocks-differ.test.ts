import t from 'tap'
import { openSearching } from '../support/searching.ts'

// Clocks are changed by law, sometimes within weeks, and this process and PostgreSQL learn of it by different updates. Here only this process knows
// that two places have changed theirs: to two hours behind UTC, and to eleven before it.
const { DateTimeFormat } = Intl
const laws: Readonly<Record<string, string>> = {
  'Antarctica/Vostok': 'America/Noronha',
  'Antarctica/Mawson': 'Pacific/Noumea',
}
const newer = new Proxy(DateTimeFormat, {
  construct: (clock, [language, options]) => {
    const timeZone = laws[options?.timeZone] ?? options?.timeZone
    return Reflect.construct(clock, [language, { ...options, ...(timeZone !== undefined && { timeZone }) }])
  },
})
Object.assign(Intl, { DateTimeFormat: newer })
t.teardown(() => Object.assign(Intl, { DateTimeFormat }))

const { server, put } = await openSearching()
t.teardown(() => server.close())
const ask = async <T>(operation: string, query: Readonly<Record<string, string>>): Promise<T> => {
  const answer = await server.inject({
    url: `/fhir/Observation/$${operation}?${new URLSearchParams({ subject: 'Patient/ann', ...query })}`,
    headers: { authorization: 'Bearer everything' },
  })
  t.equal(answer.statusCode, 200, answer.body)
  return answer.json()
}
const ucum = 'http://unitsofmeasure.org'
const reading = (id: string, code: string, effectiveDateTime: string, value: object) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code }] },
  subject: { reference: 'Patient/ann' },
  effectiveDateTime,
  ...value,
})
const quantity = (value: number, code: string) => ({ valueQuantity: { value, system: ucum, code } })
const hours = Array.from({ length: 72 }, (_, hour) => new Date(Date.UTC(2026, 2, 9, hour)).toISOString())
await put(
  { resourceType: 'Patient', id: 'ann' },
  ...hours.map((time, hour) => reading(`pulse-${hour}`, '8867-4', time, quantity(60 + hour, '/min'))),
  ...hours.map((time, hour) => reading(`glucose-${hour}`, '99504-3', time, quantity(100, 'mg/dL'))),
  reading('weight', '29463-7', '2026-03-10', quantity(80, 'kg')),
  reading('signal', '9279-1', '2026-03-09T00:00:00Z', {
    valueSampledData: {
      origin: { value: 0, system: ucum, code: '/min' },
      period: 3_600_000,
      dimensions: 1,
      data: Array.from({ length: 72 }, () => '12').join(' '),
    },
  }),
)

type Summary = { effectivePeriod: { start: string }; component: { valueQuantity: { value: number } }[] }
type Parameter = {
  name: string
  valueInteger?: number
  part?: { name: string; valueTime?: string }[]
  resource?: { component: { valueSampledData: { data: string } }[] }
}

for (const timezone of Object.keys(laws)) {
  const day = { start: '2026-03-10', end: '2026-03-10', timezone }

  t.test(`a day in ${timezone} has all of its hours in each figure, by one clock`, async t => {
    const { entry } = await ask<{ entry?: { resource: Summary }[] }>('daily-summary', day)
    t.same(
      entry?.map(({ resource: { effectivePeriod, component } }) => [
        effectivePeriod.start,
        component[0]?.valueQuantity.value,
      ]),
      [
        ['2026-03-10', 24],
        ['2026-03-10', 24],
        ['2026-03-10', 1],
        ['2026-03-10', 24],
      ],
    )
    const { parameter } = await ask<{ parameter: Parameter[] }>('series', {
      ...day,
      code: '8867-4',
      unit: '/min',
      step: 'day',
    })
    t.equal(parameter[0]?.resource?.component[0]?.valueSampledData.data, '24')
    const counted = await ask<{ parameter: Parameter[] }>('completeness', day)
    t.equal(counted.parameter[0]?.resource?.component[0]?.valueSampledData.data, '73')
  })

  t.test(`the hours of the usual day in ${timezone} are those of the same clock`, async t => {
    const { parameter } = await ask<{ parameter: Parameter[] }>('glucose-profile', day)
    t.equal(parameter.find(({ name }) => name === 'days')?.valueInteger, 1)
    const times = parameter.flatMap(({ name, part }) => (name === 'time-of-day' ? (part?.[0]?.valueTime ?? []) : []))
    t.same([times.length, times[0], times.at(-1)], [24, '00:00:00', '23:00:00'])
  })
}
