import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** By how much this server's clock is ahead of or behind the one of its database. */
export type ClockDifference = { readonly seconds: number; readonly side: 'ahead of' | 'behind' }

/**
 * Undefined if the clocks differ by less than a second more than the question took. What begins or ends "now" is written by the clock of
 * this server, and the database decides by its own whether it is in force. So of two clocks that differ, what is ended goes on as long.
 */
export const readClockDifference = async (connection: Connection): Promise<ClockDifference | undefined> => {
  const asked = Date.now()
  const { at } = await connection.one<{ at: Date }>(sql.fragment`SELECT clock_timestamp() AS at`)
  const answered = Date.now()
  const aheadMs = (asked + answered) / 2 - at.getTime()
  if (Math.abs(aheadMs) - (answered - asked) / 2 < toleratedMs) return undefined
  return { seconds: Math.round(Math.abs(aheadMs) / 1000), side: aheadMs > 0 ? 'ahead of' : 'behind' }
}

const toleratedMs = 1000
