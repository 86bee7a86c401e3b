import type { Issue } from '../../fhir/error.ts'
import type { Expression } from '../../search/expression.ts'
import type { Connection } from '../database.ts'

/** The part of a store that has what was refused. */
export type Quarantine = {
  /** For whoever looks after it, who may not be able to read Observations. */
  readonly quarantined: (asked: QuarantinedAsked) => Promise<QuarantinedPage>
  /** Its content is only for those who may read such an Observation. Undefined for those who do not look after it. */
  readonly quarantinedDocument: (id: string, keepers: QuarantineKeepers) => Promise<QuarantinedDocument | undefined>
  /** What is waiting of a patient, for those who could read it if it had been accepted. */
  readonly refusedOf: (asked: RefusedAsked) => Promise<readonly RefusedReading[]>
  /** One of these. Undefined for everybody else, and if it is no longer waiting. */
  readonly refusedDocument: (id: string) => Promise<RefusedDocument | undefined>
  /** Removes it, for those who could delete it if it had been accepted. Undefined for everybody else. */
  readonly removeRefused: (id: string) => Promise<Settled | undefined>
  /** Undefined if it is not waiting, or not theirs. `beside`: the transaction of another store, in whose commit it is settled. */
  readonly settleQuarantined: (
    id: string,
    keepers: QuarantineKeepers,
    settling: Settling,
    beside?: Connection,
  ) => Promise<Settled | undefined>
}

/** What somebody looks after: the ResearchStudys that they lead, and the Organizations that they manage. */
export type QuarantineKeepers = { readonly studies: Expression; readonly organizations: Expression }

/** Documents that were refused for the same reason: by JSON pointer in the document, wherever in a series, or by the element of the Observation. */
export type QuarantineGroup = { readonly rule: string; readonly pointer: string; readonly schema: string }

export type QuarantinedAsked = {
  /** By the id of the ResearchStudy, or of the source Device; empty for an unknown source. */
  readonly of: { readonly kind: 'study' | 'source'; readonly id: string }
  readonly keepers: QuarantineKeepers
  readonly state: 'waiting' | 'settled'
  readonly group?: QuarantineGroup | undefined
  /** By when they came last; `often`: by how often; `tried`: those first that were never tried again, or longest ago. */
  readonly order: 'latest' | 'oldest' | 'often' | 'tried'
  readonly offset: number
  readonly limit: number
}

/** Nothing in it reveals what the document says, or whose it is. */
export type Quarantined = QuarantineGroup & {
  readonly id: string
  readonly firstAt: Date
  readonly lastAt: Date
  /** How often it was sent. */
  readonly times: number
  readonly state: 'waiting' | 'taken' | 'removed'
  /** When it was last tried again, and why it was refused then. */
  readonly triedAt: Date | null
  readonly refusal: string | null
  /** Id of the Observation that it became. */
  readonly observation: string | null
}

export type QuarantinedPage = {
  /** In the same order as the documents. */
  readonly groups: readonly (QuarantineGroup & {
    readonly documents: number
    readonly times: number
    readonly lastAt: Date
  })[]
  readonly documents: readonly Quarantined[]
}

export type QuarantinedDocument = Quarantined & {
  /** The name of the app that sent it last. */
  readonly client: string | null
  readonly source: string
  /** Those of its studies that the reader leads. */
  readonly studies: readonly string[]
  /** Whether the reader sees it through an organization. */
  readonly isOfOrganization: boolean
  readonly interaction: 'create' | 'update'
  /** Whether it refers to something that was refused with it. */
  readonly isLost: boolean
  /** Absent if the reader may not read it, and once it is settled. */
  readonly document?: SentDocument
}

export type SentDocument = {
  readonly sent: string
  readonly issues: readonly Issue[]
  readonly patient: string
  readonly patientId: number
  readonly kindId: number
}

/** By id of one of the Patients of a compartment. */
export type RefusedAsked = {
  readonly patient: string
  readonly order: 'latest' | 'oldest'
  readonly offset: number
  readonly limit: number
}

/** What is waiting of a patient, for those who could read it if it had been accepted. */
export type RefusedReading = QuarantineGroup &
  Pick<Quarantined, 'id' | 'firstAt' | 'lastAt' | 'times'> &
  Pick<QuarantinedDocument, 'client' | 'source'>

/** `document` is absent if it is unclear what kind of data it is, or whose. */
export type RefusedDocument = RefusedReading & Pick<QuarantinedDocument, 'document'>

/** As what it was sent, and the number of its compartment. */
export type Settled = { readonly interaction: 'create' | 'update'; readonly patientId: number }

/** What is done with a document. */
export type Settling =
  | { readonly kind: 'taken'; readonly observation: string }
  | { readonly kind: 'refused'; readonly refusal: string }
  | { readonly kind: 'removed' }
