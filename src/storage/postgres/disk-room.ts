import { type SqlFragment, sql } from '../sql.ts'
import { type Fail, isNoRoom } from './sql-state.ts'

/**
 * Whether PostgreSQL has room on its disk. As long as nothing has failed for lack of room, the answer is yes and costs nothing; after that, it is
 * tried. There is one for everything that a server has opened of a database.
 */
export type DiskRoom = {
  /** The same, but failures for lack of room are noted. */
  readonly noting: (fail: Fail) => Fail
  /** Also true if it cannot be tried, for example by a role that may make no temporary tables: then the next write will find out. */
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

/** Its file is made like those of all tables, and is gone at once. */
const aMegabyte = sql.fragment`
  CREATE TEMPORARY TABLE disk_room ON COMMIT DROP AS
  SELECT repeat('x', 1000) FROM generate_series(1, 1000)`
