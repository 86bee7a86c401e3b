import { routesByMajor } from './route.ts'
import {
  body,
  type Field,
  list,
  number,
  oneOf,
  quantity,
  range,
  record,
  type Shape,
  split,
  text,
  value,
  words,
} from './row.ts'
import {
  dayOfWeek,
  duration,
  durationRange,
  localTime,
  omhFrame,
  partOfDay,
  percent,
  timesIn,
  toMeal,
  toSleep,
} from './values.ts'

const strengths = [
  ...split("%; AU; AU/mL; BAU; BAU/mL; BU; CCID_50; Ci; cm^2; D'ag'U; dL; FFU; g; hp_C; hp_M; hp_Q; hp_X; IU"),
  ...split('IU/L; IU/mL; kp_C; L; Lf; LfU/mL; mCi; mCi/mL; mEq; mg; mg/actuat; mg/hr; mg/mg; mg/mL; mL; mmol'),
  ...split('mol; mU; ng; nmol; organisms; PFU; PNU; PNU/mL; TCID_50; U; uCi; ug; ug/mL; uL; umol; unt; unt/mL'),
  ...split("USP'U; X"),
]
const pieces = [
  ...split('bar; bead; capsule; cellular sheet; cloth; disc; globule; granule; gum; lozenge; pastille; patch'),
  ...split('pellet; pill; pouch; ring; salve; stick; strip; suppository; swab; tablet; tampon; tape; vial; wafer'),
]
const doses = [...strengths, ...pieces, ...split('douche; drop; puff; tbsp; tsp')]
const packages = [
  ...pieces,
  ...split('ampule; applicator; bag; blister; bottle; box; can; canister; carton; cartridge; container; cup'),
  ...split('cylinder; dose pack; inhaler; jar; jug; kit; package; packet; piece; syringe; troche; tube'),
]

const strength = record(['value*', number], ['unit*', words(...strengths)], ['ingredient_name', text])
const medication: Shape = {
  ...record(['generic_name', text], ['trade_name', text], ['strength*', list(strength)], ['rxnorm_code', number]),
  anyOf: [{ required: ['generic_name'] }, { required: ['trade_name'] }],
}
const dose = quantity(...doses)
const doseRange = range(...doses)

const someTime = oneOf(
  record(['duration*', duration]),
  record(['duration_range*', durationRange]),
  record(['time_frame*', omhFrame]),
  record(['free_text*', text]),
)
const someDose = oneOf(
  record(['dose*', dose]),
  record(['dose_range*', doseRange]),
  record(['dose_array*', list(record(['dose*', dose], ['dose_trigger*', text]))]),
)
const moment = record(
  ['part_of_day', partOfDay],
  ['day_of_week', dayOfWeek],
  ['time_of_day', localTime],
  ['temporal_relationship_to_meal', toMeal],
  ['temporal_relationship_to_sleep', toSleep],
  ['time_frame_of_temporal_relationship_to_meal', duration],
  ['time_frame_of_temporal_relationship_to_sleep', duration],
)
const step = record(['unit', { enum: ['min', 'h', 'd', 'wk', 'Mo', 'yr'] }], ['value', number])
const recurrence = record(
  ['frequency', timesIn],
  ['dose_prn_trigger', text],
  ['timing', list(moment)],
  ['sequence', list(step)],
)
const scheduled = record(
  ['dose_duration*', someTime],
  ['dose_administration_duration', someTime],
  ['medication_dose*', someDose],
  ['dose_recurrence*', recurrence],
)

const prescribed: readonly Field[] = [
  ['medication*', medication],
  ['route', routesByMajor['1'], '1'],
  ['route', routesByMajor['2'], '2'],
  ['prescription_trigger', text],
  ['schedule*', list(scheduled)],
]
const prescription = (major: '1' | '2'): Field => [
  'medication_prescription*',
  record(...prescribed.filter(([, , versions = major]) => versions === major)),
  major,
]

/** Bodies about medication. */
export const medications = [
  { name: 'omh:medication', versions: ['1.0'], shape: medication },
  body('omh:medication-prescription', '1.0 2.0', ...prescribed),
  body(
    'omh:medication-adherence-percent',
    '1.0 2.0',
    prescription('1'),
    prescription('2'),
    ['medication_adherence_percent*', percent],
    ['effective_time_frame', omhFrame],
  ),
  body('omh:patient-medication-schedule', '1.0 2.0', ...prescribed, [
    'acceptable_window',
    record(['before', duration], ['after', duration]),
  ]),
  body(
    'omh:pharmacy-medication-dispensing',
    '1.0 2.0',
    prescription('1'),
    prescription('2'),
    ['medication_dispensed*', text],
    ['amount_dispensed*', quantity(...packages)],
    ['time_frame_medication_dispensed*', omhFrame],
    ['remaining_refills', number],
  ),
  body(
    'omh:single-medication-dose-taken',
    '1.0',
    ['medication*', medication],
    ['dose*', dose],
    ['effective_time_frame*', omhFrame],
    ['reason_dose_taken_not_as_prescribed', text],
  ),
  body(
    'omh:reason-single-medication-dose-not-taken',
    '1.0',
    ['medication*', medication],
    ['effective_time_frame*', omhFrame],
    ['reason_for_missing_dose*', text],
  ),
]

export const doseSchemas = [
  value('omh:medication-dose-unit', '1.0', words(...doses)),
  value('omh:medication-dose-unit-value', '1.0 1.1', dose),
  value('omh:medication-dose-unit-value-range', '1.0 1.1', doseRange),
]
