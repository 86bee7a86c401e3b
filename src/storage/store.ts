import type { Meta, Observation, Resource, ResourceType } from '@medplum/fhirtypes'
import type { Interval } from '../fhir/date.ts'
import type { FhirError } from '../fhir/error.ts'
import type { Subset } from '../fhir/subset.ts'
import type { FindTerminology } from '../fhir/terminology/expansion.ts'
import type { Search } from '../search/search.ts'
import type { Connection } from './database.ts'
import type { CompletenessAsked, CompletenessRow } from './figures/completeness.ts'
import type {
  GlucoseProfileAsked,
  GlucoseProfileRow,
  LastN,
  PressureAsked,
  PressureRow,
  SeriesAsked,
  SeriesRow,
  StatisticsAsked,
  StatisticsRow,
} from './figures/figures.ts'
import type { Planned } from './planned.ts'
import type { Quarantine } from './quarantine/quarantine-asked.ts'
import type { Kept, RefusedBody } from './quarantine/refused-upload.ts'
import type { RowsAsked, Unseen, Whose } from './search/rows-asked.ts'
import type { Arrival, ArrivalsAsked } from './study/arrivals.ts'
import type { SharersAsked } from './study/sharer-lists.ts'
import type { Sharers } from './study/sharers.ts'
import type { StudyPeople, StudyPeopleAsked } from './study/study-people.ts'
import type { Binding } from './subscription/binding-token.ts'
import type { Question } from './subscription/question.ts'
import type { Event, EventRange } from './subscription/subscription-event.ts'
import type { Ingest, IngestAsked } from './upload/ingest-asked.ts'
import type { Conditions } from './write/conditions.ts'

/** A resource as it is stored. `content` is its JSON text, which is never parsed on the way out. */
export type Stored = {
  readonly type: ResourceType
  readonly id: string
  readonly versionId: string
  readonly lastUpdated: Date
  readonly content: string
  /** Its compartment; 0 if it is in none, or in several. */
  readonly patientId: number
  /** For an Observation: the number of its kind. */
  readonly kindId?: number | undefined
  /** If it was just written: its key within the compartment. */
  readonly pk?: string | undefined
  /** For an Observation that was just written: the number of its source. */
  readonly deviceId?: number | undefined
}

/** One line of a history. `content` is absent if the version is a deletion. */
export type Version = Omit<Stored, 'content'> & {
  readonly content?: string
  readonly method: 'POST' | 'PUT' | 'DELETE'
}

/** Deletions have no content. */
export type Whole = Pick<Version, 'type' | 'content'>

export type HistoryAsked = {
  readonly count: number
  /** Only versions made at this instant or later. */
  readonly since?: string
  /** Only versions that were current at some point in it. */
  readonly at?: Interval
  readonly cursor: string | undefined
}

export type VersionPage = { readonly entries: readonly Version[]; readonly next?: string; readonly total?: number }

export type Page = {
  readonly entries: readonly Stored[]
  /** What `_include` and `_revinclude` add. `leftOut`: not all of it is there. */
  readonly included: readonly Stored[]
  readonly leftOut: boolean
  /** Opaque texts of cursors: after the page, before it, and after one of its entries; absent on the last, on the first, and on a page of several searches. */
  readonly next?: string
  readonly previous?: string
  readonly after?: (place: number) => string | undefined
  readonly total?: number
}

/** One change that is asked for. `resource` is valid already; the store sets ids and `meta`. */
export type Write =
  | {
      readonly kind: 'create'
      readonly resource: Resource
      /** Given by a transaction that has resolved references to it, or by a caller who may choose ids. */
      readonly id?: string
      /** If-None-Exist: with one match the outcome is `unchanged`, several are refused with 412. */
      readonly ifNoneExist?: Search
      /** The identity of the Open mHealth document. The same key again is `unchanged` or the next version. */
      readonly uploadKey?: UploadKey
      /** What the document says about the device that measured, in case the Observation names none. */
      readonly device?: HeaderDevice
      /** Codes of what was repaired in the document, for the Provenance about that. */
      readonly repairs?: readonly string[]
      readonly signedAs?: string
    }
  | (Conditions & {
      readonly kind: 'update'
      readonly id: string
      readonly resource: Resource
      readonly repairs?: readonly string[]
      /** For a Consent: the name that its patient typed to sign it, for the Provenance about that. */
      readonly signedAs?: string
    })
  | (Conditions & {
      readonly kind: 'patch'
      readonly type: ResourceType
      readonly id: string
      /** Makes the next, valid content from the stored one; throws if the patch does not fit it. */
      readonly change: (stored: Resource) => Resource | Promise<Resource>
      /** If what it makes is refused, nothing of it is quoted. */
      readonly isMoving?: boolean
    })
  | (Conditions & { readonly kind: 'delete'; readonly type: ResourceType; readonly id: string })

