import type { ResourceType } from '@medplum/fhirtypes'
import { type Access, restrict } from '../../access/access.ts'
import type { FhirError } from '../../fhir/error.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { and, type Expression } from '../../search/expression.ts'
import { roomOfPage } from '../../search/room.ts'
import { compile } from '../compile/compile.ts'
import { passesGate } from '../compile/gate.ts'
import type { Connection, Database } from '../database.ts'
import { historyOf, kindOf, storedRow, tableOf } from '../row.ts'
import { contentWithin, type Filled, fillRoom, type Unfilled, versionStillThere } from '../search/room.ts'
import { servedContent } from '../search/served-content.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { attempt } from '../write/savepoint.ts'
import { type Listener, listenersTo } from './listener.ts'
import { findSubscriber, type Subscriber } from './subscriber.ts'
import { openTimeLimit, type TimeLimit } from './time-limit.ts'
import { noteAnswered, restUnanswered, tookTooLong, wasTooLong } from './unanswered.ts'

/** What a subscriber is told about: rows of the type that match the criteria, and that the access allows to be searched. */
export type Question = { readonly type: ResourceType; readonly where: Expression; readonly access: Access }

/** Undefined if there is no longer anything to ask for the subscriber; throws a FhirError if their question cannot be answered. */
export type QuestionOf = (subscriber: Subscriber) => Question | undefined

type Recording = { readonly classes: CodeClasses; readonly questionOf: QuestionOf }

type Recorded = { readonly changes: number; readonly failed: readonly Failed[] }

/** Whose question could not be answered, and why. */
type Failed = { readonly id: string; readonly error: FhirError }

/**
 * Takes the oldest changes, and numbers the events that they are for each subscriber. One server at a time does so, so that events are numbered in
 * the order of the changes. Several changes of one row that are taken together are one event.
 */
export const recordEvents = async (database: Database, recording: Recording): Promise<Recorded> => {
  // Through the index, where what was taken disappears before a vacuum removes it.
  const { isAny } = await database.one<{ isAny: boolean }>(
    sql.fragment`SELECT (SELECT position FROM change ORDER BY position LIMIT 1) IS NOT NULL AS "isAny"`,
  )
  return isAny ? recordWaiting(database, recording) : { changes: 0, failed: [] }
}

const recordWaiting = (database: Database, recording: Recording): Promise<Recorded> =>
  database.transaction(async connection => {
    const { locked } = await connection.one<{ locked: boolean }>(
      sql.fragment`SELECT pg_try_advisory_xact_lock(hashtext('change')) AS locked`,
    )
    const changes = locked ? await takeChanges(connection) : []
    const missed = changes.flatMap(({ unanswered }) => unanswered ?? [])
    const failed: Failed[] = [...new Set(missed)].map(id => ({ id, error: tookTooLong }))
    const limit = openTimeLimit(connection, { all: mostOfAllMs, one: mostOfOneMs })
    for (const [type, rows] of Map.groupBy(changes, ({ type }) => type))
      failed.push(...(await recordForAll(connection, { ...recording, limit }, type, rows)))
    const late = failed.filter(({ error }) => error === tookTooLong).map(({ id }) => id)
    if (late.length > 0) await restUnanswered(connection, late)
    return { changes: changes.length, failed }
  })

/** The others wait meanwhile, since nobody is told anything before all have been asked. */
const mostOfAllMs = 20_000
const mostOfOneMs = 10_000
const leastOfOneMs = 200
/** For a subscriber whose question was not answered last time. */
const leastOfLateMs = 50

const recordForAll = async (
  connection: Connection,
  recording: Recording & { readonly limit: TimeLimit },
  type: string,
  changes: readonly Change[],
): Promise<readonly Failed[]> => {
  const failed: Failed[] = []
  const answered: string[] = []
  for (const listener of await listenersTo(connection, type)) {
    const { id, wasLate } = listener
    if (!listener.rests) await recording.limit.set(wasLate ? leastOfLateMs : leastOfOneMs)
    const error = await failureOf(connection, recording, listener, changes)
    if (error !== undefined) failed.push({ id, error })
    else if (wasLate) answered.push(id)
  }
  await recording.limit.lift()
  await noteAnswered(connection, answered)
  return failed
}

