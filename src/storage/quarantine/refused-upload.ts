import type { Issue } from '../../fhir/error.ts'
import type { Conditions } from '../write/conditions.ts'

/** What was asked for, besides the body: trying again repeats just that. */
export type AskedAs = {
  /** For a conditional create, and for a conditional update that matched nothing, which is then a create as well. */
  readonly ifNoneExist?: string
  readonly update?: UpdateAsked
  /** It refers to something that was to be written with it, and was refused with it. */
  readonly isLost?: true
}

export type UpdateAsked = Conditions & {
  /** Absent if its criteria matched nothing. */
  readonly id?: string
}

/** What is kept of an Observation whose document was refused. */
export type RefusedBody = AskedAs & {
  /** The body, as JSON. */
  readonly sent: string
  /** `omh:heart-rate:2.0`, or `unknown`. */
  readonly schema: string
  readonly issues: readonly Issue[]
  /** The first of the reasons, and its place in the document or in the Observation. Neither reveals a value. */
  readonly rule: string
  readonly pointer: string
}

export type Kept =
  | { readonly kind: 'kept'; readonly id: string; readonly patientId: number; readonly kindId: number }
  /** There is no room left for its source, or for its patient. */
  | { readonly kind: 'full' }
  /** The sender may not write such a thing for this patient. */
  | { readonly kind: 'not-theirs' }
