import { FhirError } from '../../fhir/error.ts'

/** As if there were no such page: somebody who may not see something learns nothing more. */
export const notFound = (): never => {
  throw new FhirError('not-found', 'There is no such page')
}
