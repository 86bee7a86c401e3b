/** https://hl7.org/fhir/R4/valueset-observation-status.html */

/** Of an Observation for which nothing was measured. */
export const mistakenStatuses = ['entered-in-error', 'cancelled'] as const

/** What is known to be an error need not be right: people can always take back what is theirs. */
export const isEnteredInError = (resource: object): boolean =>
  'status' in resource && resource.status === 'entered-in-error'
