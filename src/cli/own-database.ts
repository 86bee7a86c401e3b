import { readConfig } from '../config.ts'
import type { Tell } from '../events/event.ts'
import { FhirError } from '../fhir/error.ts'
import { startError } from '../start-error.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { migrate } from '../storage/postgres/migrate.ts'
import { openPostgresBeside } from '../storage/postgres/postgres.ts'

/** Says so if a database was created: otherwise a mistake in the environment would look like an empty server. */
const tell: Tell = event => {
  if (event.kind === 'database-created')
    process.stderr.write(
      `There was no database in ${event.folder}, so a new one was made. Where the server has another, give its DATABASE_URL or DATA_DIR.\n`,
    )
}

/** For a command that uses the database, with or without a running server. A refusal is printed as one line. */
export const withOwnDatabase = async <T>(run: (database: Database) => Promise<T>): Promise<T> => {
  const postgres = await openPostgresBeside(readConfig(), tell)
  try {
    await migrate(postgres.url, () => {})
    const database = openDatabase(postgres.url, { poolSize: 2 })
    try {
      return await run(database)
    } finally {
      await database.close()
    }
  } catch (error) {
    return inOneLine(error)
  } finally {
    await postgres.close()
  }
}

/** Throws a refusal, such as that the database is away, so that it is printed as one line. */
export const inOneLine = (error: unknown): never => {
  throw error instanceof FhirError ? startError(error.message, error) : error
}
