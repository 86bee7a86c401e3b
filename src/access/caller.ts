import { isDeepStrictEqual } from 'node:util'
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
    readonly policies: ReadonlySet<ClientPolicy>
  }
  readonly person?: { readonly id: string }
  /** Set where the person is staff: the id of the Practitioner. */
  readonly practitioner?: string
  /** Ids of the organizations for which the caller may write: those of a member or manager, or the client's. */
  readonly organizations: readonly string[]
  /** Set where the token is a patient's, or was launched for one: the id of the Patient. */
  readonly patient?: string
  /** Administers the installation, and sees nobody's health data. */
  readonly administrator: boolean
  readonly scopes: readonly Scope[]
  /** Narrows the token to one ResearchStudy, by id. */
  readonly study?: string
  /** Set where an app has taken up an invitation by itself, and nobody has confirmed yet that the app is the patient's. */
  readonly unproven?: Unproven
  /** Set where `openid fhirUser` was granted: the resource that the caller is, readable without a scope for its type. */
  readonly fhirUser?: { readonly type: ResourceType; readonly id: string }
}

/** What a client is allowed beyond its scopes. */
export type ClientPolicy =
  /** Submits data for patients. */
  | 'data-submission'
  | 'records-consent'
  /** Takes up invitations by itself. */
  | 'redeems-invitations'
  /** Reads by links that patients open. */
  | 'cloud-storage-partner'
  /** Asks about tokens. */
  | 'introspection'
  /** For imports. */
  | 'everything'

/**
 * Whether somebody is still who they were when they asked, with the same rights: their account may have been linked to another patient meanwhile, or
 * a policy taken from their client. Where they may write is asked with each write, and does not count.
 */
export const isSameCaller = (before: Caller, now: Caller | undefined): boolean =>
  now !== undefined && isDeepStrictEqual(readerIn(before), readerIn(now))

const readerIn = ({ tokenHash: _, organizations: _where, ...reader }: Caller) => reader

/** The same caller, narrowed to a study; without any scope where they are narrowed to another study already. */
export const narrowedTo = (caller: Caller, study: string): Caller =>
  caller.study === undefined || caller.study === study ? { ...caller, study } : { ...caller, study, scopes: [] }

/** The same caller, who may only find studies: for the one that the token is narrowed to, which its bearer knows in any case. */
export const onlyFindingStudies = (caller: Caller): Caller => ({ ...caller, scopes: [studySearch] })

const studySearch: Scope = { context: 'user', type: 'ResearchStudy', actions: new Set(['s']) }

/** Makes something of a caller once only: for a while, requests with one token come with the same Caller object. */
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
