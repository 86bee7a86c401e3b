import t from 'tap'
import { atOnce } from '../../src/fhir/give-way.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { openMhealth } from '../../src/mhealth/mhealth.ts'
import { point, upload } from './upload.ts'

const mhealth = openMhealth({ codeClasses: openCodeClasses() })
const receive = (schema: string, bodies: readonly object[]) =>
  atOnce(mhealth.receive(upload(point(schema, bodies)))).under('strict').resource
const receiveOne = (schema: string, body: string) => {
  const document = JSON.stringify(point(schema, {})).replace('"body":{}', () => `"body":${body}`)
  return atOnce(mhealth.receive(upload(document))).under('normalise').resource
}
const codesIn = (schema: string, bodies: readonly object[]) =>
  receive(schema, bodies).code.coding?.map(({ code }) => code)

const hourMs = 3_600_000
/** So many step counts one after another, each for so many hours, from midnight on. */
const steps = (count: number, hours: number) =>
  Array.from({ length: count }, (_, index) => {
    const time = (at: number) => new Date(Date.UTC(2026, 2, 1) + at * hours * hourMs).toISOString()
    const time_interval = { start_date_time: time(index), end_date_time: time(index + 1) }
    return { step_count: { value: 100 + index, unit: 'steps' }, effective_time_frame: { time_interval } }
  })
const beats = (more: readonly object[]) =>
  more.map((fields, index) => ({
    heart_rate: { value: 60 + index, unit: 'beats/min' },
    effective_time_frame: { date_time: `2026-03-01T07:0${index}:00Z` },
    ...fields,
  }))

t.test('a series has the codes that each of its points has', async t => {
  t.strictSame(codesIn('omh:step-count:3.0', steps(24, 1)), ['55423-8', 'omh:step-count:3.0'], 'hours of one day')
  t.strictSame(codesIn('omh:step-count:3.0', steps(3, 24)), ['55423-8', '41950-7', 'omh:step-count:3.0'], 'whole days')
  const average = { descriptive_statistic: 'average' }
  const maximum = { descriptive_statistic: 'maximum' }
  t.strictSame(codesIn('omh:heart-rate:2.0', beats([{}, {}])), ['8867-4', 'omh:heart-rate:2.0', '78564009'])
  t.strictSame(codesIn('omh:heart-rate:2.0', beats([{}, maximum])), ['omh:heart-rate:2.0', '78564009'])
  t.strictSame(codesIn('omh:heart-rate:2.0', beats([average, maximum])), ['omh:heart-rate:2.0', '78564009'])
})

t.test('the steps of a day are those of 24 hours, also on the days on which clocks are changed', async t => {
  const day = (start_date_time: string, end_date_time: string) => [
    {
      step_count: { value: 9000, unit: 'steps' },
      effective_time_frame: { time_interval: { start_date_time, end_date_time } },
    },
  ]
  const codes = ['55423-8', '41950-7', 'omh:step-count:3.0']
  const spring = day('2026-03-29T00:00:00+01:00', '2026-03-30T00:00:00+02:00')
  t.strictSame(codesIn('omh:step-count:3.0', spring), codes)
  t.strictSame(codesIn('omh:step-count:3.0', day('2025-10-26T00:00:00+02:00', '2025-10-27T00:00:00+01:00')), codes)
  const coded = { code: { coding: [{ system: 'http://loinc.org', code: '41950-7' }] } }
  const sent = upload(point('omh:step-count:3.0', spring[0]), coded)
  t.strictSame(atOnce(mhealth.receive(sent)).under('strict').issues, [], 'and are not refused with that code')
})

t.test('a series is a statistic if all of its points are the same one', async t => {
  const statisticsOf = (...words: readonly string[]) =>
    receive('omh:heart-rate:2.0', beats(words.map(descriptive_statistic => ({ descriptive_statistic }))))
      .extension?.filter(({ url }) => url.endsWith('/descriptive-statistic'))
      .map(({ extension }) => extension?.[0]?.valueCodeableConcept?.text)
  t.strictSame(statisticsOf('maximum', 'maximum'), ['maximum'])
  t.strictSame(statisticsOf('minimum', 'maximum'), [])
})

