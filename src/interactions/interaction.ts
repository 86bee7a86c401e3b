import type { OperationOutcome, ResearchStudy, ResourceType } from '@medplum/fhirtypes'
import type { Access } from '../access/access.ts'
import type { Caller } from '../access/caller.ts'
import type { Compartment } from '../fhir/definition/compartment.ts'
import type { FhirError, Issue } from '../fhir/error.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Mhealth } from '../mhealth/mhealth.ts'
import type { ValidationPolicy } from '../mhealth/policy.ts'
import type { Action } from '../search/expression.ts'
import type { Tried } from '../storage/audit/refusal.ts'
import type { AskedAs } from '../storage/quarantine/refused-upload.ts'
import type { PolicyAsked, Store, Write } from '../storage/store.ts'
import type { BundleText } from './bundle/bundle-text.ts'
import type { Cursors } from './search/cursor.ts'

/** One row of the table of what the server does. Routes, scope letters and the CapabilityStatement are made from it. */
export type Interaction = {
  readonly method: Method
  /** The letter of the SMART scope that it needs. A Bundle needs those of its entries. */
  readonly action?: Action
  /** What its request carries. */
  readonly body: 'none' | 'resource' | 'patch' | 'form'
  /** What the CapabilityStatement says about it. */
  readonly documentation: string
} & Target

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'

/** FHIR's code for it, the shape of its path, and a handler whose request has what such a path names. */
type Target =
  | Row<'batch' | 'transaction', '', SystemRequest>
  | Row<'history-system', '_history', SystemRequest>
  | Row<'history-type', ':type/_history', TypeRequest>
  | Row<'create' | 'search-type' | ConditionalName, ':type' | ':type/_search', TypeRequest>
  | Row<'read' | 'history-instance' | ConditionalName, ':type/:id' | ':type/:id/_history', InstanceRequest>
  | Row<'search-type', ':compartment/:id/:type' | ':compartment/:id/:type/_search', CompartmentTypeRequest>
  | Row<'search-system', '' | '_search', SystemRequest>
  | Row<'search-system', ':compartment/:id/*' | ':compartment/:id/_search', CompartmentRequest>
  | Row<'vread', ':type/:id/_history/:versionId', VersionRequest>
  | (Row<'operation', `${'' | ':type/' | ':type/:id/'}$${string}`, FhirRequest> & {
      readonly types: 'all' | readonly ResourceType[]
      /** The names and types of what may stand in its URL, and the names of what can only be posted. */
      readonly takes: () => {
        readonly primitives: Readonly<Record<string, string>>
        readonly complex?: readonly string[]
        readonly searches?: true
      }
      /** It takes a Bundle of writes, each on its own, so that it can be answered later what became of them. This finds it in the body. */
      readonly takesBundle?: (body: unknown) => unknown
    })

export type OperationLevel = 'system' | 'type' | 'instance'

/** These name their resource by an id or by criteria. */
type ConditionalName = 'update' | 'patch' | 'delete'

type Row<Name, Path, Request> = {
  readonly name: Name
  readonly path: Path
  readonly handler: Handler<Request>
  /** Of an ordinary write: does everything but the write itself, so that several can go to the store together. */
  readonly prepare?: Prepare<Request>
  /** Of a conditional write: finds the ordinary writes that it means at this moment. */
  readonly decide?: Decide
}

/** `id`: the one that a transaction gives to what it creates. */
type Prepare<Request> = (request: Request, context: Context, id?: string) => Prepared | Promise<Prepared>

/** One write on its way to the store, alone or with the others of a Bundle. */
export type Prepared =
  | Ready
  /** It must first be asked which validation policies apply. */
  | (PolicyAsked & {
      readonly under: (policy: ValidationPolicy) => Ready
      /** How it was sent, for the quarantine; absent if it is not kept when it is refused. */
      readonly upload?: () => Upload
    })
  /** Every policy refuses it; `asked` is what is known of it. */
  | (PolicyAsked & { readonly refused: FhirError; readonly upload: () => Upload })

type Upload = AskedAs & { readonly body: unknown; readonly schema: string }

export type Ready = { readonly write: Write; readonly warnings: readonly Issue[] }

export type Decide = (request: TypeRequest, context: Context) => Promise<readonly Routed[]>

export type Handler<Request = FhirRequest> = (request: Request, context: Context) => Promise<FhirResponse>

