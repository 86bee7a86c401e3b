import type { Parameters } from '@medplum/fhirtypes'
import type { FhirResponse } from '../interactions/interaction.ts'

/** What an operation gives back. https://hl7.org/fhir/R4/parameters.html */
export const parametersResponse = (parameter: NonNullable<Parameters['parameter']>): FhirResponse => ({
  status: 200,
  body: { kind: 'text', text: JSON.stringify({ resourceType: 'Parameters', parameter } satisfies Parameters) },
})
