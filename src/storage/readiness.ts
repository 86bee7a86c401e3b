import type { Connection } from './database.ts'
import { countMigrations } from './migrate.ts'
import { sql } from './sql.ts'

/** Answers whether the database can be reached and has every migration that this code knows. */
export const openReadiness = async (connection: Connection): Promise<() => Promise<boolean>> => {
  const known = await countMigrations()
  return async () => {
    const { applied } = await connection.one<{ applied: number }>(
      sql.fragment`SELECT count(*)::int AS applied FROM migration`,
    )
    return applied === known
  }
}
