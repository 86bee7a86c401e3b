import { type SchemaRow, type Shape, toJsonSchema } from '../../src/mhealth/schema/row.ts'

/** A body of a schema's version with every field that the schema names, except statistics, which would make something else of a value. */
export const sampleBody = (row: SchemaRow, version: string): unknown => sample(toJsonSchema(row, version), '')

const sample = (shape: Shape, name: string): unknown =>
  frameOf(shape, name) ?? partOf(shape, name) ?? wordOf(shape, name)

const frameOf = (shape: Shape, name: string): unknown => {
  if (name === 'sleep_stage_time_frame') return interval
  return name === 'effective_time_frame' ? (hasMoment(shape) ? moment : interval) : undefined
}

const partOf = ({ type, properties, items, oneOf, anyOf }: Shape, name: string): unknown => {
  const [choice] = (oneOf ?? anyOf ?? []) as readonly Shape[]
  if (type === 'object' && properties !== undefined)
    return record({ ...(properties as Properties), ...((choice?.properties ?? {}) as Properties) }, name)
  if (choice !== undefined) return sample(choice, name)
  return type === 'array' ? [sample(items as Shape, name)] : undefined
}

const wordOf = (shape: Shape, name: string): unknown => {
  const values = (shape.enum ?? []) as readonly unknown[]
  const scalar = scalars[String(shape.type) as keyof typeof scalars]?.(shape, name) ?? 'yes'
  return values.find(one => usual.has(one)) ?? values[0] ?? scalar
}

type Properties = Readonly<Record<string, Shape>>

const record = (properties: Properties, name: string): unknown =>
  Object.fromEntries(
    Object.entries(properties)
      .filter(([field]) => !field.startsWith('descriptive_statistic'))
      .map(([field, shape]) => [field, sample(shape, field === 'value' ? name : field)]),
  )

const moment = { date_time: '2026-03-01T07:30:00+01:00' }
const interval = {
  time_interval: { start_date_time: '2026-03-01T22:30:00+01:00', end_date_time: '2026-03-02T06:30:00+01:00' },
}

const hasMoment = ({ required }: Shape): boolean => !((required ?? []) as readonly string[]).includes('time_interval')

const scalars = {
  number: (_: Shape, name: string) => numbers[name] ?? 12,
  integer: () => 3,
  boolean: () => true,
  string: ({ format }: Shape, name: string) => (format === 'date-time' ? moment.date_time : (words[name] ?? 'text')),
} as const

/** Those of several units and answers that are met most. */
const usual: ReadonlySet<unknown> = new Set([
  ...['kg', 'cm', 'min', 'C', 'mg/dL', 'mL', 'km/h', 'after meal', 'capillary blood', 'left upper arm', 'oral'],
  ...['completed'],
])

const words: Readonly<Record<string, string>> = {
  activity_name: 'walking',
  unit: 'steps',
  food_name: 'porridge',
  time_of_day: '07:30:00',
}

/** What may be measured. */
const numbers: Readonly<Record<string, number>> = {
  systolic_blood_pressure: 121,
  diastolic_blood_pressure: 78,
  heart_rate: 64,
  blood_glucose: 95,
  body_temperature: 36.6,
  body_weight: 70.5,
  body_height: 172,
  body_mass_index: 23.8,
  body_fat_percentage: 21,
  oxygen_saturation: 97,
  respiratory_rate: 14,
  rr_interval: 940,
  step_count: 8432,
  base_movement_quantity: 4200,
  kcal_burned: 310,
  total_sleep_time: 412,
  sleep_duration: 412,
  light_sleep_duration: 245,
  deep_sleep_duration: 83,
  rem_sleep_duration: 84,
  sleep_efficiency_percentage: 91,
  sleep_maintenance_efficiency_percentage: 91,
}
