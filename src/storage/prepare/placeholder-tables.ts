import { columnOf, type SqlFragment, sql } from '../sql.ts'
import type { Placeholders } from './placeholders.ts'
import { unitRows } from './unit.ts'

/**
 * CTEs by which a statement finds entries in the dictionaries that are not there yet, under their placeholders, so that a question about what may be
 * written is answered as it will be once they are there. Each CTE hides the table of the same name.
 */
export const placeholderTables = ({ patients, kinds, codes, units, members }: Placeholders): readonly SqlFragment[] => [
  ...(patients.size === 0
    ? []
    : [
        sql.fragment`patient_compartment AS NOT MATERIALIZED (
          SELECT id, patient_id FROM patient_compartment UNION ALL SELECT key, number FROM ${entries(patients)})`,
      ]),
  ...(codes.size === 0
    ? []
    : [
        sql.fragment`code_class AS NOT MATERIALIZED (
          SELECT code_id, key, code FROM code_class
          UNION ALL SELECT number, key, split_part(key, '|', -1) FROM ${entries(codes)})`,
      ]),
  ...(kinds.size === 0
    ? []
    : [
        sql.fragment`kind AS NOT MATERIALIZED (
          SELECT kind_id, key FROM kind UNION ALL SELECT number, key FROM ${entries(kinds)})`,
        sql.fragment`kind_member AS NOT MATERIALIZED (
          SELECT kind_id, member_id FROM kind_member UNION ALL SELECT kind_id, member_id FROM ${pairs(members)})`,
      ]),
  ...(units.size === 0
    ? []
    : [
        sql.fragment`unit AS NOT MATERIALIZED (
          SELECT unit_id, key, system, code, dimension, numerator, denominator, shift FROM unit
          UNION ALL SELECT number, key, system, code, dimension, numerator, denominator, shift
          FROM (${unitRows([...units.keys()])}) AS row JOIN ${entries(units)} USING (key))`,
      ]),
]

const entries = (of: ReadonlyMap<string, number>): SqlFragment => {
  const rows = [...of]
  return sql.fragment`unnest(${columnOf(rows, ([key]) => key, 'text')}, ${columnOf(rows, ([, number]) => number, 'int4')}) AS new(key, number)`
}

const pairs = (members: Placeholders['members']): SqlFragment => {
  const rows = [...members].flatMap(([kind, of]) => of.map(member => [kind, member] as const))
  return sql.fragment`unnest(${columnOf(rows, ([kind]) => kind, 'int4')}, ${columnOf(rows, ([, member]) => member, 'int4')}) AS new(kind_id, member_id)`
}
