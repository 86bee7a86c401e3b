import t from 'tap'
import { atOnce } from '../../src/fhir/give-way.ts'
import { sampledData } from '../../src/mhealth/sampled-data.ts'

const offsetsUrl = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-SampledData.offsets'
const glucose = (effective_time_frame: object | undefined, value: unknown, unit = 'mg/dL') => ({
  blood_glucose: { value, unit },
  ...(effective_time_frame && { effective_time_frame }),
})
const at = (time: string) => ({ date_time: `2026-03-01T${time}Z` })
const during = (start: string, end: string) => ({
  time_interval: { start_date_time: `2026-03-01T${start}Z`, end_date_time: `2026-03-01T${end}Z` },
})
/** Its data, its period and its offsets; undefined if they are no samples of one signal. */
const sampled = (...bodies: readonly ReturnType<typeof glucose>[]) => {
  const { valueSampledData } = atOnce(sampledData(bodies, 'blood_glucose', {}))
  if (valueSampledData === undefined) return undefined
  const { data, period, extension } = valueSampledData as { data: string; period: number; extension?: object }
  return extension === undefined ? [data, period] : [data, period, extension]
}

t.test('values that share a unit are samples in that unit, in the order of their times', async t => {
  t.strictSame(atOnce(sampledData([glucose(at('08:05:00'), 110), glucose(at('08:00:00'), 100)], 'blood_glucose', {})), {
    valueSampledData: {
      period: 300_000,
      data: '100 110',
      origin: { value: 0, unit: 'mg/dL', system: 'http://unitsofmeasure.org', code: 'mg/dL' },
      dimensions: 1,
    },
  })
  t.equal(sampled(glucose(at('08:00:00'), 100), glucose(at('08:05:00'), 5.6, 'mmol/L')), undefined, 'in two units')
  t.equal(sampled(glucose(at('08:00:00'), 5.6, 'mmol/L'), glucose(at('08:05:00'), 100)), undefined)
  t.equal(sampled(glucose(at('08:00:00'), 100), glucose(at('08:05:00'), 'high')), undefined, 'one is no number')
  t.equal(sampled(glucose(at('08:00:00'), 'low'), glucose(at('08:05:00'), 100)), undefined)
})

t.test('a single value, or a schema without one, is no signal', async t => {
  t.strictSame(atOnce(sampledData([glucose(at('08:00:00'), 100)], 'blood_glucose', {})), {})
  t.strictSame(atOnce(sampledData([], 'blood_glucose', {})), {})
  const two = [glucose(at('08:00:00'), 100), glucose(at('08:05:00'), 110)]
  t.strictSame(atOnce(sampledData(two, null, {})), {})
})

t.test('moments on a grid are written on it, and each of them is marked that is missing', async t => {
  const [one, two] = [glucose(at('08:00:00'), 100), glucose(at('08:05:00'), 110)]
  t.strictSame(sampled(one, two, glucose(at('08:15:00'), 130)), ['100 110 E 130', 300_000])
  t.strictSame(sampled(one, two, glucose(at('08:45:00'), 130)), ['100 110 E E E E E E E 130', 300_000])
  const far = { extension: [{ url: offsetsUrl, valueString: '0 300000 3000000' }], period: 1_500_000 }
  t.strictSame(
    sampled(one, two, glucose(at('08:50:00'), 130)),
    ['100 110 130', far.period, far.extension],
    'if most of the grid would be missing, at their own times',
  )
})

t.test('moments that are off any grid have their true times', async t => {
  t.strictSame(sampled(glucose(at('08:00:00'), 100), glucose(at('08:05:01'), 110), glucose(at('08:09:59.500'), 120)), [
    '100 110 120',
    299_750,
    [{ url: offsetsUrl, valueString: '0 301000 599500' }],
  ])
})

t.test('intervals that follow one another are given by their beginnings', async t => {
  const hour = (start: string, end: string, value: number) => glucose(during(start, end), value)
  const first = hour('08:00:00', '09:00:00', 100)
  t.strictSame(sampled(first, hour('09:00:00', '10:00:00', 110)), ['100 110', 3_600_000])
  t.strictSame(sampled(first, hour('10:00:00', '11:00:00', 110), hour('11:00:00', '12:00:00', 120)), [
    '100 E 110 120',
    3_600_000,
  ])
  t.strictSame(sampled(hour('08:00:00', '08:59:59', 100), hour('09:00:00', '09:59:59', 110)), ['100 110', 3_600_000])
  for (const [other, why] of [
    [hour('09:00:00', '09:59:58.999', 110), 'an interval is shorter'],
    [hour('09:00:00', '10:00:01', 110), 'or longer'],
    [hour('08:30:00', '09:30:00', 110), 'they overlap'],
    [hour('10:00:00', '11:00:00', 110), 'nothing says that the time between them was one of them'],
    [glucose(at('09:00:00'), 110), 'one is a moment'],
    [glucose({ full_date: '2026-03-02' }, 110), 'one is a date'],
    [glucose(undefined, 110), 'one has no time'],
    [hour('08:00:00', '09:00:00', 110), 'two are of the same time'],
  ] as const)
    t.equal(sampled(first, other), undefined, why)
  t.equal(sampled(glucose(at('08:00:00'), 100), hour('09:00:00', '10:00:00', 110)), undefined)
  const far = hour('20:00:00', '20:05:00', 120)
  t.equal(sampled(hour('08:00:00', '08:05:00', 100), hour('08:05:00', '08:10:00', 110), far), undefined)
  const dates = (start_date_time: string, end_date_time: string) => ({
    time_interval: { start_date_time, end_date_time },
  })
  t.equal(
    sampled(glucose(dates('2026-03-01', '2026-03-02'), 100), glucose(dates('2026-03-02', '2026-03-03'), 110)),
    undefined,
    'dates have no time of day',
  )
})

t.test('moments of which two are the same, or one is unknown, are no signal', async t => {
  const one = glucose(at('08:00:00'), 100)
  t.equal(sampled(one, glucose(at('08:00:00'), 110)), undefined)
  t.equal(sampled(one, glucose({ full_date: '2026-03-02' }, 110)), undefined)
  t.equal(sampled(one, glucose(undefined, 110)), undefined)
  t.equal(sampled(glucose(undefined, 110), one), undefined)
})
