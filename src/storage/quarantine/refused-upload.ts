import type { Issue } from '../../fhir/error.ts'
import type { Conditions } from '../write/conditions.ts'

/** What was asked for, beside the body: what is tried again is the same once more. */
export type AskedAs = {
  /** Of a conditional create; of a conditional update that met nothing, which is then a create as well. */
  readonly ifNoneExist?: string
  readonly update?: UpdateAsked
  /** It refers to what was to be written with it, and was refused with it. */
  readonly isLost?: true
}

export type UpdateAsked = Conditions & {
  /** Absent where its criteria met nothing. */
  readonly id?: string
}

/** What is kept of an Observation whose document was refused. */
export type RefusedBody = AskedAs & {
  /** The body, as JSON. */
  readonly sent: string
  /** `omh:heart-rate:2.0`, or `unknown`. */
  readonly schema: string
  readonly issues: readonly Issue[]
  /** The first of the reasons, and where it is: in the document, or in the Observation. Neither says a value. */
  readonly rule: string
  readonly pointer: string
}

export type Kept =
  | { readonly kind: 'kept'; readonly id: string; readonly patientId: number; readonly kindId: number }
  /** There is no room left for more from its source, or of its patient. */
  | { readonly kind: 'full' }
  /** Whoever sent it may not write such a thing for this patient. */
  | { readonly kind: 'not-theirs' }
