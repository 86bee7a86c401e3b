import type { Connection } from './database.ts'
import type { DiskRoom } from './disk-room.ts'
import { countMigrations } from './migrate.ts'
import { sql } from './sql.ts'

/** Answers whether the database can be reached, has every migration that this code knows, and room for what is to be recorded. */
export const openReadiness = async (
  connection: Connection,
  room: Pick<DiskRoom, 'isThere'>,
): Promise<() => Promise<boolean>> => {
  const known = await countMigrations()
  return async () => {
    const { applied } = await connection.one<{ applied: number }>(
      sql.fragment`SELECT count(*)::int AS applied FROM migration`,
    )
    return applied === known && (await room.isThere(connection))
  }
}
