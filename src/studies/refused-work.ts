import { FhirError } from '../fhir/error.ts'

/** Why something that was asked for on a page was not done in the background, for people; undefined where it is a fault of ours. */
export const refusedWork = (error: unknown): string | undefined => {
  if (!(error instanceof FhirError) || error.status >= 500) return undefined
  return error.status === 403 ? 'You may not do this, or no longer' : error.message
}

export const ownFault = 'Something went wrong on this server'
