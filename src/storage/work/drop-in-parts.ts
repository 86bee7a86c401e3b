import type { Connection } from '../database.ts'
import { name, type SqlFragment, sql } from '../sql.ts'

type Dropped = {
  readonly table: string
  readonly isOld: SqlFragment
  /** How many in one statement. */
  readonly most?: number
  readonly closing?: AbortSignal | undefined
}

/**
 * Deletes the old rows of a table in parts, each by itself: if more have gathered than a statement may take time for, as after years without a server
 * or when they are kept for a shorter time than before, one that deletes all would fail each time. A row that is changed meanwhile stays.
 */
export const dropInParts = async (
  connection: Connection,
  { table, isOld, most = 5000, closing }: Dropped,
): Promise<void> => {
  while (!closing?.aborted) {
    const dropped = await connection.run(sql.fragment`
      DELETE FROM ${name(table)}
      WHERE ctid = ANY(ARRAY(SELECT ctid FROM ${name(table)} WHERE ${isOld} LIMIT ${most}))`)
    if (dropped < most) return
  }
}
