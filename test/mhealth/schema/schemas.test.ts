import t from 'tap'
import { openSchemas } from '../../../src/mhealth/schema/schemas.ts'

const schemas = openSchemas()
const instant = { date_time: '2026-03-01T07:30:00Z' }
const hour = { time_interval: { start_date_time: '2026-03-01T07:00:00Z', end_date_time: '2026-03-01T08:00:00Z' } }
const morning = { time_interval: { date: '2026-03-01', part_of_day: 'morning' } }
const kg = { value: 70, unit: 'kg' }
const steps = { value: 100, unit: 'steps' }
const minutes = { value: 400, unit: 'min' }
const pressure = {
  systolic_blood_pressure: { value: 120, unit: 'mmHg' },
  diastolic_blood_pressure: { value: 80, unit: 'mmHg' },
}

const tenMg = { value: 10, unit: 'mg' }
const tablet = { value: 1, unit: 'tablet' }
const drug = { generic_name: 'lisinopril', strength: [tenMg] }
const prescription = {
  medication: drug,
  schedule: [{ dose_duration: { free_text: 'always' }, medication_dose: { dose: tablet }, dose_recurrence: {} }],
}
const inKilograms = { quantity_type: 'HKQuantityTypeIdentifierBodyMass', effective_time_frame: instant }
const food = 'HKCorrelationTypeIdentifierFood'

const verdicts: readonly (readonly [id: string, body: unknown, valid: boolean])[] = [
  ['omh:body-weight:1.0', { body_weight: kg }, true],
  ['omh:body-weight:2.0', { body_weight: kg }, false],
  ['omh:body-weight:2.0', { body_weight: kg, effective_time_frame: morning }, true],
  ['omh:body-weight:3.0', { body_weight: kg, effective_time_frame: morning }, false],
  ['omh:body-weight:3.0', { body_weight: kg, effective_time_frame: instant, extra: { kept: true } }, true],
  ['omh:body-weight:3.0', { body_weight: { ...kg, unit: 'st' }, effective_time_frame: instant }, false],
  ['omh:body-weight:3.0', { body_weight: kg, effective_time_frame: { ...instant, ...hour } }, false],
  ['omh:body-weight:3.0', { body_weight: kg, effective_time_frame: { date_time: '2026-03-01T07:30:00' } }, false],
  ['omh:step-count:2.0', { step_count: 100, effective_time_frame: hour }, true],
  ['omh:step-count:3.0', { step_count: 100, effective_time_frame: hour }, false],
  ['omh:step-count:3.0', { step_count: steps, effective_time_frame: hour }, true],
  ['omh:step-count:3.0', { step_count: steps, effective_time_frame: instant }, false],
  ['omh:body-mass-index:1.0', { body_mass_index: { value: 22, unit: 'kg/m2' } }, true],
  ['omh:body-mass-index:2.0', { body_mass_index: { value: 22, unit: 'kg/m2' }, effective_time_frame: instant }, false],
  ['omh:blood-pressure:1.0', { ...pressure, position_during_measurement: 'semi-recumbent' }, false],
  ['omh:blood-pressure:2.0', { ...pressure, body_posture: 'semi-recumbent' }, true],
  ['omh:blood-pressure:4.0', { ...pressure, effective_time_frame: instant, body_posture: 'hanging' }, false],
  ['omh:blood-pressure:4.0', { ...pressure, effective_time_frame: instant, measurement_location: 'left wrist' }, true],
  ['omh:physical-activity:1.2', { activity_name: 'walking', kcal_burned: { value: 1, unit: 'kJ' } }, false],
  ['ieee:physical-activity:1.0', { activity_name: 'walking', effective_time_frame: hour }, true],
  ['ieee:total-sleep-time:1.0', { total_sleep_time: minutes, effective_time_frame: hour }, true],
  ['ieee:sleep-stage-summary:1.0', { sleep_stage_summary: {}, effective_time_frame: hour }, false],
  ['omh:medication:1.0', { strength: [tenMg] }, false],
  ['omh:medication:1.0', drug, true],
  ['omh:single-medication-dose-taken:1.0', { medication: drug, dose: tablet, effective_time_frame: instant }, true],
  ['omh:single-medication-dose-taken:1.0', { medication: drug, dose: steps, effective_time_frame: instant }, false],
  ['omh:medication-prescription:1.0', { ...prescription, route: 'endotracheal' }, true],
  ['omh:medication-prescription:2.0', { ...prescription, route: 'endotracheal' }, false],
  ['omh:medication-prescription:2.0', { ...prescription, route: 'oral', schedule: [{}] }, false],
  ['omh:medication-adherence-percent:2.0', { medication_prescription: prescription }, false],
  ['granola:hk-quantity-sample:1.0', { ...inKilograms, unit_value: kg }, true],
  ['granola:hk-quantity-sample:1.0', { ...inKilograms, unit_value: kg, count: 1 }, false],
  ['granola:hk-correlation:1.0', { correlation_type: food, effective_time_frame: instant }, false],
  ['granola:hk-workout:1.0', { activity_name: 'run', effective_time_frame: hour, duration: minutes }, false],
  ['ieee:food-entry:0.1', { food_name: 'apple', food_amount: { value: 1 }, effective_time_frame: instant }, true],
]

t.test('our table judges each version of a schema by the fields of that version', t => {
  for (const [id, body, valid] of verdicts) {
    const [namespace = '', name = '', version = ''] = id.split(':')
    t.equal(schemas.find({ namespace, name, version })?.validate(body), valid, `${id} ${JSON.stringify(body)}`)
  }
  t.end()
})

t.test('every schema of the table compiles', t => {
  for (const id of schemas.ids) {
    const [namespace = '', name = '', version = ''] = id.split(':')
    t.equal(schemas.find({ namespace, name, version })?.id, id)
  }
  t.ok(schemas.ids.length > 70)
  t.end()
})

t.test('an unlisted version is judged by the next one of its major version, and by no other', t => {
  const find = (version: string) => schemas.find({ namespace: 'omh', name: 'physical-activity', version })?.id
  t.equal(find('1.x'), 'omh:physical-activity:1.2')
  t.equal(find('3.x'), undefined)
  t.equal(find('1.1'), 'omh:physical-activity:1.1')
  t.equal(find('1.3'), undefined)
  t.equal(find('2.0'), undefined)
  t.equal(schemas.find({ namespace: 'omh', name: 'blood-pressure', version: '3' })?.id, 'omh:blood-pressure:3.1')
  t.end()
})
