import { body, type Field, integer, list, number, oneOf, quantity, record, type Shape, text, words } from './row.ts'
import {
  acceleration,
  angularVelocity,
  bodyLocation,
  dateTime,
  fluxDensity,
  fullDate,
  ieeeFrame,
  illuminance,
  kcal,
  mass,
  omhFrame,
  omhInstant,
  pace,
  planeAngle,
  sound,
  speed,
  statisticFields,
  temperature,
  volume,
} from './values.ts'

const inFrame: Field = ['effective_time_frame*', omhFrame]

const axes = (name: string, shape: Shape): readonly Field[] => [
  [`${name}_x*`, shape],
  [`${name}_y*`, shape],
  [`${name}_z`, shape],
]
const sensorPlace: Field = ['sensor_body_location', bodyLocation]
const signal = record(['value*', integer], ['unit*', words('dB')])
const satellites = words('GPS', 'GLONASS', 'Galileo', 'Beidou', 'COMPASS', 'IRNSS', 'QZSS')

/** Bodies about motion, place and surroundings. */
export const surroundings = [
  body(
    'omh:ambient-temperature',
    '1.0',
    ['ambient_temperature*', temperature],
    ['effective_time_frame', omhFrame],
    ...statisticFields,
  ),
  ...(
    [
      ['temperature', temperature],
      ['sound', sound],
      ['light', list(record(['wavelength', quantity('nm')], ['intensity*', illuminance]))],
    ] as const
  ).map(([name, shape]) =>
    body(
      `ieee:ambient-${name}`,
      '1.0',
      [`ambient_${name}*`, shape],
      ['effective_time_frame*', ieeeFrame],
      ...statisticFields,
    ),
  ),
  body(
    'omh:acceleration',
    '1.0 2.0',
    ...axes('acceleration', acceleration),
    ['effective_time_frame*', omhFrame, '1'],
    ['effective_time_frame*', ieeeFrame, '2'],
    sensorPlace,
    ...statisticFields,
  ),
  body(
    'omh:orientation',
    '1.0',
    ...axes('angular_velocity', angularVelocity),
    inFrame,
    sensorPlace,
    ...statisticFields,
  ),
  body('omh:magnetic-force', '1.0', ...axes('magnetic_field_strength', fluxDensity), inFrame, ...statisticFields),
  body(
    'omh:geoposition',
    '1.0',
    ['latitude*', planeAngle],
    ['longitude*', planeAngle],
    ['elevation', quantity('m', 'ft')],
    ['effective_time_frame*', omhInstant],
    ['number_of_satellites_in_view', integer],
    ['number_of_satellites_in_fix', integer],
    ['satellite_signal_strengths', list(signal)],
    ['positioning_system', satellites],
  ),
  body('omh:speed', '1.0', ['speed*', speed], inFrame, ...statisticFields),
  body('omh:pace', '1.0', ['pace*', pace], inFrame, ...statisticFields),
]

const justValue: Shape = { ...record(['value*', number]), additionalProperties: false }
const nutrients = [
  'protein',
  'carbohydrate',
  'fat',
  'saturated_fat',
  'cholesterol',
  'sodium',
  'potassium',
  'fiber',
  'sugar',
]
export const answer: Shape = record(['value*', { type: ['object', 'number', 'string', 'boolean'] }])
export const question = record(['label', text], ['text*', text])
export const surveyItem = record(
  ['question*', question],
  ['answers*', list(answer)],
  ['asked_date_time', dateTime],
  ['answered_date_time', dateTime],
)

/** What people report themselves. */
export const reports = [
  body(
    'ieee:food-entry',
    '0.1',
    ['food_name*', text],
    ['food_amount*', { type: 'object', ...oneOf(mass, volume, justValue) }],
    ['meal', words('breakfast', 'lunch', 'dinner', 'snack')],
    ...nutrients.map((name): Field => [name, mass]),
    ['calories', kcal],
    ['effective_time_frame*', oneOf(ieeeFrame, record(['full_date*', fullDate]))],
  ),
  body(
    'ieee:survey',
    '1.0',
    ['items*', { ...list(surveyItem), minItems: 1 }],
    [
      'delivery_details*',
      record(
        ['start_date_time', dateTime],
        ['end_date_time', dateTime],
        ['end_status', words('abandoned', 'completed', 'missed')],
      ),
    ],
    ['score', oneOf(number, { type: 'object' })],
  ),
]
