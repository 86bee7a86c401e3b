import type { FhirError } from '../../fhir/error.ts'
import { passesGate } from '../compile/gate.ts'
import type { Connection, Database } from '../database.ts'
import { tableOf } from '../row.ts'
import { sql } from '../sql.ts'
import { type Listener, listenersTo } from './listener.ts'
import { type Answering, answerable, askForSubscriber, type QuestionOf } from './question.ts'
import { findSubscriber } from './subscriber.ts'
import { openTimeLimit, type TimeLimit } from './time-limit.ts'
import { noteAnswered, restUnanswered, tookTooLong, wasTooLong } from './unanswered.ts'

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

type Recording = Answering & { readonly questionOf: QuestionOf }

type Recorded = { readonly changes: number; readonly failed: readonly Failed[] }

/** Whose question could not be answered, and why. */
type Failed = { readonly id: string; readonly error: FhirError }

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
  const patientIds = [...new Set(changes.map(({ patient_id }) => patient_id))]
  for (const listener of await listenersTo(connection, type, patientIds)) {
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

const failureOf = async (
  connection: Connection,
  recording: Recording,
  { id, rests }: Listener,
  changes: readonly Change[],
): Promise<FhirError | undefined> => {
  if (rests) return tookTooLong
  const recorded = await askForSubscriber(connection, () => recordFor(connection, recording, id, changes))
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
  { registry, classes, questionOf }: Recording,
  id: string,
  changes: readonly Change[],
): Promise<void> => {
  const subscriber = await findSubscriber(connection, id)
  const question = subscriber === undefined ? undefined : questionOf(subscriber)
  if (question === undefined) return
  const { type, where, access } = await answerable(connection, { registry, classes }, question)
  const told = changes
    .filter(({ subscribers }) => subscribers === null || subscribers.includes(id))
    .map(({ position, patient_id, pk, deletion }) => ({ position, patient_id, pk, deletion }))
  // It may have been turned off, or deleted, since it was found.
  await connection.run(sql.fragment`
    WITH change AS MATERIALIZED (
      SELECT patient_id, pk, deletion, max(position) AS position
      FROM jsonb_to_recordset(${JSON.stringify(told)}::jsonb)
        AS change(position bigint, patient_id integer, pk bigint, deletion integer)
      WHERE position <> ALL ((SELECT changed_before FROM subscriber WHERE id = ${id})::bigint[])
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
        AND status <> 'off'
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