/** How a document is recognised within its patient, and told from a changed one: `UploadKey` of `mhealth`, which this room does not import. */
export type UploadKey = {
  readonly schema: string
  readonly key: string
  /** The vendor's own record of it. */
  readonly record?: string
  /** The digest, in hex, of what was measured, when and by which device; `start` in ms since 1970. */
  readonly measurement?: { readonly start: number; readonly digest: string }
  /** When its source last changed it, in ms since 1970. */
  readonly revised?: number
  readonly digest: string
  readonly mapVersion: number
}

/** What a document's header says about the device: `HeaderDevice` of `mhealth`. */
export type HeaderDevice = {
  readonly manufacturer?: string
  readonly model?: string
  /** The name that its source gives it. */
  readonly name?: string
  readonly serial?: string
  readonly udi?: string
}

/** An Observation that is to be created, with what its document says about the device. */
export type PolicyAsked = { readonly asked: Observation; readonly device?: HeaderDevice }

/** An Observation that a policy refused, as the laxest policy would accept it: it decides who may write and see it. */
export type RefusedUpload = PolicyAsked & RefusedBody

/** What became of one write; for a batch, in the order of the writes. */
export type Written =
  | ({ readonly outcome: 'created' | 'updated' } & Stored)
  /** `isAnsweredAsCreated`: its sender must not learn that it was there before, so it is answered as if it were new. */
  | ({ readonly outcome: 'unchanged'; readonly isAnsweredAsCreated?: true } & Stored)
  | ({ readonly outcome: 'deleted' } & Omit<Stored, 'content'>)
  | { readonly outcome: 'refused'; readonly error: FhirError }

/** What a search without bodies finds. */
export type Match = Pick<Stored, 'id' | 'patientId' | 'kindId'>

/** How a search is answered, without anything of the answer. */
export type Explanation = {
  readonly asked: string
  /** Restricted to what the caller may see. */
  readonly restricted: string
  readonly statements: readonly {
    readonly sql: string
    readonly values: readonly unknown[]
    readonly plan: unknown
  }[]
}

/** `analyze` runs the statements, but only shows times: how many rows a step looked at would say how many there are. */
export type ExplainDepth = 'plan' | 'analyze'

