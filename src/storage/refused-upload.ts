import type { Issue } from '../fhir/error.ts'

/** What is kept of an Observation that a validation policy refused. */
export type RefusedBody = {
  /** The body, as JSON. */
  readonly sent: string
  readonly ifNoneExist?: string
  /** `omh:heart-rate:2.0`. */
  readonly schema: string
  readonly issues: readonly Issue[]
  /** The first of the reasons, and where it is. Neither says a value. */
  readonly rule: string
  readonly pointer: string
}

export type Kept =
  | { readonly kind: 'kept'; readonly id: string; readonly patientId: number; readonly kindId: number }
  /** There is no room left for more from its source, or of its patient. */
  | { readonly kind: 'full' }
  /** Whoever sent it may not write such a thing for this patient. */
  | { readonly kind: 'not-theirs' }
