import { FhirError } from '../fhir/error.ts'

/**
 * Tells people why something that they asked for on a page was not done in the background; undefined if it is a fault of ours, or took too
 * long, since the next try may succeed.
 */
export const refusedWork = (error: unknown): string | undefined => {
  if (!(error instanceof FhirError) || error.status >= 500 || error.issues[0].code === 'too-costly') return undefined
  return error.status === 403 ? 'You may not do this, or no longer' : error.message
}
