import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import type { DiskRoom } from './disk-room.ts'
import { countMigrations } from './migrate.ts'

/** Answers whether the database can be reached and written, has every migration that this code knows, and has room for what is to be recorded. */
export const openReadiness = async (
  connection: Connection,
  room: Pick<DiskRoom, 'isThere'>,
): Promise<() => Promise<boolean>> => {
  const known = await countMigrations()
  return async () => {
    const { applied, writable } = await connection.one<{ applied: number; writable: boolean }>(sql.fragment`
      SELECT count(*)::int AS applied, current_setting('transaction_read_only') = 'off' AS writable FROM migration`)
    return applied === known && writable && (await room.isThere(connection))
  }
}
