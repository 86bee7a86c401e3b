import pRetry, { type Options } from 'p-retry'
import { FhirError } from '../../fhir/error.ts'

/**
 * Does for one of many people what the database does not do at the moment, as while somebody derives anew who may see what, or when it is away: nothing
 * of it was done. Gives up after about two minutes.
 */
export const oncePossible = <Done>(run: () => Promise<Done>, tries = usualTries): Promise<Done> =>
  pRetry(run, { ...tries, shouldRetry: ({ error }) => isTransient(error) })

export type Tries = Pick<Options, 'retries' | 'minTimeout' | 'factor' | 'maxTimeout'>

/** After 1, 3, 9, 27 and 60 seconds. */
const usualTries: Tries = { retries: 5, minTimeout: 1000, factor: 3, maxTimeout: 60_000 }

const isTransient = (error: unknown): boolean => error instanceof FhirError && error.issues[0].code === 'transient'
