import { body, type Field, quantity, text, words } from './row.ts'
import {
  bloodSpecimen,
  bodyLocation,
  firstPosture,
  firstSpecimen,
  ieeeFrame,
  length,
  mass,
  omhFrame,
  percent,
  posture,
  specimen,
  statistic,
  temperature,
  toActivity,
  toMeal,
  toSleep,
} from './values.ts'

const statisticField: Field = ['descriptive_statistic', statistic]
const activityField: Field = ['temporal_relationship_to_physical_activity', toActivity]
const sleepField: Field = ['temporal_relationship_to_sleep', toSleep]
const optionalFrame: Field = ['effective_time_frame', omhFrame]
const pressure = quantity('mmHg')
const glucose = quantity('mg/dL', 'mmol/L')
const supplementalOxygen = quantity('L/min')

/** Bodies of vital signs. https://w3id.org/openmhealth */
export const vitalSigns = [
  body(
    'omh:blood-pressure',
    '1.0 2.0 3.0 3.1 4.0',
    ['systolic_blood_pressure*', pressure],
    ['diastolic_blood_pressure*', pressure],
    ['effective_time_frame', omhFrame, '1 2'],
    ['effective_time_frame*', omhFrame, '3'],
    ['effective_time_frame*', ieeeFrame, '4'],
    ['position_during_measurement', firstPosture, '1'],
    ['body_posture', posture, '2 3 4'],
    ['measurement_location', bodyLocation, '3 4'],
    ['temporal_relationship_to_physical_activity', toActivity, '3.1 4'],
    statisticField,
    ['user_notes', text, '1 2'],
  ),
  body(
    'omh:heart-rate',
    '1.0 1.1 2.0',
    ['heart_rate*', quantity('beats/min')],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', omhFrame, '2'],
    statisticField,
    activityField,
    ['temporal_relationship_to_sleep', toSleep, '1.1 2'],
    ['user_notes', text, '1'],
  ),
  body(
    'omh:blood-glucose',
    '1.0 2.0 3.0 4.0',
    ['blood_glucose*', glucose],
    ['effective_time_frame', omhFrame, '1 2'],
    ['effective_time_frame*', omhFrame, '3'],
    ['effective_time_frame*', ieeeFrame, '4'],
    ['blood_specimen_type', bloodSpecimen, '1'],
    ['specimen_source', firstSpecimen, '2'],
    ['specimen_source', specimen, '3 4'],
    ['temporal_relationship_to_meal', toMeal],
    sleepField,
    statisticField,
    ['user_notes', text, '1 2'],
  ),
  body(
    'omh:body-temperature',
    '1.0 2.0 3.0 4.0',
    ['body_temperature*', temperature],
    ['effective_time_frame', omhFrame, '1 2'],
    ['effective_time_frame*', omhFrame, '3'],
    ['effective_time_frame*', ieeeFrame, '4'],
    ['measurement_location', words('oral', 'rectal', 'vaginal', 'axillary', 'otic', 'wrist', 'chest', 'temporal'), '1'],
    [
      'measurement_location',
      words(
        ...['axillary', 'finger', 'forehead', 'oral', 'rectal'],
        ...['temporal artery', 'toe', 'tympanic', 'wrist', 'vagina'],
      ),
      '2 3 4',
    ],
    ['temporal_relationship_to_sleep', toSleep, '2 3 4'],
    statisticField,
  ),
  body(
    'omh:body-weight',
    '1.0 2.0 3.0',
    ['body_weight*', mass],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', omhFrame, '2'],
    ['effective_time_frame*', ieeeFrame, '3'],
    statisticField,
  ),
  body(
    'omh:body-height',
    '1.0 2.0',
    ['body_height*', length],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', ieeeFrame, '2'],
    statisticField,
  ),
  body(
    'omh:body-mass-index',
    '1.0 2.0 3.0',
    ['body_mass_index*', quantity('kg/m2'), '1'],
    ['body_mass_index*', quantity('kg/m^2'), '2 3'],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', omhFrame, '2'],
    ['effective_time_frame*', ieeeFrame, '3'],
    statisticField,
  ),
  body(
    'omh:body-fat-percentage',
    '1.0 2.0',
    ['body_fat_percentage*', percent],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', ieeeFrame, '2'],
    statisticField,
  ),
  body(
    'omh:oxygen-saturation',
    '1.0 2.0',
    ['oxygen_saturation*', percent],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', omhFrame, '2'],
    ['system', words('peripheral capillary')],
    ['supplemental_oxygen_flow_rate', supplementalOxygen],
    ['oxygen_therapy_mode_of_administration', words('nasal cannula')],
    ['measurement_method', words('pulse oximetry')],
    statisticField,
  ),
  body(
    'omh:respiratory-rate',
    '1.0 2.0',
    ['respiratory_rate*', quantity('breaths/min')],
    ['effective_time_frame', omhFrame, '1'],
    ['effective_time_frame*', omhFrame, '2'],
    activityField,
    statisticField,
  ),
  body('omh:rr-interval', '1.0', ['rr_interval*', quantity('ms')], optionalFrame, activityField, statisticField),
  body(
    'local:heart-rate-variability',
    '1.0',
    ['heart_rate_variability*', quantity('ms')],
    ['effective_time_frame*', ieeeFrame],
  ),
  body(
    'ieee:body-weight',
    '0.1',
    ['body_weight*', mass],
    ...['fat', 'skeletal_muscle_mass', 'water_mass', 'bone_mass'].flatMap((part): readonly Field[] => [
      [`body_${part}_percentage`, percent],
      [`body_${part}_weight`, mass],
    ]),
    ['effective_time_frame*', ieeeFrame],
    statisticField,
  ),
  body('ieee:body-height', '0.1', ['body_height*', length], ['effective_time_frame*', ieeeFrame], statisticField),
  body(
    'ieee:body-mass-index',
    '0.1',
    ['body_mass_index*', quantity('kg/m^2')],
    ['effective_time_frame*', ieeeFrame],
    statisticField,
  ),
  body(
    'ieee:body-adiposity-index',
    '0.1',
    ['body_adiposity_index*', percent],
    ['effective_time_frame*', ieeeFrame],
    statisticField,
  ),
]

const seconds = quantity('sec')
const breathing: readonly Field[] = [activityField, statisticField]
const quality: Field = ['measurement_quality', words('acceptable', 'usable', 'rejected')]

/** Bodies of breathing. */
export const ventilation = [
  body(
    'omh:minute-volume',
    '1.0',
    ['minute_volume*', quantity('mL/min', 'L/min')],
    optionalFrame,
    ['minute_volume_type', words('inspiratory', 'expiratory', 'total')],
    ...breathing,
  ),
  body('omh:inspiratory-time', '1.0', ['inspiratory_time*', seconds], optionalFrame, ...breathing),
  body('omh:expiratory-time', '1.0', ['expiratory_time*', seconds], optionalFrame, ...breathing),
  body(
    'omh:ventilation-cycle-time',
    '1.0',
    ['ventilation_cycle_time*', seconds],
    ['effective_time_frame*', omhFrame],
    ...breathing,
  ),
  body(
    'omh:breath-carbon-monoxide',
    '1.0',
    ['breath_carbon_monoxide*', quantity('ppm')],
    optionalFrame,
    statisticField,
  ),
  ...['forced-vital-capacity', 'forced-expiratory-volume-1-second'].map(name =>
    body(
      `omh:${name}`,
      '1.0',
      [`${name.replaceAll('-', '_')}*`, quantity('L')],
      ['effective_time_frame*', ieeeFrame],
      quality,
      ...breathing,
    ),
  ),
]
