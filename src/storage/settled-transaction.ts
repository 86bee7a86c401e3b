import { setTimeout as pause } from 'node:timers/promises'
import { FhirError } from '../fhir/error.ts'
import { type Connection, type Database, isInDoubt } from './database.ts'
import { sql } from './sql.ts'

/**
 * A transaction whose end is found out if the connection is lost while it is committed: it returns if it was done, and otherwise throws an error after
 * which the same can be sent again. It stays in doubt only if the database stays away.
 */
export const settledTransaction = <T>(database: Database, run: (connection: Connection) => Promise<T>): Promise<T> =>
  settled(database, ending => database.transaction(async connection => ending(connection, await run(connection))))

/** The same for a transaction that `begin` opens itself: what it ends with is given to `ending`, in the transaction. */
export const settled = async <T>(
  database: Database,
  begin: (ending: (connection: Connection, result: T) => Promise<T>) => Promise<T>,
): Promise<T> => {
  let going: { readonly id: string; readonly result: T } | undefined
  const committed = begin(async (connection, result) => {
    const { id } = await connection.one<{ id: string }>(sql.fragment`SELECT pg_current_xact_id()::text AS id`)
    going = { id, result }
    return result
  })
  return committed.catch(async doubt => {
    if (going === undefined || !isInDoubt(doubt)) throw doubt
    const end = await endOf(database, going.id)
    if (end === 'committed') return going.result
    throw end === 'aborted' ? nothingDone(doubt) : doubt
  })
}

/**
 * "When a client's connection is lost while a COMMIT is in progress": https://www.postgresql.org/docs/current/functions-info.html. Undefined if the
 * database does not say it in time.
 */
const endOf = async (database: Database, id: string): Promise<'committed' | 'aborted' | undefined> => {
  const until = performance.now() + longestMs
  while (true) {
    const found = await database
      .one<{ status: string | null }>(sql.fragment`SELECT pg_xact_status(${id}::xid8) AS status`)
      .catch(() => undefined)
    if (found?.status === 'committed' || found?.status === 'aborted') return found.status
    if (performance.now() >= until) return undefined
    await pause(250)
  }
}

/** A database that restarts is back by then, and clients still wait. */
const longestMs = 10_000

const nothingDone = (cause: unknown): FhirError =>
  new FhirError('transient', 'The connection to the database was lost before anything was done; try again', { cause })
