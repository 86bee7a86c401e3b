import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Undefined if it has none. */
export const studyTitle = async (connection: Connection, study: string): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ readonly title: string | null }>(
      sql.fragment`SELECT content ->> 'title' AS title FROM research_study WHERE id = ${study}`,
    )
  )?.title ?? undefined
