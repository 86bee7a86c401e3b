import { setTimeout as pause } from 'node:timers/promises'
import { FhirError } from '../fhir/error.ts'
import { isLockTimeout } from './postgres/sql-state.ts'
import { type SqlFragment, sql } from './sql.ts'

/** A connection, or a transaction. */
type Asking = { readonly one: <Row>(query: SqlFragment) => Promise<Row> }

/** Makes this transaction the one that joins records, until it ends. */
export const beginJoining = (connection: Asking): Promise<void> =>
  holdBesideJoinings(connection, turn, 'Other records are being joined at the moment; try again')

/**
 * Takes an advisory lock that others may hold until they have joined records. If one does, it throws: whoever waited here would keep them from their end.
 * The transaction is then rolled back, and retried once the lock is free.
 */
export const holdBesideJoinings = async (connection: Asking, lock: SqlFragment, otherwise: string): Promise<void> => {
  const { isFree } = await connection.one<{ isFree: boolean }>(
    sql.fragment`SELECT pg_try_advisory_xact_lock(${lock}) AS "isFree"`,
  )
  if (!isFree) throw new FhirError('transient', otherwise, { cause: new Held(lock) })
}

/** By another transaction. */
class Held extends Error {
  readonly lock: SqlFragment
  constructor(lock: SqlFragment) {
    super('another transaction is joining records, or may be going to')
    this.lock = lock
  }
}

export const isOtherJoining = (error: unknown): boolean => heldIn(error) !== undefined

const heldIn = (error: unknown): SqlFragment | undefined =>
  error instanceof FhirError && error.cause instanceof Held ? error.cause.lock : undefined

/**
 * Runs it anew after each joining that it has met: of two that join, the later gives way; and whoever has waited in vain for what a joining has moved
 * already tries again after its end. Several joinings, one after the other, may all be met.
 */
export const besideJoinings = async <T>(connection: Asking, run: () => Promise<T>, attempts = 5): Promise<T> => {
  try {
    return await run()
  } catch (error) {
    const held = heldIn(error)
    const isMet = held !== undefined || (isLockTimeout(error) && !(await isFree(connection, turn)))
    if (attempts <= 1 || !isMet) throw error
    const isOver = await afterOther(connection, held ?? turn)
    return besideJoinings(connection, run, isOver && held !== undefined ? attempts : attempts - 1)
  }
}

/** For as long as joining two large records may take on a busy machine. No connection is held while it waits. Answers whether it has ended. */
const afterOther = async (connection: Asking, lock: SqlFragment): Promise<boolean> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    if (await isFree(connection, lock)) return true
    await pause(pauseMs)
  }
  return false
}

const isFree = async (connection: Asking, lock: SqlFragment): Promise<boolean> =>
  (
    await connection.one<{ isFree: boolean }>(
      sql.fragment`SELECT pg_try_advisory_xact_lock_shared(${lock}) AS "isFree"`,
    )
  ).isFree

const mostTries = 120
const pauseMs = 500

const turn = sql.fragment`hashtext('joining')`
