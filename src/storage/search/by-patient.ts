import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { compilePart, compilePatients } from '../compile/compile.ts'
import { leadsToPatients } from '../compile/compile-link.ts'
import { joinedConditions } from '../compile/joined.ts'
import { patientsReached } from '../model/relation/consented.ts'
import type { RowNames } from '../row.ts'
import { allOf, type SqlFragment, sql, word } from '../sql.ts'
import { alone, isForOrder, type Rest } from './in-order.ts'
import { hasOnePlan } from './one-plan.ts'

/** How to search Observations patient by patient, if it is known whose they can be. */
export type ByPatient = {
  /** A query of the patient_id of those Patients. */
  readonly patients: SqlFragment
  /** A number: if there are more Patients, a page is found sooner in the order of time. */
  readonly most: SqlFragment
  /** All that is asked of the rows of one Patient. */
  readonly whereOf: (patientId: SqlFragment) => SqlFragment
  readonly hasOnePlan: boolean
  /** Names the query, if it is worth remembering that they were too many. */
  readonly name?: string
}

/** By the Patients to whom a chain leads, or else by those whose consents let the caller read. */
export const byPatientOf = (rest: Rest, classes: CodeClasses, count: number): ByPatient | undefined =>
  byChain(rest, classes) ?? byConsents(rest, classes, count)

const byChain = ({ row, driving, asked }: Rest, classes: CodeClasses): ByPatient | undefined => {
  const chain = asked.find(one => one.kind === 'chain' && leadsToPatients(one, row))
  if (chain?.kind !== 'chain') return undefined
  const others = asked.filter(one => one !== chain)
  return {
    patients: compilePatients(chain, row, classes),
    most: word('100'),
    whereOf: whereOf(row, [...driving, ...joinedConditions(others, one => compilePart(one, row, classes))]),
    hasOnePlan: others.every(hasOnePlan),
  }
}

/**
 * Of `n` people, `m` share with the caller. In the order of time, about n / m rows are tested for each one that is found, since the rows of all
 * others are met as well. Patient by patient, the newest rows of `m` people are read, as many of each as a page has. The two cost the same if `m`
 * is the square root of `n`, or of a multiple of `n` if a page is longer than all that one person has.
 */
const byConsents = (
  { row, driving, kind, asked }: Rest,
  classes: CodeClasses,
  count: number,
): ByPatient | undefined => {
  const gate = asked.find(one => one.kind === 'consented')
  const others = asked.filter(one => one !== gate)
  if (gate?.kind !== 'consented' || !others.every(one => isForOrder(one, row))) return undefined
  return {
    patients: patientsReached(gate, kind),
    most: sql.fragment`(
      SELECT ceil(sqrt(people * greatest(1, ${word(`${count}`)} * people / nullif(rows, 0))))::bigint
      FROM (SELECT coalesce(max(patient_id), 0)::float8 AS people FROM patient_compartment) AS people,
        (SELECT greatest(reltuples, 0)::float8 AS rows FROM pg_class WHERE oid = 'observation'::regclass) AS known)`,
    whereOf: whereOf(row, [...driving, ...joinedConditions(asked, one => alone(one, row, classes))]),
    hasOnePlan: others.every(hasOnePlan),
    name: JSON.stringify([gate, kind, count]),
  }
}

const whereOf =
  (row: RowNames, conditions: readonly SqlFragment[]): ByPatient['whereOf'] =>
  patientId =>
    allOf([sql.fragment`${row.facts}.patient_id = ${patientId}`, ...conditions])
