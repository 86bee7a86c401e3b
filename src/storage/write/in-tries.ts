import { setTimeout as pause } from 'node:timers/promises'
import type { Connection } from '../connection.ts'
import { isLockTimeout } from '../postgres/sql-state.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { unless } from './savepoint.ts'

/**
 * Runs what waits for others, and as long as they take long, stops waiting again and again to let those through who wait behind it. The last time it
 * waits as long as any statement may.
 */
export const inTries = async <Done>(
  connection: Connection,
  run: () => Promise<Done>,
  eachTry = twoSeconds,
): Promise<Done> => {
  for (let tries = 0; tries < mostTries; tries += 1) {
    const done: Done[] = []
    const isDone = await unless(connection, isLockTimeout, async () => {
      await connection.run(eachTry)
      done.push(await run())
      await connection.run(sql.fragment`SET LOCAL lock_timeout TO DEFAULT`)
    })
    if (isDone) return done[0] as Done
    await pause(pauseMs)
  }
  return run()
}

/** A minute in all, with the two seconds that each try takes. */
const mostTries = 20
const pauseMs = 1000

/** Longer than PostgreSQL takes to detect that two wait for each other. */
const twoSeconds = sql.fragment`SET LOCAL lock_timeout = '2s'`

/** Shorter than that: of two that wait for each other, the other is given up, or ends its wait. For whoever has done so much that it is not to be redone. */
export const aMomentEach: SqlFragment = sql.fragment`SET LOCAL lock_timeout = '900ms'`
