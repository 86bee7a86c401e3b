import { FhirError } from '../../fhir/error.ts'

/** A field of a form is not as a page of ours sends it: whoever sent it is told which, and what is accepted. */
export class FieldError extends FhirError {
  readonly field: string
  /** The values that it may have; undefined if it may be any text, but only one. */
  readonly accepted: readonly string[] | undefined

  constructor(field: string, accepted?: readonly string[]) {
    const rule = accepted === undefined ? 'be sent once, and as text' : `be one of: ${accepted.join(', ')}`
    super('invalid', `The field ${field} must ${rule}`, { expression: field })
    this.field = field
    this.accepted = accepted
  }
}