t.test('a series of parts of days has no moments', async t => {
  const weighed = (date: string, part_of_day: string) => ({
    body_weight: { value: 80, unit: 'kg' },
    effective_time_frame: { time_interval: { date, part_of_day } },
  })
  const { effectivePeriod, valueSampledData } = receive('omh:body-weight:2.0', [
    weighed('2026-03-01', 'morning'),
    weighed('2026-03-02', 'evening'),
    weighed('2026-03-03', 'morning'),
  ])
  t.strictSame(effectivePeriod, { start: '2026-03-01', end: '2026-03-03' })
  t.equal(valueSampledData, undefined)
})

t.test('points that are not a signal keep the LOINC codes that they share', async t => {
  const glucose = (date_time: string, unit = 'mg/dL') => ({
    blood_glucose: { value: 90, unit },
    specimen_source: 'interstitial fluid',
    effective_time_frame: { date_time },
  })
  const [one, other] = ['2026-10-25T02:05:00Z', '2026-10-25T02:10:00Z']
  const codes = (...loinc: readonly string[]) => [...loinc, 'omh:blood-glucose:4.0', '365812005']
  t.strictSame(codesIn('omh:blood-glucose:4.0', [glucose(one), glucose(other)]), codes('99504-3'))
  t.strictSame(codesIn('omh:blood-glucose:4.0', [glucose(one), glucose(one)]), codes('99504-3'), 'at one moment')
  t.strictSame(codesIn('omh:blood-glucose:4.0', [glucose(one), glucose(other, 'mmol/L')]), codes())
})

t.test('a series of averages per day is in steps per day, and mixed ones are not a signal', async t => {
  const weeks = (...denominators: readonly string[]) => {
    const bodies = denominators.map((descriptive_statistic_denominator, index) => {
      const time_interval = {
        start_date_time: `2026-03-0${1 + 7 * index}T00:00:00Z`,
        duration: { value: 1, unit: 'wk' },
      }
      return {
        step_count: { value: 9000, unit: 'steps' },
        effective_time_frame: { time_interval },
        descriptive_statistic: 'average',
        descriptive_statistic_denominator,
      }
    })
    const { valueSampledData, extension = [] } = receive('omh:step-count:3.0', bodies)
    return [valueSampledData, extension.filter(({ url }) => url.endsWith('/descriptive-statistic')).length]
  }
  t.strictSame(weeks('d', 'd'), [
    {
      period: 604_800_000,
      data: '9000 9000',
      origin: { value: 0, unit: 'steps/d', system: 'http://unitsofmeasure.org', code: '{steps}/d' },
      dimensions: 1,
    },
    1,
  ])
  t.strictSame(weeks('d', 'wk'), [undefined, 0])
})

t.test('a count is a whole number, however it is written', async t => {
  const during = { time_interval: { start_date_time: '2026-03-01T22:00:00Z', end_date_time: '2026-03-02T06:00:00Z' } }
  const counted = (text: string) => {
    const body = JSON.stringify({ effective_time_frame: during, is_main_sleep: true, number_of_awakenings: 0 })
    const document = JSON.stringify(point('omh:sleep-episode:1.1', {})).replace('"body":{}', `"body":${body}`)
    const sent = upload(document.replace('"number_of_awakenings":0', `"number_of_awakenings":${text}`))
    const { component } = atOnce(mhealth.receive(sent)).under('strict').resource
    return JSON.stringify(component?.find(({ code }) => code.coding?.[0]?.code === 'number_of_awakenings')).match(
      /"value\w+":.*/,
    )?.[0]
  }
  for (const text of ['3', '3.0', '3e0', '30e-1']) t.equal(counted(text), '"valueInteger":3}', text)
  t.equal(counted('5000000000'), '"valueQuantity":{"value":5000000000}}', 'R4 has no integer as large')
})

