import { systems } from '../fhir/canonical.ts'
import { FhirError } from '../fhir/error.ts'
import type { Rule } from './policy.ts'

/** Refuses the document by every policy. */
export const unacceptable = (rule: Rule, message: string, expression: string): FhirError => {
  const details = { system: systems.documentFinding, code: rule }
  return FhirError.of([{ code: 'value', message, expression, details, pointer: '' }])
}
