import { activity } from './activity.ts'
import { headerSchemas } from './headers.ts'
import { healthKit, healthKitValues } from './health-kit.ts'
import { ieeeValueSchemas } from './ieee-values.ts'
import { doseSchemas, medications } from './medication.ts'
import { routeSchemas } from './route.ts'
import type { SchemaRow } from './row.ts'
import { sleep } from './sleep.ts'
import { reports, surroundings } from './surroundings.ts'
import { valueSchemas } from './values.ts'
import { ventilation, vitalSigns } from './vital-signs.ts'

/** Schemas that `header.schema_id` may name. */
export const bodySchemas: readonly SchemaRow[] = [
  ...vitalSigns,
  ...ventilation,
  ...activity,
  ...sleep,
  ...surroundings,
  ...reports,
  ...medications,
  ...healthKit,
]

/** Every schema that we validate ourselves. */
export const schemaTable: readonly SchemaRow[] = [
  ...bodySchemas,
  ...headerSchemas,
  ...valueSchemas,
  ...ieeeValueSchemas,
  ...routeSchemas,
  ...doseSchemas,
  ...healthKitValues,
]