t.test('a document is refused neither for a name that people typed nor for a number that nobody measured', async t => {
  const during = { time_interval: { start_date_time: '2026-03-01T22:00:00Z', end_date_time: '2026-03-02T06:00:00Z' } }
  const named = (activity_name: string) =>
    receiveOne('omh:physical-activity:1.2', JSON.stringify({ activity_name, effective_time_frame: during }))
      .valueCodeableConcept
  t.strictSame(named('walking\u0007 home'), { text: 'walking  home' })
  t.strictSame(named('walk\ud800'), { text: 'walk\ufffd' })
  t.equal(named('\u0000'), undefined)
  const at = '"effective_time_frame":{"date_time":"2026-03-01T07:30:00Z"}'
  const weight = (value: string, unit: string) =>
    receiveOne('omh:body-weight:3.0', `{"body_weight":{"value":${value},"unit":"${unit}"},${at}}`).valueQuantity
  t.equal(weight('1e200', 'oz'), undefined)
  t.equal(weight('1e-200', 'ug'), undefined)
  t.equal(JSON.stringify(weight('1e2', 'kg')?.value), '1e2')
})

t.test('what was read differently is listed in an extension for each, as JSON', async t => {
  const [body] = beats([{ heart_rate: { value: 64, unit: 'bpm' }, temporal_relationship_to_sleep: 'unknown' }])
  const repairs = atOnce(mhealth.receive(upload(point('omh:heart-rate:2.0', body))))
    .under('normalise')
    .resource.extension?.filter(({ url }) => url.endsWith('/document-repair'))
  const url = 'https://sharewell.dev/fhir/StructureDefinition/document-repair'
  t.strictSame(repairs, [
    {
      url,
      extension: [
        { url: 'code', valueCode: 'unit-spelling' },
        { url: 'pointer', valueString: '/body/heart_rate/unit' },
        { url: 'before', valueString: '"bpm"' },
        { url: 'after', valueString: '"beats/min"' },
      ],
    },
    {
      url,
      extension: [
        { url: 'code', valueCode: 'answer-empty' },
        { url: 'pointer', valueString: '/body/temporal_relationship_to_sleep' },
        { url: 'before', valueString: '"unknown"' },
      ],
    },
  ])
})

t.test('the steps of each hour of a day are not a total of that day, whichever code they are sent with', async t => {
  const day = '41950-7'
  const told = (bodies: readonly object[]) =>
    atOnce(
      mhealth.receive(
        upload(point('omh:step-count:3.0', bodies), { code: { coding: [{ system: 'http://loinc.org', code: day }] } }),
      ),
    )
      .under('normalise')
      .issues.map(({ details }) => details?.code)
  t.strictSame(told(steps(24, 1)), ['code-condition'])
  t.strictSame(told(steps(2, 24)), [])
})

t.test('a component has its code only in the unit that the code is for', async t => {
  const moved = (unit: string) =>
    receive('omh:physical-activity:1.2', [
      {
        activity_name: 'walking',
        base_movement_quantity: { value: 900, unit },
        effective_time_frame: { date_time: '2026-03-01T07:00:00Z' },
      },
    ]).component?.flatMap(({ code }) => code.coding?.map(one => one.code))
  t.strictSame(moved('steps'), ['55423-8'])
  t.strictSame(moved('strides'), ['base_movement_quantity'])
})

t.test('a series of a glucose sensor is its samples, and has the codes of their unit', async t => {
  const bodies = [100, 104].map((value, index) => ({
    blood_glucose: { value, unit: 'mg/dL' },
    specimen_source: 'interstitial fluid',
    effective_time_frame: { date_time: `2026-03-01T07:0${index * 5}:00Z` },
  }))
  const { code, valueSampledData, valueQuantity } = receive('omh:blood-glucose:4.0', bodies)
  t.equal(code.coding?.[0]?.code, '99504-3')
  t.match(valueSampledData, { data: '100 104', period: 300_000, origin: { value: 0, code: 'mg/dL' } })
  t.equal(valueQuantity, undefined)
})

t.test(
  'of a series in which one point breaks its schema no value is read, also if its source may send that',
  async t => {
    const sent = upload(
      point('omh:heart-rate:2.0', beats([{}, { heart_rate: { value: 'fast', unit: 'beats/min' } }, {}])),
    )
    const { resource } = atOnce(mhealth.receive(sent)).under('accept-with-warning')
    t.equal(resource.valueSampledData, undefined)
    t.strictSame(
      resource.code.coding?.map(({ code }) => code),
      ['omh:heart-rate:2.0'],
    )
    t.match(resource.effectivePeriod, { start: '2026-03-01T07:00:00Z', end: '2026-03-01T07:02:00Z' })
  },
)
