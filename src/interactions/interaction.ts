import type { Resource, ResourceType } from '@medplum/fhirtypes'
import type { Caller } from '../access/caller.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Mhealth } from '../mhealth/mhealth.ts'
import type { Store } from '../storage/store.ts'

/** A request as FHIR sees it: the same for HTTP and for an entry of a Bundle. */
export type FhirRequest = {
  readonly type?: ResourceType
  readonly id?: string
  readonly versionId?: string
  readonly query: URLSearchParams
  /** Parsed JSON whose decimals keep their text (see fhir/json.ts). */
  readonly body?: unknown
  readonly headers: RequestHeaders
}

export type RequestHeaders = {
  readonly ifMatch?: string
  readonly ifNoneExist?: string
  readonly prefer: Prefer
}

export type Prefer = {
  readonly return: 'minimal' | 'representation' | 'OperationOutcome'
  readonly handling: 'strict' | 'lenient'
}

/** What goes back, before HTTP: `body` is JSON text that lies ready (streamed as it is) or a resource of the server's own. */
export type FhirResponse = {
  readonly status: number
  readonly etag?: string
  readonly lastModified?: Date
  readonly location?: string
  readonly body?: { readonly text: string } | { readonly chunks: Iterable<string> } | { readonly resource: Resource }
}

/** Everything an interaction may use. batch and transaction reach the others through `dispatch`. */
export type Context = {
  readonly registry: Registry
  readonly mhealth: Mhealth
  readonly store: Store
  readonly caller: Caller
  /** Absolute base of this server, without a slash at the end: `http://localhost:8080/fhir`. */
  readonly base: string
  readonly dispatch: (
    request: FhirRequest & { readonly interaction: string },
    context: Context,
  ) => Promise<FhirResponse>
}

export type Handler = (request: FhirRequest, context: Context) => Promise<FhirResponse>
