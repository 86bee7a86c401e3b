import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Notes that one was begun, and leaves the note if it fails or its process is killed: then some of what it makes is still as it was. */
export const notingReindex = async <Done>(connection: Connection, run: () => Promise<Done>): Promise<Done> => {
  const { at } = await connection.one<{ at: string }>(
    sql.fragment`INSERT INTO reindex_begun (at) VALUES (clock_timestamp()) RETURNING at::text`,
  )
  const done = await run()
  // What earlier ones have left undone is done as well.
  await connection.run(sql.fragment`DELETE FROM reindex_begun WHERE at <= ${at}::timestamptz`)
  return done
}

/** When the latest was begun that has not come to its end; it may still be under way. */
export const findReindexBegun = async (connection: Connection): Promise<Date | undefined> =>
  (await connection.maybeOne<{ at: Date }>(sql.fragment`SELECT at FROM reindex_begun ORDER BY at DESC LIMIT 1`))?.at
