import { setTimeout as pause } from 'node:timers/promises'
import { FhirError } from '../fhir/error.ts'
import { type SqlFragment, sql } from './sql.ts'

/** A connection, or a transaction. */
type Asking = { readonly one: <Row>(query: SqlFragment) => Promise<Row> }

/**
 * Makes this transaction the one that joins records, until it ends. If another one does, it throws: whoever waited here would keep the other from its
 * end. The transaction is then rolled back, and retried once the other has ended.
 */
export const beginJoining = async (connection: Asking): Promise<void> => {
  const { isFree } = await connection.one<{ isFree: boolean }>(
    sql.fragment`SELECT pg_try_advisory_xact_lock(${turn}) AS "isFree"`,
  )
  if (!isFree)
    throw new FhirError('transient', 'Other records are being joined at the moment; try again', { cause: otherJoining })
}

export const isOtherJoining = (error: unknown): boolean => error instanceof FhirError && error.cause === otherJoining

/** For as long as joining two large records may take on a busy machine. No connection is held while it waits. */
export const afterOtherJoining = async (connection: Asking): Promise<void> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const { isFree } = await connection.one<{ isFree: boolean }>(
      sql.fragment`SELECT pg_try_advisory_xact_lock_shared(${turn}) AS "isFree"`,
    )
    if (isFree) return
    await pause(pauseMs)
  }
}

const mostTries = 120
const pauseMs = 500

const otherJoining = new Error('another transaction is joining records')
const turn = sql.fragment`hashtext('joining')`