/** A request as FHIR sees it: the same for HTTP and for an entry of a Bundle. */
export type SystemRequest = {
  readonly query: URLSearchParams
  /** Parsed JSON whose decimals keep their text (see fhir/json.ts). */
  readonly body?: unknown
  readonly headers: RequestHeaders
}
export type TypeRequest = SystemRequest & {
  readonly type: ResourceType
  /** For a search: how many pages to leave out. It cannot be asked for over FHIR. */
  readonly skip?: number
  /** It was an update by the criteria in `query`, which matched nothing, so that it creates something. */
  readonly metNothing?: true
}
export type InstanceRequest = TypeRequest & { readonly id: string }
export type VersionRequest = InstanceRequest & { readonly versionId: string }
/** In the compartment of one resource. */
export type CompartmentRequest = SystemRequest & { readonly compartment: Compartment; readonly id: string }
export type CompartmentTypeRequest = CompartmentRequest & TypeRequest
export type FhirRequest =
  | SystemRequest
  | TypeRequest
  | InstanceRequest
  | VersionRequest
  | CompartmentRequest
  | CompartmentTypeRequest

export type RequestHeaders = {
  readonly ifMatch?: string
  readonly ifNoneExist?: string
  readonly ifNoneMatch?: string
  /** A time as in HTTP or as in FHIR. */
  readonly ifModifiedSince?: string
  readonly ifUnmodifiedSince?: string
  readonly prefer: Prefer
  /** Whether a search is to answer all its matches as lines. */
  readonly lines?: boolean
  /** Of the read of a Binary: whether what is in it is answered, rather than the resource around that. */
  readonly answersContent?: (contentType: string) => boolean
}

/** https://hl7.org/fhir/R4/http.html#ops */
export type Prefer = {
  /** Absent if the client did not say: a single write then answers its resource, but a Bundle's entries do not. */
  readonly return?: PreferredReturn
  readonly handling: 'strict' | 'lenient'
  /** The answer may come later: https://www.rfc-editor.org/rfc/rfc7240#section-4.1 */
  readonly respondAsync?: true
}

export type PreferredReturn = 'minimal' | 'representation' | 'OperationOutcome'

/** An answer, before it becomes HTTP or an entry of a Bundle. */
export type FhirResponse = {
  readonly status: number
  readonly etag?: string
  readonly lastModified?: Date
  readonly location?: string
  /** Where the next page is, if the body has no place to say so. */
  readonly next?: string
  readonly body?: Body
  /** Warnings beside the answer; in a Bundle's entry they become its outcome. */
  readonly issues?: readonly Issue[]
}

export type Body =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'chunks'; readonly chunks: BundleText }
  /** Resources as JSON, one a line, in pieces of many lines. If it throws, the answer was not complete. */
  | { readonly kind: 'lines'; readonly lines: AsyncIterable<string> }
  | { readonly kind: 'outcome'; readonly outcome: OperationOutcome }

/** Everything an interaction may use. batch and transaction reach the others through `interactions` and `dispatch`. */
export type Context = {
  readonly registry: Registry
  readonly mhealth: Mhealth
  readonly store: Store
  readonly access: Access
  readonly caller: Caller
  readonly cursors: Cursors
  /** Absolute base of this server, without a slash at the end: `http://localhost:8080/fhir`. */
  readonly base: string
  /** The caller's access, narrowed to the ResearchStudy with the id. */
  readonly accessWithin: (study: string) => Access
  /** The context of the same caller, narrowed to the ResearchStudy with the id. */
  readonly within: (study: string) => Context
  /** The study to which the caller's token is narrowed, whatever its scopes: only to tell whether it is the one that is asked about. */
  readonly findOwnStudy: () => Promise<ResearchStudy | undefined>
  /** How long a patch may make a resource, in characters of its JSON: as many as a body may have bytes. */
  readonly mostLetters: number
  /** Why no request is sent to the URL; undefined if one may be sent. */
  readonly refusalOf: (url: string) => string | undefined
  readonly interactions: readonly Interaction[]
  readonly dispatch: (routed: Routed, context: Context) => Promise<FhirResponse>
  /** Reports a fault that is answered inside a Bundle, where no error handler sees it. */
  readonly reportFault: (fault: unknown) => void
  /** Records that the caller was refused, unless that is recorded already. */
  readonly recordRefusal: (tried: Tried, error: unknown) => Promise<void>
}

/** A request with the interaction that it means. */
export type Routed = { readonly interaction: Interaction; readonly request: FhirRequest }
