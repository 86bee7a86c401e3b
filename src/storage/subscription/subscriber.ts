import type { Subscription } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { findCallerOf, hasEnded, rightsOf } from '../authorization/token.ts'
import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

/** A Subscription, with whose it is. */
export type Subscriber = {
  readonly id: string
  readonly subscription: Subscription
  /** Absent where the client that it was written by is no more. */
  readonly caller: Caller | undefined
  /** Alike for tokens that may do the same. */
  readonly rights: string
  /** By the end of what the token that it was written with was granted by, or by its own time. */
  readonly hasEnded: boolean
  /** There is something to do for it: to look at what it asks, to tell it of events, to end it. */
  readonly isDue: boolean
  /** It is time to show that this server is still there. */
  readonly isSilent: boolean
  /** Numbers of its last event, and of the last that went out. */
  readonly lastEvent: number
  readonly lastTold: number
  /** How often it was written by its subscriber: what is under way for an earlier writing is of no concern any more. */
  readonly writing: number
  /** Whoever it tells was greeted since it was written. */
  readonly isGreeted: boolean
}

export const findSubscriber = async (connection: Connection, id: string): Promise<Subscriber | undefined> => {
  const row = await connection.maybeOne<Row>(sql.fragment`
    SELECT (${isOver}) AS "hasEnded", (${isDue}) AS "isDue", ${isSilent} AS "isSilent",
      ${rightsOf(sql.fragment`subscriber`)}::text AS rights, subscriber.last_event, subscriber.last_told,
      subscriber.writing, subscriber.greeted = subscriber.writing AS "isGreeted", stored.content
    FROM subscriber
    JOIN resource_identity AS identity ON identity.id = subscriber.id
      AND identity.type_id = ${typeIdOf('Subscription')}
    JOIN subscription AS stored ON stored.patient_id = identity.patient_id AND stored.pk = identity.pk
    WHERE subscriber.id = ${id}`)
  if (row === undefined) return undefined
  return {
    id,
    subscription: row.content,
    caller: await findCallerOf(connection, sql.fragment`subscriber`, id),
    rights: row.rights,
    hasEnded: row.hasEnded,
    isDue: row.isDue,
    isSilent: row.isSilent,
    lastEvent: Number(row.last_event),
    lastTold: Number(row.last_told),
    writing: row.writing,
    isGreeted: row.isGreeted,
  }
}

type Row = {
  readonly rights: string
  readonly hasEnded: boolean
  readonly isDue: boolean
  readonly isSilent: boolean
  readonly last_event: string
  readonly last_told: string
  readonly writing: number
  readonly isGreeted: boolean
  readonly content: Subscription
}

const isOver = sql.fragment`subscriber.ends_at <= now() OR ${hasEnded(sql.fragment`subscriber`)}`

/** A heartbeat of 0 or none is none. */
const isSilent = sql.fragment`coalesce(subscriber.heartbeat > 0
  AND subscriber.told_at < now() - subscriber.heartbeat * interval '1 second', FALSE)`

/** What could not be told is tried again by the hour. */
const isDue = sql.fragment`subscriber.status = 'requested'
  OR (subscriber.status = 'active' AND subscriber.last_event > subscriber.last_told)
  OR (subscriber.status = 'active' AND ${isSilent})
  OR (subscriber.status = 'error' AND subscriber.last_event > subscriber.last_told
    AND subscriber.failed_at < now() - interval '1 hour')
  OR (subscriber.status IN ('active', 'error') AND (${isOver}))`

export const dueSubscribers = (connection: Connection): Promise<readonly Due[]> =>
  connection.any<Due>(sql.fragment`SELECT id, writing, client_id AS client FROM subscriber WHERE ${isDue}`)

type Due = { readonly id: string; readonly writing: number; readonly client: string }

/**
 * Those of the Subscriptions that were written with a token of the same client, scopes and context as this one. Through
 * any other, whoever binds it would be told what their own token does not reach.
 */
export const writtenAlike = async (
  connection: Connection,
  ids: readonly string[],
  tokenHash: Buffer | undefined,
): Promise<readonly string[]> => {
  if (tokenHash === undefined) return []
  const rows = await connection.any<{ id: string }>(sql.fragment`
    SELECT subscriber.id FROM subscriber
    JOIN token ON ${rightsOf(sql.fragment`token`)} = ${rightsOf(sql.fragment`subscriber`)}
    WHERE token.hash = ${sql.binary(tokenHash)} AND subscriber.id = ANY(${sql.array([...ids], 'text')})
    ORDER BY subscriber.id`)
  return rows.map(({ id }) => id)
}

/** All up to the number went out, or are of no concern any more. */
export const markTold = async (connection: Connection, id: string, number: number): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE subscriber SET last_told = greatest(last_told, ${number}), told_at = now() WHERE id = ${id}`)
}

/** Whoever it tells has accepted the greeting, of this writing of it. From here on its heartbeats count. */
export const markGreeted = async (connection: Connection, id: string, writing: number): Promise<void> => {
  await connection.run(sql.fragment`UPDATE subscriber SET greeted = ${writing}, told_at = now() WHERE id = ${id}`)
}

export const markFailed = async (connection: Connection, id: string): Promise<void> => {
  await connection.run(sql.fragment`UPDATE subscriber SET failed_at = now() WHERE id = ${id}`)
}

export const lastEventOf = async (connection: Connection, id: string): Promise<number> => {
  const row = await connection.maybeOne<{ last_event: string }>(
    sql.fragment`SELECT last_event FROM subscriber WHERE id = ${id}`,
  )
  return Number(row?.last_event ?? 0)
}
