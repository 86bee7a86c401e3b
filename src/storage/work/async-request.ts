import type { OperationOutcome } from '@medplum/fhirtypes'
import { v7 as uuidv7 } from 'uuid'
import type { Caller } from '../../access/caller.ts'
import { FhirError } from '../../fhir/error.ts'
import { findCallerOf, hasEnded, rightsOf } from '../authorization/token.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql, storable } from '../sql.ts'

/** A request that is answered later. */
export type AsyncRequest = {
  /** Id of the HTTP request that asked for it, for the record of who did what. */
  readonly request: string
  readonly name: AsyncName
  /** Path and query, relative to the base. */
  readonly target: string
  readonly prefer: object
  /** JSON; null for a search. */
  readonly body: string | null
  /** How many entries it has. */
  readonly total: number
}

/** The interactions that can be answered later. */
type AsyncName = 'batch' | 'transaction' | 'operation' | 'search-type'

/** Answers its id. Throws `throttled` if too many of the same caller are under way. */
export const addAsyncRequest = async (
  connection: Connection,
  tokenHash: Buffer,
  { request, name, target, prefer, body, total }: AsyncRequest,
): Promise<string> => {
  const id = uuidv7()
  const added = await connection.run(sql.fragment`
    INSERT INTO async_request (id, hash, kind, person_id, patient_id, client_id, scope, context, grant_id,
      request, name, target, prefer, body, total)
    SELECT ${id}, hash, kind, person_id, patient_id, client_id, scope, context, grant_id,
      ${request}, ${name}, ${target}, ${JSON.stringify(prefer)}::jsonb, ${body}, ${total}
    FROM token
    WHERE hash = ${sql.binary(tokenHash)}
      AND async_under_way(client_id, kind, person_id, patient_id) < ${mostUnderWay}`)
  if (added > 0) return id
  throw new FhirError('throttled', `There are ${mostUnderWay} requests under way already: wait until some are done`)
}

/** For one person, patient or client, through one client. */
const mostUnderWay = 20

/** How far the request is, for whoever sent it. */
export type AsyncState = Pick<AsyncRequest, 'name' | 'target' | 'total'> & {
  readonly done: number
  readonly expiresAt: Date
  /** Absent until it is done. */
  readonly status: number | null
  readonly head: object | null
  readonly outcome: OperationOutcome | null
}

/** Undefined for anybody but the sender, by a token of the same rights, and once it has expired. */
export const findAsyncRequest = (
  connection: Connection,
  id: string,
  tokenHash: Buffer,
): Promise<AsyncState | undefined> =>
  connection.maybeOne<AsyncState>(sql.fragment`
    SELECT name, target, total, done, made_at + ${lifetime} AS "expiresAt", status, head, outcome
    FROM async_request WHERE ${isOwn(id, tokenHash)}`)

/** For the sender only. What is not committed yet will not be; false if there is no such request. */
export const cancelAsyncRequest = async (connection: Connection, id: string, tokenHash: Buffer): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM async_request WHERE ${isOwn(id, tokenHash)}`)) > 0

const isOwn = (id: string, tokenHash: Buffer): SqlFragment => sql.fragment`
  id = ${id} AND made_at + ${lifetime} > now() AND EXISTS (
    SELECT FROM token WHERE token.hash = ${sql.binary(tokenHash)}
      AND ${rightsOf(sql.fragment`token`)} = ${rightsOf(sql.fragment`async_request`)})`

/** As long as a cursor is valid: https://hl7.org/fhir/async-bundle.html leaves it to the server. */
const lifetime = sql.fragment`interval '1 day'`

/** The entries of the answer as JSON, part by part. */
export const answersOf = async (connection: Connection, id: string): Promise<readonly string[]> => {
  const rows = await connection.any<{ entries: string }>(
    sql.fragment`SELECT entries FROM async_answer WHERE request = ${id} ORDER BY part`,
  )
  return rows.map(({ entries }) => entries)
}

/** What is needed to work on it. */
export type AsyncWork = AsyncRequest & {
  readonly done: number
  /** Who does it, as they are at this moment. */
  readonly caller: Caller | undefined
}

/** Undefined if it is done, or nobody waits for it any more. */
export const readAsyncWork = async (connection: Connection, id: string): Promise<AsyncWork | undefined> => {
  const work = await connection.maybeOne<Omit<AsyncWork, 'caller'>>(sql.fragment`
    SELECT request, name, target, prefer, body, total, done
    FROM async_request WHERE id = ${id} AND ended_at IS NULL AND made_at + ${lifetime} > now()`)
  return work && { ...work, caller: await findAsyncCaller(connection, id) }
}

/** Undefined once the token or grant by which it is done has ended, the client no longer exists, or the person is barred. */
export const findAsyncCaller = async (connection: Connection, id: string): Promise<Caller | undefined> => {
  const copy = sql.fragment`async_request`
  const row = await connection.maybeOne<{ readonly hash: Buffer }>(
    sql.fragment`SELECT hash FROM async_request WHERE id = ${id} AND NOT ${hasEnded(copy)}`,
  )
  const caller = row && (await findCallerOf(connection, copy, id))
  return caller && { ...caller, tokenHash: row.hash }
}

/** Ids of the requests that are not done yet. */
export const asyncRequestsToDo = async (connection: Connection): Promise<readonly string[]> => {
  const rows = await connection.any<{ id: string }>(
    sql.fragment`SELECT id FROM async_request WHERE ended_at IS NULL ORDER BY id`,
  )
  return rows.map(({ id }) => id)
}

/**
 * To be committed together with what the part wrote. False if the part is done already, or nobody waits for it: then the writes are to be undone. One
 * statement, since a request can be cancelled between two.
 */
export const keepAnswer = async (
  connection: Connection,
  id: string,
  { part, entries, done }: { readonly part: number; readonly entries: string; readonly done: number },
): Promise<boolean> =>
  (await connection.run(sql.fragment`
    WITH waits AS (
      UPDATE async_request SET done = ${done} WHERE id = ${id} AND ended_at IS NULL AND done < ${done} RETURNING id
    )
    INSERT INTO async_answer (request, part, entries) SELECT id, ${part}::integer, ${entries}::text FROM waits`)) > 0

type Ending = { readonly status: number; readonly head?: object; readonly outcome?: OperationOutcome }

/** The body is deleted. */
export const endAsyncRequest = async (
  connection: Connection,
  id: string,
  { status, head, outcome }: Ending,
): Promise<void> => {
  await connection.run(sql.fragment`
    UPDATE async_request SET ended_at = now(), body = NULL, status = ${status},
      head = ${head === undefined ? null : JSON.stringify(head)}::jsonb,
      outcome = ${outcome === undefined ? null : JSON.stringify(outcome, asStored)}::jsonb
    WHERE id = ${id} AND ended_at IS NULL`)
}

/** What is quoted from a request may contain anything. If the answer could not be stored, the request would stay under way for ever. */
const asStored = (_name: string, value: unknown): unknown => (typeof value === 'string' ? storable(value) : value)

export const dropOldAsyncRequests = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`DELETE FROM async_request WHERE made_at + ${lifetime} <= now()`)
}
