import type { ResourceType } from '@medplum/fhirtypes'
import { restrict } from '../../access/access.ts'
import { and } from '../../search/expression.ts'
import { roomOfPage } from '../../search/room.ts'
import { compile } from '../compile/compile.ts'
import type { Connection } from '../database.ts'
import { historyOf, kindOf, storedRow, tableOf } from '../row.ts'
import { contentWithin, type Filled, fillRoom, type Unfilled, versionStillThere } from '../search/room.ts'
import { servedContent } from '../search/served-content.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { type Answering, answerable, type Question } from './question.ts'

/** `focus` is absent if the row may not be seen now, or no longer matches. */
export type Event = {
  readonly number: number
  readonly occurredAt: Date
  readonly focus?: {
    readonly type: ResourceType
    readonly id: string
    readonly version: number
    /** Absent if this version deleted it, or contents were not asked for. */
    readonly content?: string
    readonly patientId: number
    readonly kindId?: number | undefined
  }
}

export type EventRange = {
  readonly after: number
  readonly until: number
  readonly limit: number
  /** Whether the contents are wanted as well, for what may also be read, not only searched. */
  readonly whole: boolean
}

/**
 * The events of a subscriber, each checked anew at this moment. There are fewer than the limit if the contents of more do not fit into one answer,
 * and none only if none is kept. A deletion is told to those for whom it was kept, since nobody can check any more who may see what is gone; and
 * nothing is told except that it was deleted.
 */
export const eventsIn = async (
  connection: Connection,
  answering: Answering,
  question: Question,
  id: string,
  { after, until, limit, whole }: EventRange,
): Promise<readonly Event[]> => {
  const { type, where, access } = await answerable(connection, answering, question)
  const { classes } = answering
  const asked = restrict(access, 's', type, whole ? and(where, access('r', type)) : where)
  const served = servedContent(type, 'body', { access, classes })
  const inOrder = sql.fragment`ORDER BY event.number`
  const content = contentWithin(sql.fragment`${roomOfPage}::bigint`, served, { order: inOrder })
  const rows = await connection.any<EventRow>(sql.fragment`
    SELECT event.number, event.occurred_at, event.patient_id, event.pk, ${kindOf(type, 'body')} event.deletion,
      body.pk IS NOT NULL AS "isSeen", coalesce(body.version, 0) AS version, coalesce(body.id, ${idOfDeleted(type)}) AS id,
      ${whole ? sql.fragment`CASE WHEN body.pk IS NULL THEN '' ELSE ${content} END` : sql.fragment`''`} AS content
    FROM subscription_event AS event
    LEFT JOIN ${tableOf(type)} AS body ON body.patient_id = event.patient_id AND body.pk = event.pk
      AND event.deletion IS NULL AND ${compile(asked, storedRow(type, 'body'), classes)}
    WHERE event.subscription = ${id} AND event.number > ${after} AND event.number <= ${until}
    ${inOrder} LIMIT ${limit}`)
  const { filled, passed } = await fillRoom(connection, rows, {
    letters: roomOfPage,
    takesFirst: true,
    typeOf: () => type,
    contentOf: () => served,
    versionOf: versionStillThere,
  })
  const seen = new Map(filled.map(row => [row.number, focusOf(type, row)]))
  return rows
    .slice(0, passed)
    .map(row => ({ number: Number(row.number), occurredAt: row.occurred_at, ...seen.get(row.number) }))
}

/** From the version before it, since the Subscription may be about another type by now. */
const idOfDeleted = (type: ResourceType): SqlFragment => sql.fragment`
  CASE WHEN event.deletion IS NOT NULL THEN (
    SELECT before.content ->> 'id' FROM ${historyOf(type)} AS before
    WHERE before.patient_id = event.patient_id AND before.pk = event.pk AND before.version = event.deletion - 1) END`

const focusOf = (
  type: ResourceType,
  { id, version, deletion, isSeen, patient_id: patientId, kind_id: kindId, content }: Filled<EventRow>,
): Pick<Event, 'focus'> => {
  if (id === null) return {}
  if (deletion !== null) return { focus: { type, id, version: deletion, patientId } }
  return isSeen ? { focus: { type, id, version, patientId, kindId, ...(content === '' ? {} : { content }) } } : {}
}

type EventRow = Unfilled & {
  readonly number: string
  readonly occurred_at: Date
  readonly deletion: number | null
  readonly id: string | null
  readonly isSeen: boolean
  readonly kind_id?: number
}
