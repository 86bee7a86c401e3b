import pRetry from 'p-retry'
import { isOtherJoining } from './other-joining.ts'
import { isConflict, isLockTimeout } from './postgres/sql-state.ts'

/**
 * Runs it anew as long as it meets a conflict: not after it has waited for a lock as long as it may, and not at once if others are being joined. `run`
 * gets the error of the last attempt. What it throws is to be an Error: p-retry takes anything else for a fault.
 */
export const retried = <T>(run: (last?: unknown) => Promise<T>): Promise<T> => {
  let last: unknown
  return pRetry(() => run(last), {
    ...aFewTimes,
    shouldRetry: ({ error }) => {
      last = error
      return isConflict(error) && !isLockTimeout(error) && !isOtherJoining(error)
    },
  })
}

/** With pauses of a length of their own for each, so that those that met do not meet again. */
export const aFewTimes = { retries: 4, minTimeout: 20, randomize: true }
