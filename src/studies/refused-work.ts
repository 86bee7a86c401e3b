import { FhirError } from '../fhir/error.ts'

/**
 * Why something that was asked for on a page was not done in the background, for people; undefined where it is a fault of ours, or took
 * longer than it may: that can be otherwise at the next try.
 */
export const refusedWork = (error: unknown): string | undefined => {
  if (!(error instanceof FhirError) || error.status >= 500 || error.issues[0].code === 'too-costly') return undefined
  return error.status === 403 ? 'You may not do this, or no longer' : error.message
}

export const ownFault = 'Something went wrong on this server'
