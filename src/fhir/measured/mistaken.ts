/** https://hl7.org/fhir/R4/valueset-observation-status.html */

/** The statuses of an Observation for which nothing was measured. */
export const mistakenStatuses = ['entered-in-error', 'cancelled'] as const

/** A resource that is marked as an error need not be valid: people can always take back what is theirs. */
export const isEnteredInError = (resource: object): boolean =>
  'status' in resource && resource.status === 'entered-in-error'
