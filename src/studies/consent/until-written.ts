import pRetry from 'p-retry'
import { FhirError } from '../../fhir/error.ts'

/** Runs anew if another write came between. For what is to happen whatever was written meanwhile, such as that something ends. */
export const untilWritten = <T>(run: (attempt: number) => Promise<T>): Promise<T> =>
  pRetry(run, { retries: 4, minTimeout: 0, shouldRetry: ({ error }) => isWrittenMeanwhile(error) })

/** Whether it was not written because somebody else wrote the same resource meanwhile. */
export const isWrittenMeanwhile = (error: unknown): boolean =>
  error instanceof FhirError && ['conflict', 'duplicate'].includes(error.issues[0].code)
