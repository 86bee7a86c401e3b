import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Expression } from '../../search/expression.ts'
import { namedPatients } from '../../search/named-patients.ts'
import { compilePart, compilePatients } from '../compile/compile.ts'
import { leadsToPatients } from '../compile/compile-link.ts'
import { needsNoBody } from '../compile/hot.ts'
import { indexPrefilter } from '../compile/index-prefilter.ts'
import { patientsReached } from '../model/relation/consented.ts'
import type { RowNames } from '../row.ts'
import { allOf, type SqlFragment, sql, word } from '../sql.ts'
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

/** What is asked of the rows besides what drives the search. */
export type Rest = {
  readonly row: RowNames
  readonly driving: readonly SqlFragment[]
  readonly kind?: string | undefined
  readonly asked: readonly Expression[]
}

/** Of those to whom a chain leads, or else of those whom consents let be seen. */
export const byPatientOf = (rest: Rest, classes: CodeClasses): ByPatient | undefined =>
  byChain(rest, classes) ?? byConsents(rest, classes)

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
 * others are looked at as well; patient by patient the newest of `m` people are looked at. The two cost the same where `m` is the root of `n`.
 * Where nobody shares, that is few.
 */
const byConsents = ({ row, driving, kind, asked }: Rest, classes: CodeClasses): ByPatient | undefined => {
  const gate = asked.find(one => one.kind === 'consented')
  const others = asked.filter(one => one !== gate)
  if (gate?.kind !== 'consented' || !others.every(one => isForOrder(one, row))) return undefined
  return {
    patients: patientsReached(gate, kind),
    most: sql.fragment`(SELECT ceil(sqrt(coalesce(max(patient_id), 0)))::bigint FROM patient_compartment)`,
    whereOf: whereOf(row, [...driving, ...asked.map(one => asking(one, row, classes))]),
    hasOnePlan: others.every(hasOnePlan),
    name: JSON.stringify([gate, kind]),
  }
}

/**
 * Joined, consents are asked of all rows of a patient before the first is taken; alone, of one after another, which costs more each. Those who
 * share may have sent very much; who is found by a name is one of a hundred, and most have sent little.
 */
const asking = (one: Expression, row: RowNames, classes: CodeClasses): SqlFragment => {
  const condition = compilePart(one, row, classes)
  return one.kind === 'consented' ? sql.fragment`(SELECT ${condition})` : condition
}

const whereOf =
  (row: RowNames, conditions: readonly SqlFragment[]): ByPatient['whereOf'] =>
  patientId =>
    allOf([sql.fragment`${row.facts}.patient_id = ${patientId}`, ...conditions])

/** Nothing else finds the rows sooner: they are looked at in the order of time, be it everybody's or a patient's. */
const isForOrder = (one: Expression, row: RowNames): boolean => {
  switch (one.kind) {
    case 'and':
    case 'or':
      return one.of.every(each => isForOrder(each, row))
    case 'not':
    case 'missing':
      return true
    case 'match':
      return namedPatients(one) === undefined && indexPrefilter(one.parameter, one.value, row) === undefined
    case 'compartment':
      return false
    default:
      return needsNoBody(one)
  }
}
