import { type SqlFragment, sql } from '../sql.ts'
import { type Fail, isNoRoom } from './sql-state.ts'

/**
 * Whether PostgreSQL has room on its disk: as long as nothing has failed for want of it that is taken for so, and asking costs nothing;
 * afterwards it is tried. One for all that a server has opened of a database.
 */
export type DiskRoom = {
  /** The same, and what fails for want of room is noted. */
  readonly noting: (fail: Fail) => Fail
  /** True as well where it cannot be tried, as by a role that may make no temporary table: the next that finds no room tells. */
  readonly isThere: (connection: { readonly run: (query: SqlFragment) => Promise<unknown> }) => Promise<boolean>
}

export const openDiskRoom = (): DiskRoom => {
  let wasMissing = false
  return {
    noting: fail => error =>
      fail(error).catch(told => {
        wasMissing ||= isNoRoom(told)
        throw told
      }),
    isThere: async connection => {
      if (!wasMissing) return true
      wasMissing = await connection.run(aMegabyte).then(() => false, isNoRoom)
      return !wasMissing
    },
  }
}

/** Its file is made as those of all tables are, and gone at once. */
const aMegabyte = sql.fragment`
  CREATE TEMPORARY TABLE disk_room ON COMMIT DROP AS
  SELECT repeat('x', 1000) FROM generate_series(1, 1000)`
