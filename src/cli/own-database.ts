import { readConfig } from '../config.ts'
import { FhirError } from '../fhir/error.ts'
import { startError } from '../start-error.ts'
import { type Database, openDatabase } from '../storage/database.ts'
import { migrate } from '../storage/migrate.ts'
import { openPostgresBeside } from '../storage/postgres.ts'

/** For a command that works on the database beside a running server, or without one. What was refused is told in one line. */
export const withOwnDatabase = async <T>(run: (database: Database) => Promise<T>): Promise<T> => {
  const postgres = await openPostgresBeside(readConfig(), () => {})
  try {
    await migrate(postgres.url, () => {})
    const database = openDatabase(postgres.url, { poolSize: 2 })
    try {
      return await run(database)
    } finally {
      await database.close()
    }
  } catch (error) {
    throw error instanceof FhirError ? startError(error.message, error) : error
  } finally {
    await postgres.close()
  }
}
