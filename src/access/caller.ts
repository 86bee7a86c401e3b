import type { ResourceType } from '@medplum/fhirtypes'
import type { Principal } from '../search/expression.ts'
import type { Scope } from './scope.ts'
import type { Unproven } from './unproven.ts'

/** Who calls, through which client, with which scopes, in which launch context. Made from a token, never by hand. */
export type Caller = {
  readonly principal: Principal
  /** SHA-256 of the token; absent where a caller was made from what is left of one. */
  readonly tokenHash?: Buffer
  readonly client: {
    readonly id: string
    /** Organization of a backend client, by id. */
    readonly organization?: string
    /** What a client of its own may do: submit data for patients, record consents, take up invitations by itself, read by links that patients open, ask about tokens, or (imports) everything. */
    readonly policies: ReadonlySet<ClientPolicy>
  }
  readonly person?: { readonly id: string }
  /** Set where the person is staff: the id of the Practitioner. */
  readonly practitioner?: string
  /** Organizations that the caller may write for, by id: a member's or manager's own, or the client's. */
  readonly organizations: readonly string[]
  /** Set where the token is a patient's, or was launched for one: the id of the Patient. */
  readonly patient?: string
  /** Administers tenants, and sees no one's health data. */
  readonly administrator: boolean
  readonly scopes: readonly Scope[]
  /** Narrows the token to one ResearchStudy, by id. */
  readonly study?: string
  /** Set where an app has taken up an invitation by itself, and nobody has shown yet that it is the patient's. */
  readonly unproven?: Unproven
  /** Set where `openid fhirUser` was granted: the resource that the caller is, readable without a scope for its type. */
  readonly fhirUser?: { readonly type: ResourceType; readonly id: string }
}

export type ClientPolicy =
  | 'data-submission'
  | 'records-consent'
  | 'redeems-invitations'
  | 'cloud-storage-partner'
  | 'introspection'
  | 'everything'

/** The same caller, narrowed to a study: to nothing, where they are narrowed to another already. */
export const within = (caller: Caller, study: string): Caller =>
  caller.study === undefined || caller.study === study ? { ...caller, study } : { ...caller, study, scopes: [] }

/** The same caller with one right left, to find the study to which their token is narrowed: whoever holds the token knows which it is. */
export const ofOwnStudy = (caller: Caller): Caller => ({ ...caller, scopes: [studySearch] })

const studySearch: Scope = { context: 'user', type: 'ResearchStudy', actions: new Set(['s']) }

/** What is made of a caller, made once: requests with one token come with the same one for a while. */
export const oncePerCaller = <Made>(make: (caller: Caller) => Made): ((caller: Caller) => Made) => {
  const made = new WeakMap<Caller, { readonly of: Made }>()
  return caller => {
    const known = made.get(caller)
    if (known !== undefined) return known.of
    const of = make(caller)
    made.set(caller, { of })
    return of
  }
}
