import { oneOf, record, type Shape, value, words } from './row.ts'
import { answer, question, surveyItem } from './surroundings.ts'
import {
  anyQuantity,
  anyRange,
  dateTime,
  denominators,
  duration,
  durationRange,
  frequency,
  ieeeFrame,
  ieeeInterval,
  illuminance,
  kcal,
  length,
  mass,
  percent,
  posture,
  sound,
  speed,
  statistic,
  temperature,
  volume,
} from './values.ts'

const sided = (...places: readonly string[]) => places.flatMap(place => [place, `left ${place}`, `right ${place}`])

const places = words(
  ...sided('ankle', 'hip', 'thigh', 'thorax', 'upper arm', 'wrist', 'axilla', 'foot', 'ear lobe'),
  ...['middle left thorax', 'middle right thorax', 'posterior surface of upper arm', 'temporal artery', 'toe'],
  ...['finger', 'forehead', 'mouth', 'rectum', 'tympanic membrane', 'vagina', 'abdomen', 'skin'],
)

const answerOf = (shape: Shape): Shape => ({ allOf: [answer, { properties: { value: shape } }] })
const dates = ['^[0-9]{4}-[0-9]{2}-[0-9]{2}$', '^[0-9]{4}-[0-9]{2}$', '^[0-9]{4}$']

/** The schemas of single values in IEEE 1752.1. */
export const ieeeValueSchemas = [
  ...Object.entries({
    'time-frame': ieeeFrame,
    'time-interval': ieeeInterval,
    'date-time': dateTime,
    'body-posture': posture,
    'descriptive-statistic': statistic,
    'descriptive-statistic-denominator': denominators,
    'unit-value': anyQuantity,
    'unit-value-range': anyRange,
    'duration-unit-value': duration,
    'duration-unit-value-range': durationRange,
    'frequency-unit-value': frequency,
    'illuminance-unit-value': illuminance,
    'kcal-unit-value': kcal,
    'length-unit-value': length,
    'percent-unit-value': percent,
    'sound-unit-value': sound,
    'speed-unit-value': speed,
    'temperature-unit-value': temperature,
    'survey-question': question,
    'survey-answer': answer,
    'survey-item': surveyItem,
    'survey-categorical-answer': { allOf: [answer, record(['code', { type: ['number', 'string'] }])] },
    'survey-date-answer': answerOf(oneOf(...dates.map(pattern => ({ pattern })))),
    'survey-time-answer': answerOf({ pattern: '^([01]\\d|2[0-3]):[0-5]\\d$' }),
    'survey-unit-value-answer': answerOf(anyQuantity),
  } satisfies Record<string, Shape>).map(([name, shape]) => value(`ieee:${name}`, '1.0', shape)),
  value('ieee:body-location', '0.1', places),
  value('ieee:mass-unit-value', '0.1', mass),
  value('ieee:volume-unit-value', '0.1', volume),
]
