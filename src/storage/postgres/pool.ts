import type pg from 'pg'
import type { Fail } from './sql-state.ts'

/** How much a pool of connections is used, and how long its users waited for one since it was opened. */
export type PoolUse = {
  readonly most: number
  readonly open: number
  readonly idle: number
  readonly waiting: number
  readonly waits: number
  readonly waitedMs: number
}

/** A pool whose waits are counted. */
export type Pool = {
  readonly connect: (fail: Fail) => Promise<pg.PoolClient>
  readonly use: () => PoolUse
  readonly end: () => Promise<void>
}

export const countingWaits = (pool: pg.Pool): Pool => {
  let waits = 0
  let waitedMs = 0
  const waited = async (fail: Fail) => {
    const from = performance.now()
    waits += 1
    try {
      return await pool.connect().catch(fail)
    } finally {
      waitedMs += performance.now() - from
    }
  }
  return {
    connect: fail => (isFull(pool) ? waited(fail) : pool.connect().catch(fail)),
    use: () => {
      const { totalCount: open, idleCount: idle, waitingCount: waiting } = pool
      return { most: pool.options.max, open, idle, waiting, waits, waitedMs }
    },
    end: () => pool.end(),
  }
}

/** Those that are idle may be promised already, to whoever asked in the same turn of the event loop. */
const isFull = ({ idleCount, waitingCount, totalCount, options }: pg.Pool): boolean =>
  idleCount <= waitingCount && totalCount >= options.max
