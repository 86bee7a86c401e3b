import { FhirError } from '../../fhir/error.ts'

/** As if there were no such page: whoever may not see something is told no more. */
export const notFound = (): never => {
  throw new FhirError('not-found', 'There is no such page')
}
