import { systems } from '../fhir/canonical.ts'
import { FhirError } from '../fhir/error.ts'
import type { Rule } from './policy.ts'

/** The error for a document that no policy accepts. */
export const unacceptable = (rule: Rule, message: string, expression: string): FhirError => {
  const details = { system: systems.documentFinding, code: rule }
  return FhirError.of([{ code: 'value', message, expression, details, pointer: '' }])
}
