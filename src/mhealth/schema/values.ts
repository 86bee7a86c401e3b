import {
  type Field,
  format,
  number,
  oneOf,
  pattern,
  quantity,
  range,
  record,
  type Shape,
  text,
  value,
  words,
} from './row.ts'

const spaced = (units: string): readonly string[] => units.split(' ')

const durations = spaced('ps ns us ms sec min h d wk Mo yr')
const lengths = spaced('fm pm nm um mm cm m km in ft yd mi')
const masses = [...spaced('fg pg ng ug mg g kg'), 'Metric Ton', ...spaced('gr oz lb Ton')]
const volumes = [...spaced('fL pL nL uL mL cL dL L kL'), 'fl oz', ...spaced('Cup in^3 pt qt gal tsp tbsp')]

export const anyQuantity = quantity()
export const anyRange = range()
export const duration = quantity(...durations)
export const length = quantity(...lengths)
export const mass = quantity(...masses)
export const volume = quantity(...volumes)
export const temperature = quantity('K', 'F', 'C')
export const percent = quantity('%')
export const kcal = quantity('kcal')
export const speed = quantity('m/s', 'km/h')
export const pace = quantity('min/mi', 'min/km')
export const sound = quantity('dB', 'dBA')
export const illuminance = quantity('lx')
export const acceleration = quantity('m/s^2')
export const angularVelocity = quantity('rad/s')
export const planeAngle = quantity('deg')
export const fluxDensity = quantity('pT', 'nT', 'uT', 'mT', 'T')

