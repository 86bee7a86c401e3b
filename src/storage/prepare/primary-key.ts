import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Hands out pks. The sequence gives blocks of a thousand, so that most writes need no round trip for them. */
export const openPrimaryKeys = (connection: Connection): (() => Promise<string>) => {
  let next = 0n
  let end = 0n
  let loading: Promise<void> | undefined
  const load = async () => {
    const { block } = await connection.one<{ block: string }>(sql.fragment`SELECT nextval('resource_pk') AS block`)
    next = BigInt(block)
    end = next + blockSize
  }
  return async () => {
    while (next === end) {
      // Dropped even if it failed: kept, it would make everything fail that is ever created.
      loading ??= load().finally(() => {
        loading = undefined
      })
      await loading
    }
    const pk = next
    next += 1n
    return String(pk)
  }
}

/** INCREMENT of the sequence. */
const blockSize = 1000n
