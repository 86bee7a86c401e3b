import type { ResourceType } from '@medplum/fhirtypes'
import { type Restricted, restrict } from '../../access/access.ts'
import { conjuncts } from '../../search/expression.ts'
import type { Search } from '../../search/search.ts'
import { compilePart } from '../compile/compile.ts'
import { drivingCode } from '../compile/driving-code.ts'
import type { Gate } from '../compile/gate.ts'
import { needsNoBody } from '../compile/hot.ts'
import { joinedConditions } from '../compile/joined.ts'
import { type RowNames, searchedOf, storedRow, tableOf } from '../row.ts'
import { allOf, type SqlFragment, sql } from '../sql.ts'
import { type ByPatient, byPatientOf } from './by-patient.ts'
import type { CommonTokens } from './common-tokens.ts'
import { drivingTarget } from './driving-target.ts'
import { type InOrder, inOrderOf, type Rest, withBody } from './in-order.ts'
import { hasOnePlan } from './one-plan.ts'
import { isOldestFirst } from './sort.ts'

/** The FROM and WHERE of a search, and the names of the row in them. */
export type Source = {
  readonly from: SqlFragment
  readonly where: SqlFragment
  readonly row: RowNames
  /** Whether one plan is good for all values, so that PostgreSQL need not plan each search anew. */
  readonly hasOnePlan: boolean
  /** Set if it is known whose Observations they can be. */
  readonly byPatient?: ByPatient | undefined
  /** Set if a page is found soonest in the order of time. */
  readonly inOrder?: InOrder | undefined
}

/** `sample`: only this part of the rows, as TABLESAMPLE has it. `inOwnOrder`: the first few are wanted, in the type's own order. */
type Needs = { readonly body?: boolean; readonly sample?: SqlFragment; readonly inOwnOrder?: boolean }

type Asking = Gate & { readonly commonTokens: CommonTokens }

/**
 * A search of Observations for one class of codes starts at the narrow observation_code, which has patient, class and time in one index; the
 * table with the bodies is joined only if the question needs them.
 */
export const sourceOf = ({ access, classes, commonTokens }: Asking, search: Search, needs: Needs = {}): Source => {
  const { type } = search
  const { body: needsBody = false, sample = sql.fragment``, inOwnOrder = false } = needs
  const question = restrict(access, 's', type, search.where)
  const stored = { ...storedRow(type, 'row'), ...(inOwnOrder ? { common: commonTokens } : {}), ...recordedOf(type) }
  const asked = conjuncts(question)
  const driving = type === 'Observation' && !isInCompartment(question) ? drivingCode(asked, stored, classes) : undefined
  const target = type === 'Provenance' ? drivingTarget(asked, stored, classes) : undefined
  if (target !== undefined) {
    const rest = asked.filter(one => one !== target.match)
    return {
      // By pk alone, which is unique: with patient_id as well, PostgreSQL expects so few rows that it reads them all.
      from: sql.fragment`(${target.keys}) AS key JOIN provenance AS row ${sample} ON row.pk = key.pk`,
      where: allOf([sql.fragment`TRUE`, ...joinedConditions(rest, one => compilePart(one, target.row, classes))]),
      row: target.row,
      hasOnePlan: hasOnePlan(question),
    }
  }
  const ways = (rest: Rest, from: SqlFragment): Pick<Source, 'byPatient' | 'inOrder'> =>
    type === 'Observation' && inOwnOrder
      ? { byPatient: byPatientOf(rest, classes, search.count), inOrder: inOrderOf(rest, from, classes) }
      : {}
  if (driving === undefined) {
    const from = type === 'AuditEvent' ? auditEvents(sample) : sql.fragment`${tableOf(type)} AS row ${sample}`
    return {
      from,
      where: compilePart(question, stored, classes),
      row: stored,
      hasOnePlan: hasOnePlan(question),
      ...ways({ row: stored, driving: [], asked }, from),
    }
  }
  const { row, where, kind } = driving
  const rest = asked.filter(one => one !== driving.match)
  const body =
    needsBody || driving.needsBody || (search.sort.length > 0 && !isOldestFirst(search)) || !rest.every(needsNoBody)
  const hot = sql.fragment`observation_code AS hot ${sample}`
  const from = body ? withBody(hot) : hot
  return {
    from,
    where: allOf([where, ...joinedConditions(rest, one => compilePart(one, row, classes))]),
    row,
    hasOnePlan: rest.every(hasOnePlan),
    ...ways({ row, driving: [where], kind, asked: rest }, from),
  }
}

const recordedOf = (type: ResourceType): Pick<RowNames, 'recorded'> => (type === 'AuditEvent' ? { recorded: true } : {})

/** They come from a view, of which TABLESAMPLE takes no sample: the sample is taken by the keys. */
const auditEvents = (sample: SqlFragment): SqlFragment =>
  sample.sql.trim() === ''
    ? sql.fragment`${searchedOf('AuditEvent')} AS row`
    : sql.fragment`(SELECT * FROM ${searchedOf('AuditEvent')} WHERE pk % 100 = 0) AS row`

/** A row is in a compartment by one of several parameters, each with an index of its own on the body's table, which PostgreSQL can combine. */
const isInCompartment = (question: Restricted): boolean => conjuncts(question).some(one => one.kind === 'there')
