import { systems } from '../../fhir/canonical.ts'
import { ucumUnit } from '../../fhir/measured/ucum.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** The key of a unit in the dictionary, `system|code`; a unit without a code has only its words, and no system. */
export const unitKey = (unit: {
  readonly system?: string
  readonly code?: string
  readonly unit?: string
}): string | undefined => {
  if (unit.code !== undefined) return `${unit.system ?? ''}|${unit.code}`
  return unit.unit === undefined ? undefined : `|${unit.unit}`
}

/** New entries of the dictionary, with how they convert. */
export const insertUnits = (keys: readonly string[]): SqlFragment => sql.fragment`
  INSERT INTO unit (key, system, code, dimension, numerator, denominator, shift)
  ${unitRows(keys)} ON CONFLICT DO NOTHING`

/** The rows that they would have in the dictionary. */
export const unitRows = (keys: readonly string[]): SqlFragment => {
  const rows = keys.map(key => {
    const bar = key.indexOf('|')
    return { key, system: key.slice(0, bar) || null, code: key.slice(bar + 1), ...conversionOf(key) }
  })
  return sql.fragment`
    SELECT key, system, code, dimension, numerator, denominator, shift FROM ${records(rows)}`
}

/** Computes how units convert that an earlier edition stored. */
export const measureUnits = async (connection: Connection): Promise<void> => {
  const unmeasured = await connection.any<{ key: string }>(sql.fragment`SELECT key FROM unit WHERE dimension IS NULL`)
  if (unmeasured.length === 0) return
  const rows = unmeasured.map(({ key }) => ({ key, ...conversionOf(key) }))
  await connection.run(sql.fragment`
    UPDATE unit SET dimension = measured.dimension, numerator = measured.numerator,
      denominator = measured.denominator, shift = measured.shift
    FROM ${records(rows)} WHERE unit.key = measured.key`)
}

const records = (rows: readonly object[]): SqlFragment => sql.fragment`
  jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) AS measured(
    key text, system text, code text, dimension text, numerator numeric, denominator numeric, shift numeric)`

const conversionOf = (key: string) =>
  (key.startsWith(ucumStart) ? ucumUnit(key.slice(ucumStart.length)) : undefined) ?? { dimension: '' }

const ucumStart = `${systems.ucum}|`
