import type { ResourceType } from '@medplum/fhirtypes'
import type { Action } from '../../search/expression.ts'
import { type Gate, passesGate } from '../compile/gate.ts'
import type { Connection } from '../database.ts'
import { tableOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { RowsAsked, Whose } from './rows-asked.ts'

/**
 * In whose compartments the rows are that the questions are about and that the caller may see, mostly in one statement. If ids are asked for, all
 * are named; any other question about more than a few patients is about everybody, and names nobody.
 */
export const whose = async (
  connection: Connection,
  gate: Gate,
  asked: readonly RowsAsked[],
  action: Action,
): Promise<readonly Whose[]> => {
  if (await areAllNobody(connection, gate, asked, action)) return []
  const found: Whose[] = []
  for (let from = 0; from < asked.length; from += mostAtOnce)
    found.push(...(await whoseOf(connection, gate, asked.slice(from, from + mostAtOnce), action)))
  return found
}

/** Of many identifiers that are looked for at once, as before patients are registered, mostly nobody has one: all of them are asked about together. */
const areAllNobody = async (
  connection: Connection,
  gate: Gate,
  asked: readonly RowsAsked[],
  action: Action,
): Promise<boolean> => {
  const [first] = asked
  if (first === undefined || asked.length <= few || !asked.every(one => isAlike(one, first))) return false
  const either = { kind: 'or', of: asked.map(({ where }) => where) } as const
  const any = await connection.maybeOne(sql.fragment`
    SELECT FROM ${tableOf(first.type)} AS row WHERE ${passesGate(gate, action, first.type, 'row', either)} LIMIT 1`)
  return any === undefined
}

const few = 3

/** Both are about a token of the same parameter. */
const isAlike = ({ type, where, ids }: RowsAsked, other: RowsAsked): boolean =>
  ids === undefined &&
  type === other.type &&
  where.kind === 'match' &&
  where.value.kind === 'token' &&
  other.where.kind === 'match' &&
  where.parameter === other.where.parameter

/** More questions in one statement might have more values than PostgreSQL takes. */
const mostAtOnce = 20

const whoseOf = async (
  connection: Connection,
  gate: Gate,
  asked: readonly RowsAsked[],
  action: Action,
): Promise<readonly Whose[]> => {
  const rowsOf = ({ type, where, ids }: RowsAsked, index: number): SqlFragment => {
    const kind = type === 'Observation' ? sql.fragment`row.kind_id` : sql.fragment`0`
    const rows = sql.fragment`
      SELECT row.patient_id, row.pk, ${kind} AS kind_id FROM ${tableOf(type)} AS row
      WHERE ${passesGate(gate, action, type, 'row', where)}
      LIMIT ${ids?.length ?? mostRows}`
    return sql.fragment`
      (SELECT DISTINCT ${index}::integer AS question, coalesce(several.patient_id, few.patient_id) AS patient_id, few.kind_id
      FROM (${rows}) AS few LEFT JOIN compartment AS several ON few.patient_id = 0 AND several.pk = few.pk)`
  }
  const rows = await connection.any<{ question: number; patient_id: number; kind_id: number }>(
    sql.fragment`${sql.join(asked.map(rowsOf), sql.fragment` UNION ALL `)}`,
  )
  return [...Map.groupBy(rows, ({ question }) => question)].flatMap(([index, found]) => {
    const { type, ids } = asked[index] as RowsAsked
    const isFew = ids !== undefined || new Set(found.map(({ patient_id }) => patient_id)).size <= mostPatients
    return isFew ? found.map(one => toWhose(type, one)) : []
  })
}

/** Of the rows of a question, at most so many are looked at. */
const mostRows = 1000

const mostPatients = 50

const toWhose = (type: ResourceType, row: { patient_id: number; kind_id: number }): Whose => ({
  type,
  patientId: row.patient_id,
  ...(row.kind_id === 0 ? {} : { kindId: row.kind_id }),
})
