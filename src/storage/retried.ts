import { isOtherJoining } from './other-joining.ts'
import { isConflict, isLockTimeout } from './postgres/sql-state.ts'

/**
 * Runs it anew as long as it meets a conflict: not after it has waited for a lock as long as it may, and not at once if others are being joined. `run`
 * gets the error of the last attempt.
 */
export const retried = async <T>(
  run: (last?: unknown) => Promise<T>,
  attempts = mostAttempts,
  last?: unknown,
): Promise<T> => {
  try {
    return await run(last)
  } catch (error) {
    if (attempts <= 1 || !isConflict(error) || isLockTimeout(error) || isOtherJoining(error)) throw error
    await aMoment()
    return retried(run, attempts - 1, error)
  }
}

/** Of a length of its own for each, so that those that met do not meet again. */
export const aMoment = (): Promise<void> => new Promise(resolve => setTimeout(resolve, 5 + Math.random() * 40))

export const mostAttempts = 5
