import t from 'tap'
import { FhirError } from '../../src/fhir/error.ts'
import { implausible } from '../../src/mhealth/plausibility.ts'
import { at, heartRate, point, receive, upload } from './upload.ts'

const told = (body: Record<string, unknown>) =>
  implausible(body, '/body', 'Observation').map(({ rule, warnings }) => `${rule} ${warnings[0]?.message}`)
const of = (field: string, value: number, unit: string, more: object = {}) => ({ [field]: { value, unit }, ...more })

t.test('a value at the edge of what is plausible is not reported, one beyond it is', t => {
  t.strictSame(told(of('heart_rate', 5, 'beats/min')), [])
  t.strictSame(told(of('heart_rate', 480, 'beats/min')), [])
  t.strictSame(told(of('heart_rate', 481, 'beats/min')), [
    'value-impossible /body/heart_rate/value: 481 beats/min cannot be; accepted: 5 to 480 beats/min',
  ])
  t.strictSame(told(of('body_temperature', 36.6, 'C')), [])
  t.strictSame(told(of('body_temperature', 98.6, 'F')), [])
  t.strictSame(told(of('body_temperature', 98.6, 'C')), [
    'value-impossible /body/body_temperature/value: 98.6 C cannot be; accepted: 10 to 48 C',
  ])
  t.end()
})

t.test('the highest glucose that was measured in anybody alive can be, and the 9999 of an error cannot', t => {
  t.strictSame(told(of('blood_glucose', 5600, 'mg/dL')), [])
  t.strictSame(told(of('blood_glucose', 311, 'mmol/L')), [])
  t.strictSame(told(of('blood_glucose', 9999, 'mg/dL')), [
    'value-impossible /body/blood_glucose/value: 9999 mg/dL cannot be; accepted: 1 to 6000 mg/dL',
  ])
  t.end()
})

t.test('what cannot be below zero is reported once', t => {
  t.strictSame(told(of('heart_rate', -1, 'beats/min')), [
    'value-negative /body/heart_rate/value: -1 beats/min is below zero',
  ])
  t.strictSame(told({ number_of_awakenings: -2 }), ['value-negative /body/number_of_awakenings: -2  is below zero'])
  t.end()
})

t.test('parts of a summary are checked, and what no schema names is not', t => {
  const summary = {
    sleep_stage_summary: of('total_sleep_time', -60, 'sec'),
    sleep_stage_episodes: [],
    offset: -1,
    heart_rate: { value: 1, unit: 'constructor' },
    duration: 'long',
  }
  t.strictSame(told(summary), [
    'value-negative /body/sleep_stage_summary/total_sleep_time/value: -60 sec is below zero',
  ])
  t.end()
})

t.test('a standard deviation may be close to zero, and a count is not a measurement', t => {
  t.strictSame(told(of('heart_rate', 0.4, 'beats/min', { descriptive_statistic: 'standard deviation' })), [])
  t.equal(told(of('heart_rate', 0.4, 'beats/min', { descriptive_statistic: 'average' })).length, 1)
  const count = { descriptive_statistic: 'count' }
  t.strictSame(told(of('heart_rate', 2, 'beats/min', count)), [], 'it was measured that often')
  t.strictSame(told(of('heart_rate', 1440, 'beats/min', count)), [])
  const pressures = { ...of('systolic_blood_pressure', 14, 'mmHg'), ...of('diastolic_blood_pressure', 14, 'mmHg') }
  t.strictSame(told({ ...pressures, ...count }), [])
  t.equal(told(of('heart_rate', -2, 'beats/min', count)).length, 1)
  t.end()
})

t.test('a systolic pressure that is not above the diastolic one is reported, but not for their deviation', t => {
  const pressures = (systolic: number, diastolic: number, more: object = {}) =>
    told({
      ...of('systolic_blood_pressure', systolic, 'mmHg'),
      ...of('diastolic_blood_pressure', diastolic, 'mmHg'),
      ...more,
    })
  t.strictSame(pressures(120, 80), [])
  t.strictSame(pressures(81, 80), [])
  for (const systolic of [80, 70])
    t.strictSame(pressures(systolic, 80), [
      `value-impossible /body: the systolic pressure, ${systolic}, is not above the diastolic one, 80`,
    ])
  t.strictSame(pressures(-120, 80), ['value-negative /body/systolic_blood_pressure/value: -120 mmHg is below zero'])
  t.strictSame(pressures(120, -80), ['value-negative /body/diastolic_blood_pressure/value: -80 mmHg is below zero'])
  t.strictSame(pressures(4, 6, { descriptive_statistic: 'standard deviation' }), [])
  t.end()
})

t.test('in a data series the implausible value is named', t => {
  const bodies = [60, 999].map(value => heartRate(value).body)
  const { issues } = receive(upload({ ...heartRate(), body: bodies }))
  t.match(issues, [{ message: '/body/1/heart_rate/value: 999 beats/min cannot be', severity: 'warning' }])
  t.equal(issues.length, 1)
  t.end()
})

t.test('a LOINC code for another specimen or unit than the document has is reported, or refused', t => {
  const coded = (code: string, unit: string) =>
    upload(
      point('omh:blood-glucose:4.0', {
        blood_glucose: { value: 6, unit },
        specimen_source: 'interstitial fluid',
        effective_time_frame: at,
      }),
      { code: { coding: [{ system: 'http://loinc.org', code }] } },
    )
  t.strictSame(receive(coded('99504-3', 'mg/dL')).issues, [])
  t.match(receive(coded('99504-3', 'mmol/L')).issues, [
    {
      message: '99504-3 stands for',
      expression: 'Observation.code.coding[0]',
      details: { code: 'code-condition' },
    },
  ])
  t.match(receive(coded('41653-7', 'mg/dL')).issues, [{ details: { code: 'code-condition' } }])
  t.throws(() => receive(coded('41653-7', 'mg/dL'), 'strict'), FhirError)
  t.end()
})