/** A subscriber whose question takes too long does not hold up the others. */
const failureOf = async (
  connection: Connection,
  recording: Recording,
  { id, rests }: Listener,
  changes: readonly Change[],
): Promise<FhirError | undefined> => {
  if (rests) return tookTooLong
  const recorded = await attempt(connection, () => recordFor(connection, recording, id, changes))
  if ('done' in recorded) return undefined
  return wasTooLong(recorded.refused) ? tookTooLong : recorded.refused
}

type Change = {
  readonly position: string
  readonly type: string
  readonly patient_id: number
  readonly pk: string
  /** For a deletion: its version, the Subscriptions that matched what was deleted, and those for which this was not found out in time. */
  readonly deletion: number | null
  readonly subscribers: readonly string[] | null
  readonly unanswered: readonly string[] | null
}

const takeChanges = async (connection: Connection): Promise<readonly Change[]> =>
  connection.any<Change>(sql.fragment`
    DELETE FROM change
    WHERE position IN (SELECT position FROM change ORDER BY position LIMIT ${mostChanges})
    RETURNING position, type, patient_id, pk, deletion, subscribers, unanswered`)

const mostChanges = 5000

const recordFor = async (
  connection: Connection,
  { classes, questionOf }: Recording,
  id: string,
  changes: readonly Change[],
): Promise<void> => {
  const subscriber = await findSubscriber(connection, id)
  const question = subscriber === undefined ? undefined : questionOf(subscriber)
  if (question === undefined) return
  const { type, where, access } = question
  const told = changes
    .filter(({ subscribers }) => subscribers === null || subscribers.includes(id))
    .map(({ position, patient_id, pk, deletion }) => ({ position, patient_id, pk, deletion }))
  await connection.run(sql.fragment`
    WITH change AS MATERIALIZED (
      SELECT patient_id, pk, deletion, max(position) AS position
      FROM jsonb_to_recordset(${JSON.stringify(told)}::jsonb)
        AS change(position bigint, patient_id integer, pk bigint, deletion integer)
      GROUP BY patient_id, pk, deletion
    ),
    matching AS (
      SELECT change.*
      FROM change
      JOIN ${tableOf(type)} AS row ON row.patient_id = change.patient_id AND row.pk = change.pk
      WHERE change.deletion IS NULL AND ${passesGate({ access, classes }, 's', type, 'row', where)}
      UNION ALL
      SELECT * FROM change WHERE deletion IS NOT NULL
    ),
    matched AS MATERIALIZED (SELECT *, row_number() OVER (ORDER BY position) AS number FROM matching),
    counted AS (
      UPDATE subscriber SET last_event = last_event + (SELECT count(*) FROM matched)
      WHERE id = ${id} AND EXISTS (SELECT FROM matched)
      RETURNING last_event - (SELECT count(*) FROM matched) AS before
    )
    INSERT INTO subscription_event (subscription, number, patient_id, pk, deletion)
    SELECT ${id}, counted.before + matched.number, matched.patient_id, matched.pk, matched.deletion
    FROM matched, counted`)
  await connection.run(sql.fragment`
    DELETE FROM subscription_event
    WHERE subscription = ${id} AND number <= (SELECT last_event FROM subscriber WHERE id = ${id}) - ${keptEvents}`)
}

/** For each subscriber, delivered or not: what could not be delivered for so many events is lost. */
const keptEvents = 10_000

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
  classes: CodeClasses,
  { type, where, access }: Question,
  id: string,
  { after, until, limit, whole }: EventRange,
): Promise<readonly Event[]> => {
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
