import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
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
  await connection.run(sql.fragment`SAVEPOINT write`)
  try {
    const done = await run()
    await connection.run(sql.fragment`RELEASE SAVEPOINT write`)
    return { done }
  } catch (error) {
    // A conflict with another transaction is nobody's fault: the whole is tried again.
    if (!(error instanceof FhirError) || error.issues[0].code === 'transient') throw error
    await connection.run(sql.fragment`ROLLBACK TO SAVEPOINT write`)
    return { refused: error }
  }
}

/** What was found, and whatever was done for it is undone. Where it throws, the transaction has failed. */
export const undone = async <Found>(connection: Connection, run: () => Promise<Found>): Promise<Found> => {
  await connection.run(sql.fragment`SAVEPOINT tried`)
  const found = await run()
  await connection.run(sql.fragment`ROLLBACK TO SAVEPOINT tried`)
  return found
}
