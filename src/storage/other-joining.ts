import { setTimeout as pause } from 'node:timers/promises'
import { FhirError } from '../fhir/error.ts'
import { isLockTimeout } from './postgres/sql-state.ts'
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

/**
 * Runs it anew after each joining that it has met: of two that join, the later gives way; and whoever has waited in vain for what a joining has moved
 * already tries again after its end. Several joinings, one after the other, may all be met.
 */
export const besideJoinings = async <T>(connection: Asking, run: () => Promise<T>, attempts = 5): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    const hasGivenWay = isOtherJoining(error)
    const isMet = hasGivenWay || (isLockTimeout(error) && !(await isNobodyJoining(connection)))
    if (attempts <= 1 || !isMet) throw error
    const isOver = await afterOtherJoining(connection)
    return besideJoinings(connection, run, isOver && hasGivenWay ? attempts : attempts - 1)
  }
}

/** For as long as joining two large records may take on a busy machine. No connection is held while it waits. Answers whether it has ended. */
const afterOtherJoining = async (connection: Asking): Promise<boolean> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    if (await isNobodyJoining(connection)) return true
    await pause(pauseMs)
  }
  return false
}

const isNobodyJoining = async (connection: Asking): Promise<boolean> => {
  const { isFree } = await connection.one<{ isFree: boolean }>(
    sql.fragment`SELECT pg_try_advisory_xact_lock_shared(${turn}) AS "isFree"`,
  )
  return isFree
}

const mostTries = 120
const pauseMs = 500

const otherJoining = new Error('another transaction is joining records')
const turn = sql.fragment`hashtext('joining')`