export const dateTime = format('date-time')
export const localTime = pattern(/^([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(.\d{1,3})?$/)
export const dayOfWeek = words(...spaced('Monday Tuesday Wednesday Thursday Friday Saturday Sunday'))
export const fullDate = pattern(/^[0-9]{4}-[0-9]{2}-[0-9]{2}$/)
export const partOfDay = words('morning', 'afternoon', 'evening', 'night')

const interval = (...more: readonly Shape[]): Shape => ({
  type: 'object',
  ...oneOf(
    record(['start_date_time*', dateTime], ['duration*', duration]),
    record(['end_date_time*', dateTime], ['duration*', duration]),
    record(['start_date_time*', dateTime], ['end_date_time*', dateTime]),
    ...more,
  ),
})

/** Open mHealth's own time interval may also be a part of a day. */
const omhInterval = interval(record(['date*', fullDate], ['part_of_day*', partOfDay]))
export const ieeeInterval = interval()

const frame = (timeInterval: Shape): Shape => ({
  type: 'object',
  ...oneOf(record(['date_time*', dateTime]), record(['time_interval*', timeInterval])),
})

export const omhFrame = frame(omhInterval)
export const ieeeFrame = frame(ieeeInterval)
export const omhPeriod: Shape = { ...omhFrame, required: ['time_interval'] }
export const ieeePeriod: Shape = { ...ieeeFrame, required: ['time_interval'] }
export const omhInstant: Shape = { ...omhFrame, required: ['date_time'] }

export const firstStatistics = ['average', 'maximum', 'minimum', 'standard deviation', 'variance', 'sum', 'median']
const quintiles = ['1st quintile', '2nd quintile', '3rd quintile', '4th quintile']
const laterStatistics = [
  'count',
  'quartile deviation',
  '80th percentile',
  'lower quartile',
  'upper quartile',
  ...quintiles,
]
const statistics = [...firstStatistics, ...laterStatistics, '20th percentile']
export const statistic = words(...statistics)

export const denominators = words('d', 'wk', 'Mo', 'episode', 'meal', 'session')

/** The denominator is an open value set: the schemas allow any text besides these. */
export const denominator = text

const firstMeals = [
  ...['fasting', 'not fasting', 'before meal', 'after meal', 'before breakfast', 'after breakfast', 'before lunch'],
  ...['after lunch', 'before dinner', 'after dinner', '2 hours postprandial'],
]
export const toMeal = words(...firstMeals, 'with meal', 'with food')
export const toSleep = words('before sleeping', 'during sleep', 'on waking')
export const toActivity = words('at rest', 'active', 'before exercise', 'after exercise', 'during exercise')
export const posture = words('sitting', 'lying down', 'standing', 'semi-recumbent')
export const firstPosture = words('sitting', 'lying down', 'standing')
export const bodyLocation = words(
  ...['left ankle', 'right ankle', 'left hip', 'right hip', 'left thigh', 'right thigh', 'left thorax'],
  ...['middle left thorax', 'left upper arm', 'right upper arm', 'left wrist', 'right wrist'],
)
export const bloodSpecimen = words('whole blood', 'plasma', 'serum')
export const firstSpecimen = words('interstitial fluid', 'capillary blood', 'plasma', 'serum', 'tears', 'whole blood')
const specimens = ['breath', 'capillary blood', 'interstitial fluid', 'saliva', 'sweat', 'urine']
export const specimen = words(...specimens, 'tears')

export const durationRange = range(...durations)
export const timesIn = record(['number_of_times*', number], ['time_window*', oneOf(duration, durationRange)])
export const frequency: Shape = { type: 'object', ...oneOf(quantity('Hz'), timesIn) }

export const statisticFields: readonly Field[] = [['descriptive_statistic', statistic]]
export const statisticPerFields: readonly Field[] = [
  ['descriptive_statistic', statistic],
  ['descriptive_statistic_denominator', denominator],
]

/** The schemas of single values, of which bodies are made, and which can also be used alone. */
export const valueSchemas = [
  value('omh:unit-value', '1.0', anyQuantity),
  value('omh:unit-value-range', '1.0', anyRange),
  value('omh:duration-unit-value', '1.0', duration),
  value('omh:duration-unit-value-range', '1.0', durationRange),
  value('omh:length-unit-value', '1.0', length),
  value('omh:mass-unit-value', '1.0 1.1', mass),
  value('omh:volume-unit-value', '1.0 1.1', volume),
  value('omh:area-unit-value', '1.0 1.1', quantity(...spaced('mm^2 cm^2 m^2 km^2 in^2 ft^2 yd^2 mi^2'))),
  value('omh:temperature-unit-value', '1.0', temperature),
  value('omh:kcal-unit-value', '1.0', kcal),
  value('omh:speed-unit-value', '1.0', speed),
  value('omh:pace-unit-value', '1.0 1.1', pace),
  value('omh:acceleration-unit-value', '1.0 1.1', acceleration),
  value('omh:angular-velocity-unit-value', '1.0 1.1', angularVelocity),
  value('omh:plane-angle-unit-value', '1.0 1.1', planeAngle),
  value('omh:magnetic-flux-density-unit-value', '1.0 1.1', fluxDensity),
  value('omh:frequency-unit-value', '1.0', timesIn),
  value('omh:systolic-blood-pressure', '1.0 1.1', quantity('mmHg')),
  value('omh:diastolic-blood-pressure', '1.0 1.1', quantity('mmHg')),
  value('omh:date-time', '1.0', dateTime),
  value('omh:full-date', '1.0', fullDate),
  value('omh:local-time', '1.0', localTime),
  value('omh:part-of-day', '1.0', partOfDay),
  value('omh:day-of-week', '1.0', dayOfWeek),
  value('omh:time-interval', '1.0', omhInterval),
  value('omh:time-frame', '1.0', omhFrame),
  value('omh:descriptive-statistic', '1.0', words(...firstStatistics)),
  value('omh:descriptive-statistic', '1.1', words(...firstStatistics, ...laterStatistics)),
  value('omh:descriptive-statistic', '1.2', statistic),
  value('omh:descriptive-statistic-denominator', '1.0', words('d', 'episode', 'meal', 'session')),
  value('omh:descriptive-statistic-denominator', '1.1', denominators),
  value('omh:temporal-relationship-to-meal', '1.0', words(...firstMeals)),
  value(
    'omh:temporal-relationship-to-meal',
    '1.1',
    words(...firstMeals, 'with meal', 'with food', 'not related to meals'),
  ),
  value('omh:temporal-relationship-to-meal', '1.2', toMeal),
  value('omh:temporal-relationship-to-sleep', '1.0', toSleep),
  value('omh:temporal-relationship-to-physical-activity', '1.0', toActivity),
  value('omh:body-posture', '1.0', posture),
  value('omh:position-during-measurement', '1.0', firstPosture),
  value('omh:body-location', '1.0 1.1', bodyLocation),
  value('omh:blood-specimen-type', '1.0', bloodSpecimen),
  value('omh:specimen-source', '1.0', firstSpecimen),
  value('omh:specimen-source', '2.0', words(...specimens, 'lacrimal fluid')),
  value('omh:specimen-source', '2.1', specimen),
  value('omh:activity-name', '1.0', text),
]
