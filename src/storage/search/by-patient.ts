import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { compilePart, compilePatients } from '../compile/compile.ts'
import { leadsToPatients } from '../compile/compile-link.ts'
import { patientsReached } from '../model/relation/consented.ts'
import type { RowNames } from '../row.ts'
import { allOf, type SqlFragment, sql, word } from '../sql.ts'
import { alone, isForOrder, type Rest } from './in-order.ts'
import { hasOnePlan } from './one-plan.ts'

/** A search of Observations by the Patients whose they can be alone. */
export type ByPatient = {
  /** A query of their patient_id. */
  readonly patients: SqlFragment
  /** Of more rows of it than this a page is sooner found in the order of time: a number. */
  readonly most: SqlFragment
  /** All that is asked of the rows of one of them. */
  readonly whereOf: (patientId: SqlFragment) => SqlFragment
  readonly hasOnePlan: boolean
  /** Names the query, where it is worth remembering that they are more; a few seconds later they may be fewer. */
  readonly name?: string
}

/** Of those to whom a chain leads, or else of those whom consents let be seen. */
export const byPatientOf = (rest: Rest, classes: CodeClasses, count: number): ByPatient | undefined =>
  byChain(rest, classes) ?? byConsents(rest, classes, count)

const byChain = ({ row, driving, asked }: Rest, classes: CodeClasses): ByPatient | undefined => {
  const chain = asked.find(one => one.kind === 'chain' && leadsToPatients(one, row))
  if (chain?.kind !== 'chain') return undefined
  const others = asked.filter(one => one !== chain)
  return {
    patients: compilePatients(chain, row, classes),
    most: word('100'),
    whereOf: whereOf(row, [...driving, ...others.map(one => compilePart(one, row, classes))]),
    hasOnePlan: others.every(hasOnePlan),
  }
}

/**
 * Of `n` people `m` share with whoever asks. In the order of time about n / m rows are tested for each that is found, since those of all the
 * others are looked at as well; patient by patient the newest of `m` people are looked at, as many as a page has. The two cost the same where `m` is
 * the root of `n`, and of so many times `n` as a page is longer than all that one has. Where nobody shares, that is few.
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
    whereOf: whereOf(row, [...driving, ...asked.map(one => alone(one, row, classes))]),
    hasOnePlan: others.every(hasOnePlan),
    name: JSON.stringify([gate, kind, count]),
  }
}

const whereOf =
  (row: RowNames, conditions: readonly SqlFragment[]): ByPatient['whereOf'] =>
  patientId =>
    allOf([sql.fragment`${row.facts}.patient_id = ${patientId}`, ...conditions])
