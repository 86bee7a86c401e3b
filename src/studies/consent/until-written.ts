import { FhirError } from '../../fhir/error.ts'

/** Runs anew if another write came between. For what is to happen whatever was written meanwhile, such as that something ends. */
export const untilWritten = async <T>(run: (attempt: number) => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run(attempt)
    } catch (error) {
      if (!isWrittenMeanwhile(error) || attempt === mostAttempts) throw error
    }
  }
}

const mostAttempts = 5

/** Whether it was not written because somebody else wrote the same resource meanwhile. */
export const isWrittenMeanwhile = (error: unknown): boolean =>
  error instanceof FhirError && ['conflict', 'duplicate'].includes(error.issues[0].code)
