import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../connection.ts'
import { isConflict } from '../postgres/sql-state.ts'
import { sql } from '../sql.ts'

/** Runs one write of several: if it is refused, it alone is rolled back, and the others go on. */
export const isolated = async <Done>(
  connection: Connection,
  run: () => Promise<Done>,
): Promise<Done | { readonly outcome: 'refused'; readonly error: FhirError }> => {
  const attempted = await attempt(connection, run)
  return 'done' in attempted ? attempted.done : { outcome: 'refused', error: attempted.refused }
}

/** Answers what was done, or why it was refused; in that case it is rolled back. */
export const attempt = async <Done>(
  connection: Connection,
  run: () => Promise<Done>,
): Promise<{ readonly done: Done } | { readonly refused: FhirError }> => {
  const part = await behindSavepoint(connection, run, release, error => !isConflict(error))
  if ('done' in part) return part
  if (part.undone instanceof FhirError) return { refused: part.undone }
  throw part.undone
}

/** Runs a part of a transaction: if it throws, that part is rolled back, and the transaction can go on. */
export const allOrNothing = async <Done>(connection: Connection, run: () => Promise<Done>): Promise<Done> =>
  doneIn(await behindSavepoint(connection, run, release, error => !isConflict(error)))

/** Answers what `run` found, and rolls back whatever it wrote to find it, whether or not it throws. */
export const runAndRollBack = async <Found>(connection: Connection, run: () => Promise<Found>): Promise<Found> =>
  doneIn(await behindSavepoint(connection, run, undo, error => !isConflict(error)))

/** Whether it was done: if it throws an error that is expected, it is rolled back and the answer is false. */
export const unless = async (
  connection: Connection,
  isExpected: (error: unknown) => boolean,
  run: () => Promise<void>,
): Promise<boolean> => 'done' in (await behindSavepoint(connection, run, release, isExpected))

/** What was done, or the error for which it was rolled back. */
type Part<Done> = { readonly done: Done } | { readonly undone: unknown }

const doneIn = <Done>(part: Part<Done>): Done => {
  if ('done' in part) return part.done
  throw part.undone
}

/**
 * Throws if the transaction cannot go on: what fails may also be the savepoint itself, for which no part of the transaction is to blame.
 *
 * However it ends, the savepoint is released: one that stayed would be what the savepoint around it is rolled back to, and take memory
 * until the commit.
 */
const behindSavepoint = async <Done>(
  connection: Connection,
  run: () => Promise<Done>,
  end: (connection: Connection) => Promise<void>,
  isUndone: (error: unknown) => boolean,
): Promise<Part<Done>> => {
  await connection.run(sql.fragment`SAVEPOINT write`)
  try {
    const done = await run()
    await end(connection)
    return { done }
  } catch (error) {
    if (!isUndone(error)) throw error
    await undo(connection)
    return { undone: error }
  }
}

const release = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`RELEASE SAVEPOINT write`)
}

const undo = async (connection: Connection): Promise<void> => {
  await connection.run(sql.fragment`ROLLBACK TO SAVEPOINT write`)
  await connection.later(sql.fragment`RELEASE SAVEPOINT write`)
}
