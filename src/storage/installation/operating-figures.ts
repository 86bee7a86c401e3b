import { readUnsealed } from '../audit/seal/unsealed.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { readBackups } from './backup.ts'
import { countJobs, countLetters } from './system-state.ts'

/** What monitoring asks the database every few seconds: figures, and nothing of what is stored. */
export const readOperatingFigures = async (connection: Connection) => {
  const { bytes } = await connection.one<{ bytes: string }>(
    sql.fragment`SELECT pg_database_size(current_database())::text AS bytes`,
  )
  return {
    bytes: Number(bytes),
    unsealed: await readUnsealed(connection),
    jobs: (await countJobs(connection)) ?? [],
    letters: await countLetters(connection),
    lastBackup: (await readBackups(connection)).last?.taken,
  }
}
