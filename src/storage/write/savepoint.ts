import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { isConflict } from '../postgres/sql-state.ts'
import { sql } from '../sql.ts'

/** One write of several: where it is refused, whatever it had done by then is undone, and the others go on. */
export const isolated = async <Done>(
  connection: Connection,
  run: () => Promise<Done>,
): Promise<Done | { readonly outcome: 'refused'; readonly error: FhirError }> => {
  const attempted = await attempt(connection, run)
  return 'done' in attempted ? attempted.done : { outcome: 'refused', error: attempted.refused }
}

/** What was done, or why it was refused, and then it is undone. */
export const attempt = async <Done>(
  connection: Connection,
  run: () => Promise<Done>,
): Promise<{ readonly done: Done } | { readonly refused: FhirError }> => {
  try {
    return { done: await allOrNothing(connection, run) }
  } catch (error) {
    if (!(error instanceof FhirError) || isConflict(error)) throw error
    return { refused: error }
  }
}

/** A part of a transaction, which goes on whatever becomes of it: where it throws, nothing of it was done. */
export const allOrNothing = <Done>(connection: Connection, run: () => Promise<Done>): Promise<Done> =>
  behindSavepoint(connection, run, release, error => !isConflict(error))

/** What was found, and whatever was done for it is undone; also where it throws. */
export const undone = <Found>(connection: Connection, run: () => Promise<Found>): Promise<Found> =>
  behindSavepoint(connection, run, undo, error => !isConflict(error))

/** Whether it was done: not where it throws what is expected, and then it is undone. */
export const unless = async (
  connection: Connection,
  isExpected: (error: unknown) => boolean,
  run: () => Promise<void>,
): Promise<boolean> => {
  try {
    await behindSavepoint(connection, run, release, isExpected)
    return true
  } catch (error) {
    if (!isExpected(error)) throw error
    return false
  }
}

/** However it ends, the savepoint is gone: one that stayed would be what the next one around it is rolled back to, and takes memory until the commit. */
const behindSavepoint = async <Done>(
  connection: Connection,
  run: () => Promise<Done>,
  end: (connection: Connection) => Promise<void>,
  isUndone: (error: unknown) => boolean,
): Promise<Done> => {
  await connection.run(sql.fragment`SAVEPOINT write`)
  try {
    const done = await run()
    await end(connection)
    return done
  } catch (error) {
    if (isUndone(error)) await undo(connection)
    throw error
  }
}

const release = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`RELEASE SAVEPOINT write`)
}

const undo = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`ROLLBACK TO SAVEPOINT write`)
  await connection.later(sql.fragment`RELEASE SAVEPOINT write`)
}
