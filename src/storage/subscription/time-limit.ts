import type { Connection } from '../database.ts'
import { sql, word } from '../sql.ts'

/** In ms: `all` for everybody who is asked one after another, and `one` for each of them. */
type Times = { readonly all: number; readonly one: number }

export type TimeLimit = {
  /** For what is asked next. If `all` is nearly over it gets `least`, so that quick questions are answered all the same. */
  readonly set: (least: number) => Promise<void>
  /** For the statements behind it, which are nobody's question. */
  readonly lift: () => Promise<void>
}

/** Limits how long questions of many people hold up the transaction that asks them, however many they are. */
export const openTimeLimit = (connection: Connection, { all, one }: Times): TimeLimit => {
  const end = performance.now() + all
  let limit: number | undefined
  return {
    set: async least => {
      const left = Math.round(end - performance.now())
      const ms = Math.max(least, Math.min(left, one))
      if (ms !== limit) await connection.run(sql.fragment`SET LOCAL statement_timeout = ${word(`${ms}`)}`)
      limit = ms
    },
    lift: async () => {
      if (limit !== undefined) await connection.run(sql.fragment`SET LOCAL statement_timeout TO DEFAULT`)
      limit = undefined
    },
  }
}