/** The only way to the resource tables, for one caller: every question passes that caller's access. */
export type Store = Quarantine & {
  /** Throws `not-found`, also for what the caller may not see, or `deleted`. */
  readonly read: (type: ResourceType, id: string) => Promise<Stored>
  readonly vread: (type: ResourceType, id: string, versionId: string) => Promise<Stored>
  /** Newest first. */
  readonly history: (type: ResourceType, id: string, asked: HistoryAsked) => Promise<VersionPage>
  /** The history of everything of the types that the caller may search, newest first; without a total. */
  readonly historyOfTypes: (types: readonly ResourceType[], asked: HistoryAsked) => Promise<VersionPage>
  readonly search: (search: Search) => Promise<Page>
  readonly explain: (search: Search, depth: ExplainDepth) => Promise<Explanation>
  /** The subset of resources that were read. */
  readonly subset: <One extends Whole>(versions: readonly One[], subset: Subset) => Promise<readonly One[]>
  /** The latest Observations of each class of codes, newest first. */
  readonly lastn: (asked: LastN) => Promise<readonly Stored[]>
  /** One row for each unit that the values have. */
  readonly statistics: (asked: StatisticsAsked) => Promise<readonly StatisticsRow[]>
  /** One row for each source and step with a reading, earliest first. */
  readonly series: (asked: SeriesAsked) => Promise<readonly SeriesRow[]>
  readonly glucoseProfile: (asked: GlucoseProfileAsked) => Promise<GlucoseProfileRow>
  /** The whole period, and the halves of its days; none without a reading. */
  readonly pressure: (asked: PressureAsked) => Promise<readonly PressureRow[]>
  readonly completeness: (asked: CompletenessAsked) => Promise<readonly CompletenessRow[]>
  readonly studyPeople: (asked: StudyPeopleAsked) => Promise<StudyPeople>
  readonly sharers: (asked: SharersAsked) => Promise<Sharers>
  readonly arrivals: (asked: ArrivalsAsked) => Promise<readonly Arrival[]>
  /** The value sets and code systems that the caller may read. */
  readonly terminology: FindTerminology
  /** Profiles, security labels and tags of all resources of the types that the caller may search. */
  readonly meta: (types: readonly ResourceType[]) => Promise<Meta>
  /** The number of the last event of a Subscription that the caller has read. `question`: what it asks. */
  readonly lastEvent: (subscription: string, question: Question | undefined) => Promise<number>
  /** Its events, as far as the caller may see them now. */
  readonly events: (subscription: string, question: Question, range: EventRange) => Promise<readonly Event[]>
  /** For a websocket, about Subscriptions that the caller has read; undefined if none was written with a token like theirs. */
  readonly issueBinding: (subscriptions: readonly string[]) => Promise<Binding | undefined>
  /** The first matches that the caller may find, in no order. */
  readonly matches: (criteria: Search, limit: number) => Promise<readonly Match[]>
  /** The same, within a transaction: until its commit nobody else changes them, so they still match. */
  readonly heldMatches: (criteria: Search, limit: number) => Promise<readonly Match[]>
  readonly unseen: Unseen
  /** Whose rows they are, of those that the caller may read, or search: for the record of what was asked. */
  readonly whose: (asked: readonly RowsAsked[], action: 'r' | 's') => Promise<readonly Whose[]>
  /**
   * Everything that `run` searches is one question, and recorded as one: a question about several types, or for a text that is asked for in parts.
   * `ahead`: what it may be going to ask; where there can be nothing, no search is made.
   */
  readonly asOne: <T>(run: (store: Pick<Store, 'search'>) => Promise<T>, ahead?: readonly Search[]) => Promise<T>
  /** Until the commit, requests with criteria of the same meaning, or that change the same resources, wait: what was matched stays so. */
  readonly takeTurns: (criteria: readonly Search[], planned?: readonly Planned[]) => Promise<void>
  /** The validation policies that hold for each Observation if the caller creates it; none if they may not. */
  readonly validationPolicies: (asked: readonly PolicyAsked[]) => Promise<readonly (readonly string[])[]>
  /** In one commit: keeps what a policy has refused, if its sender may write it and there is room for it. */
  readonly keepRefused: (refused: readonly RefusedUpload[]) => Promise<readonly Kept[]>
  readonly ingest: (asked: IngestAsked) => Promise<Ingest>
  /**
   * One commit. An entry that is refused changes nothing, and does not affect the others. `beside`: what else the same transaction writes, such as
   * `Patient/1`, so that it may be referred to already.
   */
  readonly write: (writes: readonly Write[], beside?: ReadonlySet<string>) => Promise<readonly Written[]>
  /** At the end of a transaction: what its writes stand as by now. A write of something else may have made a next version of one. */
  readonly settled: (written: readonly Written[]) => Promise<readonly Written[]>
  /** Answers what `run` finds as if these were written, and undoes everything. Throws the reason if one of them cannot be written. */
  readonly trying: <T>(writes: readonly Write[], run: (store: Store) => Promise<T>) => Promise<T>
  /**
   * Commits when `run` returns; rolls everything back and rethrows if it throws. Within another one it is a part of that commit, which may go on
   * without it. What is not a resource is written through the connection.
   */
  readonly atomic: <T>(run: (store: Store, connection: Connection) => Promise<T>) => Promise<T>
}

/** The part of a store that changes nothing. */
export type ReadStore = Omit<
  Store,
  'write' | 'settled' | 'trying' | 'atomic' | 'keepRefused' | 'settleQuarantined' | 'removeRefused'
>
