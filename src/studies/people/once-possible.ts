import { setTimeout as sleep } from 'node:timers/promises'
import { FhirError } from '../../fhir/error.ts'

/**
 * Does for one of many people what the database does not do at the moment, as while somebody derives anew who may see what, or when it is away: nothing
 * of it was done. Gives up after about two minutes.
 */
export const oncePossible = async <Done>(run: () => Promise<Done>, pauses = pausesMs): Promise<Done> => {
  try {
    return await run()
  } catch (error) {
    const [pauseMs, ...later] = pauses
    if (pauseMs === undefined || !isTransient(error)) throw error
    await sleep(pauseMs)
    return oncePossible(run, later)
  }
}

const isTransient = (error: unknown): boolean => error instanceof FhirError && error.issues[0].code === 'transient'

const pausesMs: readonly number[] = [1000, 5000, 15_000, 30_000, 60_000]
