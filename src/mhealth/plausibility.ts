import { decimalText, isNumber, toNumber } from '../fhir/json.ts'
import { mostGlucose } from '../fhir/measured/glucose.ts'
import { type Finding, finding } from './finding.ts'
import { asRecord, asText, type JsonRecord } from './json-tree.ts'

/** Finds what no schema forbids: values that no living person has. `at`: the JSON pointer of the body. */
export const implausible = (body: JsonRecord, at: string, expression: string): readonly Finding[] => {
  const findings: Finding[] = []
  checkFields(body, at, expression, findings)
  checkPressures(body, at, expression, findings)
  return findings
}

const checkFields = (part: JsonRecord, at: string, expression: string, findings: Finding[]): void => {
  for (const name in part) {
    const limits = limitsByField.get(name)
    if (limits !== undefined) {
      const found = findingIn(part, name, limits, at, expression)
      if (found !== undefined) findings.push(found)
    } else if (name === 'sleep_stage_summary') {
      const summary = asRecord(part[name])
      if (summary !== undefined) checkFields(summary, `${at}/${name}`, expression, findings)
    }
  }
}

const findingIn = (part: JsonRecord, name: string, limits: Limits, at: string, expression: string) => {
  const found = part[name]
  const quantity = isNumber(found) ? undefined : asRecord(found)
  const sent = quantity === undefined ? found : quantity.value
  const unit = asText(quantity?.unit) ?? ''
  const value = toNumber(sent)
  const [low, high] = (Object.hasOwn(limits, unit) ? limits[unit] : undefined) ?? unlimited
  const isNegative = value < 0
  if (!isNegative && (isPossible(value, low, high) || isNoLevel(part))) return undefined
  const pointer = `${at}/${name}${quantity === undefined ? '' : '/value'}`
  const what = `${pointer}: ${decimalText(sent)} ${unit}`
  return isNegative
    ? finding('value-negative', `${what} is below zero`, expression, { pointer })
    : finding('value-impossible', `${what} cannot be; accepted: ${low} to ${high} ${unit}`, expression, { pointer })
}

/** NaN passes: a value that is no number is refused by the schema. */
const isPossible = (value: number, low: number, high: number): boolean => !(value < low || value > high)

/** Whether it is no level: a spread of values may be next to nothing, and a count of them anything. */
const isNoLevel = ({ descriptive_statistic: statistic }: JsonRecord): boolean => noLevels.has(statistic)

const noLevels: ReadonlySet<unknown> = new Set(['standard deviation', 'variance', 'quartile deviation', 'count'])

const checkPressures = (body: JsonRecord, at: string, expression: string, findings: Finding[]): void => {
  const systolic = body.systolic_blood_pressure
  if (systolic === undefined || isNoLevel(body)) return
  const [high, low] = [toNumber(asRecord(systolic)?.value), toNumber(asRecord(body.diastolic_blood_pressure)?.value)]
  if (high > low || Number.isNaN(high) || Number.isNaN(low) || high < 0 || low < 0) return
  const message = `${at}: the systolic pressure, ${high}, is not above the diastolic one, ${low}`
  findings.push(finding('value-impossible', message, expression, { pointer: `${at}/systolic_blood_pressure` }))
}

/** The lowest and the highest possible value, by the unit in the document. A unit that is not listed has no limit but zero. */
export type Limits = Readonly<Record<string, readonly [low: number, high: number]>>

const unlimited = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY] as const
const percent: Limits = { '%': [0, 100] }
const pressure = (low: number, high: number): Limits => ({ mmHg: [low, high] })
const positive: Limits = {}

/** Wide on purpose: a value outside of them was never measured in anybody alive. */
export const limitsByField: ReadonlyMap<string, Limits> = new Map<string, Limits>([
  ['systolic_blood_pressure', pressure(30, 400)],
  ['diastolic_blood_pressure', pressure(10, 370)],
  ['heart_rate', { 'beats/min': [5, 480] }],
  ['blood_glucose', { 'mg/dL': [1, mostGlucose['mg/dL']], 'mmol/L': [0.05, mostGlucose['mmol/L']] }],
  ['body_temperature', { C: [10, 48], F: [50, 118.4], K: [283.15, 321.15] }],
  ['body_weight', { g: [200, 700_000], kg: [0.2, 700], lb: [0.4, 1545], oz: [7, 24_700] }],
  ['body_height', { mm: [200, 2800], cm: [20, 280], m: [0.2, 2.8], in: [7.8, 111], ft: [0.65, 9.2] }],
  ['body_mass_index', { 'kg/m^2': [4, 250], 'kg/m2': [4, 250] }],
  ['oxygen_saturation', percent],
  ['respiratory_rate', { 'breaths/min': [0, 200] }],
  ['rr_interval', { ms: [1, 20_000] }],
  ...[
    'body_fat_percentage',
    'body_skeletal_muscle_mass_percentage',
    'body_water_mass_percentage',
    'body_bone_mass_percentage',
    'sleep_efficiency_percentage',
    'sleep_maintenance_efficiency_percentage',
    'rem_sleep_percentage',
    'light_sleep_percentage',
    'deep_sleep_percentage',
    'awake_percentage',
  ].map((name): [string, Limits] => [name, percent]),
  ...[
    'step_count',
    'kcal_burned',
    'distance',
    'duration',
    'base_movement_quantity',
    'average_cadence',
    'average_speed',
    'met_value',
    'minutes_moderate_activity',
    'duration_light_activity',
    'duration_moderate_activity',
    'duration_vigorous_activity',
    'sleep_duration',
    'total_sleep_time',
    'time_in_bed',
    'latency_to_sleep_onset',
    'latency_to_arising',
    'wake_after_sleep_onset',
    'number_of_awakenings',
    'light_sleep_duration',
    'deep_sleep_duration',
    'rem_sleep_duration',
    'awake_duration',
    'supplemental_oxygen_flow_rate',
    'forced_vital_capacity',
    'forced_expiratory_volume_1_second',
  ].map((name): [string, Limits] => [name, positive]),
])
