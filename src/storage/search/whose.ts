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
  const together = await whoseTogether(connection, gate, asked, action)
  if (together !== undefined) return together
  const found: Whose[] = []
  for (let from = 0; from < asked.length; from += mostAtOnce)
    found.push(...(await whoseOf(connection, gate, asked.slice(from, from + mostAtOnce), action)))
  return found
}

/**
 * Of many identifiers that are looked for at once, as before patients are registered, mostly nobody or a few have one: that is one question. Undefined
 * if each has to be asked, since one of them alone may be about too many.
 */
const whoseTogether = async (
  connection: Connection,
  gate: Gate,
  asked: readonly RowsAsked[],
  action: Action,
): Promise<readonly Whose[] | undefined> => {
  const [first] = asked
  if (first === undefined || asked.length <= few || !asked.every(one => isAlike(one, first))) return undefined
  const { type } = first
  const rows = await rowsOf(
    connection,
    gate,
    [{ type, where: { kind: 'or', of: asked.map(one => one.where) } }],
    action,
  )
  // Of another type there may be more rows than are looked at, all of a few patients.
  const isAll = rows.length === 0 || (type === 'Patient' && isFew(rows))
  return isAll ? rows.map(one => toWhose(type, one)) : undefined
}

const few = 3

/** Both are about a token of the same parameter, and thereby about rows of the same type. */
const isAlike = ({ where }: RowsAsked, other: RowsAsked): boolean =>
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
  const rows = await rowsOf(connection, gate, asked, action)
  return [...Map.groupBy(rows, ({ question }) => question)].flatMap(([index, found]) => {
    const { type, ids } = asked[index] as RowsAsked
    return ids !== undefined || isFew(found) ? found.map(one => toWhose(type, one)) : []
  })
}

type Row = { readonly question: number; readonly patient_id: number; readonly kind_id: number }

const rowsOf = (
  connection: Connection,
  gate: Gate,
  asked: readonly RowsAsked[],
  action: Action,
): Promise<readonly Row[]> => {
  const questions = asked.map(({ type, where, ids }, index): SqlFragment => {
    const kind = type === 'Observation' ? sql.fragment`row.kind_id` : sql.fragment`0`
    const rows = sql.fragment`
      SELECT row.patient_id, row.pk, ${kind} AS kind_id FROM ${tableOf(type)} AS row
      WHERE ${passesGate(gate, action, type, 'row', where)}
      LIMIT ${ids?.length ?? mostRows}`
    return sql.fragment`
      (SELECT DISTINCT ${index}::integer AS question, coalesce(several.patient_id, few.patient_id) AS patient_id, few.kind_id
      FROM (${rows}) AS few LEFT JOIN compartment AS several ON few.patient_id = 0 AND several.pk = few.pk)`
  })
  return connection.any<Row>(sql.fragment`${sql.join(questions, sql.fragment` UNION ALL `)}`)
}

const isFew = (rows: readonly Row[]): boolean => new Set(rows.map(one => one.patient_id)).size <= mostPatients

/** Of the rows of a question, at most so many are looked at. */
const mostRows = 1000

const mostPatients = 50

const toWhose = (type: ResourceType, row: Row): Whose => ({
  type,
  patientId: row.patient_id,
  ...(row.kind_id === 0 ? {} : { kindId: row.kind_id }),
})
