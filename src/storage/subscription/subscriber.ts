import type { Subscription } from '@medplum/fhirtypes'
import type { Caller } from '../../access/caller.ts'
import { callerOfCopy, hasEnded, rightsOf } from '../authorization/token.ts'
import { type TokenRow, toCaller } from '../authorization/token-row.ts'
import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

/** A Subscription, and whose it is. */
export type Subscriber = {
  readonly id: string
  readonly subscription: Subscription
  /** Absent if the client by which it was written no longer exists. */
  readonly caller: Caller | undefined
  /** The same text for tokens that may do the same. */
  readonly rights: string
  /** Whether the grant of the token with which it was written has ended, or its own time is over. */
  readonly hasEnded: boolean
  /** Whether there is something to do for it: to look at what it asks, to deliver events, or to end it. */
  readonly isDue: boolean
  /** Whether it is in error, and nothing has been delivered since. */
  readonly isStuck: boolean
  /** Whether it is time to show that this server is still there. */
  readonly isSilent: boolean
  /** Numbers of its last event, and of the last that was delivered. */
  readonly lastEvent: number
  readonly lastTold: number
  /** How often its subscriber has written it. What is under way for an earlier version is no longer wanted. */
  readonly writing: number
  /** Whether its receiver has been greeted since it was last written. */
  readonly isGreeted: boolean
}

/** In one statement: what a Subscription says is never answered with the rights of somebody who has written it since. */
export const findSubscriber = async (connection: Connection, id: string): Promise<Subscriber | undefined> => {
  const row = await connection.maybeOne<Row>(sql.fragment`
    SELECT (${isOver}) AS "hasEnded", (${isDue}) AS "isDue", ${isStuck} AS "isStuck", ${isSilent} AS "isSilent",
      ${rightsOf(sql.fragment`subscriber`)}::text AS rights, subscriber.last_event, subscriber.last_told,
      subscriber.writing, subscriber.greeted = subscriber.writing AS "isGreeted", stored.content, caller.*
    FROM subscriber
    JOIN resource_identity AS identity ON identity.id = subscriber.id
      AND identity.type_id = ${typeIdOf('Subscription')}
    JOIN subscription AS stored ON stored.patient_id = identity.patient_id AND stored.pk = identity.pk
    LEFT JOIN LATERAL (${callerOfCopy(sql.fragment`subscriber`, sql.fragment`subscriber.id`)}) AS caller ON TRUE
    WHERE subscriber.id = ${id}`)
  if (row === undefined) return undefined
  return {
    id,
    subscription: row.content,
    caller: row.kind === null ? undefined : toCaller(row),
    rights: row.rights,
    hasEnded: row.hasEnded,
    isDue: row.isDue,
    isStuck: row.isStuck,
    isSilent: row.isSilent,
    lastEvent: Number(row.last_event),
    lastTold: Number(row.last_told),
    writing: row.writing,
    isGreeted: row.isGreeted,
  }
}

type Row = Kept & (TokenRow | { readonly kind: null })

type Kept = {
  readonly rights: string
  readonly hasEnded: boolean
  readonly isDue: boolean
  readonly isStuck: boolean
  readonly isSilent: boolean
  readonly last_event: string
  readonly last_told: string
  readonly writing: number
  readonly isGreeted: boolean
  readonly content: Subscription
}

/** The `rights` of what is written with this token. */
export const rightsOfToken = async (
  connection: Connection,
  tokenHash: Buffer | undefined,
): Promise<string | undefined> =>
  tokenHash &&
  (
    await connection.maybeOne<Pick<Row, 'rights'>>(sql.fragment`
      SELECT ${rightsOf(sql.fragment`token`)}::text AS rights FROM token WHERE token.hash = ${sql.binary(tokenHash)}`)
  )?.rights

/** The token itself may be gone, if the Subscription was written by a version that deleted tokens a month after they had expired. */
const isGrantOver = sql.fragment`(${hasEnded(sql.fragment`subscriber`)} OR EXISTS (
  SELECT FROM client WHERE client.id = subscriber.client_id AND client.disabled_at IS NOT NULL))`

const isOver = sql.fragment`subscriber.ends_at <= now() OR ${isGrantOver}`

const isServed = sql.fragment`subscriber.status IN ('active', 'error')`

/** Without a heartbeat, or with one of 0, it is never silent. */
const isSilent = sql.fragment`coalesce(subscriber.heartbeat > 0
  AND subscriber.told_at < now() - subscriber.heartbeat * interval '1 second', FALSE)`

const isStuck = sql.fragment`(subscriber.status = 'error'
  AND coalesce(subscriber.failed_at > coalesce(subscriber.told_at, '-infinity'), FALSE))`

/** What could not be delivered is tried again after an hour. */
const isDueByItself = sql.fragment`subscriber.status = 'requested'
  OR (subscriber.status = 'active' AND subscriber.last_event > subscriber.last_told)
  OR (subscriber.status = 'active' AND ${isSilent})
  OR (subscriber.status = 'error' AND subscriber.last_event > subscriber.last_told
    AND subscriber.failed_at < now() - interval '1 hour')
  OR (${isServed} AND subscriber.ends_at <= now())`

const isDue = sql.fragment`${isDueByItself} OR (${isServed} AND ${isGrantOver})`

/** All for which there is something to do, but those whose grant has ended. */
export const dueSubscribers = (connection: Connection): Promise<readonly Due[]> =>
  connection.any<Due>(sql.fragment`SELECT id, writing, client_id AS client FROM subscriber WHERE ${isDueByItself}`)

type Due = { readonly id: string; readonly writing: number; readonly client: string }

/**
 * Those whose grant has ended, of the next few behind an id, and the id behind which to go on; undefined after the last. Whether a grant is in force
 * takes a lot of asking, and nobody is told anything behind its end, so not all are asked about each time.
 */
export const endedSubscribers = async (
  connection: Connection,
  after = '',
): Promise<{ readonly ended: readonly Due[]; readonly last: string | undefined }> => {
  const rows = await connection.any<Due & { readonly isOver: boolean }>(sql.fragment`
    SELECT id, writing, client_id AS client, ${isGrantOver} AS "isOver"
    FROM (SELECT * FROM subscriber WHERE ${isServed} AND id > ${after} ORDER BY id LIMIT ${mostAtOnce}) AS subscriber
    ORDER BY id`)
  return {
    ended: rows.filter(({ isOver }) => isOver),
    last: rows.length < mostAtOnce ? undefined : rows.at(-1)?.id,
  }
}

const mostAtOnce = 200

/**
 * Those of the Subscriptions that were written with a token of the same client, scopes and context as this one. By binding any other, somebody would
 * be told what their own token does not reach.
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

/** All events up to the number were delivered, or no longer need to be. */
export const markTold = async (connection: Connection, id: string, number: number): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE subscriber SET last_told = greatest(last_told, ${number}), told_at = now() WHERE id = ${id}`)
}

/** Its receiver has accepted the greeting for this version of it. Its heartbeats count from now on. */
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
