import type { Issue } from '../../fhir/error.ts'
import type { Expression } from '../../search/expression.ts'

/** What somebody looks after: ResearchStudys that they lead, and Organizations that they manage. */
export type QuarantineKeepers = { readonly studies: Expression; readonly organizations: Expression }

/** Documents that were refused alike, wherever in a series: by JSON pointer in the document, or by the element of the Observation. */
export type QuarantineGroup = { readonly rule: string; readonly pointer: string; readonly schema: string }

export type QuarantinedAsked = {
  /** By id of the ResearchStudy, or of the source Device; an empty one is no source that is known. */
  readonly of: { readonly kind: 'study' | 'source'; readonly id: string }
  readonly keepers: QuarantineKeepers
  readonly state: 'waiting' | 'settled'
  readonly group?: QuarantineGroup | undefined
  /** The newest first, unless what was not tried, or longest ago, is wanted first. */
  readonly order?: 'tried'
  readonly offset: number
  readonly limit: number
}

/** Nothing of it says what the document says, or whose it is. */
export type Quarantined = QuarantineGroup & {
  readonly id: string
  readonly firstAt: Date
  readonly lastAt: Date
  /** How often it was sent. */
  readonly times: number
  readonly state: 'waiting' | 'taken' | 'removed'
  /** When somebody last had it taken, and why that was refused. */
  readonly triedAt: Date | null
  readonly refusal: string | null
  /** Id of what it became. */
  readonly observation: string | null
}

export type QuarantinedPage = {
  /** The newest first. */
  readonly groups: readonly (QuarantineGroup & {
    readonly documents: number
    readonly times: number
    readonly lastAt: Date
  })[]
  readonly documents: readonly Quarantined[]
}

export type QuarantinedDocument = Quarantined & {
  /** The app that sent it last, by name. */
  readonly client: string | null
  readonly source: string
  /** Those of its studies that the reader leads. */
  readonly studies: readonly string[]
  /** Whether it is the reader's by an organization. */
  readonly isOfOrganization: boolean
  readonly interaction: 'create' | 'update'
  /** It refers to what was refused with it. */
  readonly isLost: boolean
  /** Absent for whoever may not read it, and once it is settled. */
  readonly document?: {
    readonly sent: string
    readonly issues: readonly Issue[]
    readonly patient: string
    readonly patientId: number
    readonly kindId: number
  }
}

/** As what it was sent, and the number of its compartment. */
export type Settled = { readonly interaction: 'create' | 'update'; readonly patientId: number }

/** What is done with one. */
export type Settling =
  | { readonly kind: 'taken'; readonly observation: string }
  | { readonly kind: 'refused'; readonly refusal: string }
  | { readonly kind: 'removed' }
