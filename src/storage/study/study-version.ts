import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** As in `meta.versionId`; undefined if there is no such study. */
export const findStudyVersion = async (connection: Connection, study: string): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ readonly version: string }>(
      sql.fragment`SELECT version::text AS version FROM research_study WHERE patient_id = 0 AND id = ${study}`,
    )
  )?.version
