import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../../fhir/registry.ts'
import type { Action, Expression, Principal } from '../../search/expression.ts'
import type { Access } from '../access.ts'
import type { Caller } from '../caller.ts'

/** Whose rights a caller has. Launch context, scopes and study only narrow them. */
export type Who =
  | {
      readonly kind: 'patient'
      readonly patient: string
      readonly recordsConsent: boolean
      readonly principal: Principal
    }
  | { readonly kind: 'staff'; readonly practitioner: string; readonly study?: string; readonly principal: Principal }
  | {
      readonly kind: 'client'
      readonly organization?: string
      readonly submitsData: boolean
      readonly study?: string
      readonly principal: Principal
    }
  | { readonly kind: 'administrator'; readonly principal: Principal }
  /** Signed in, but neither staff nor patient yet. */
  | { readonly kind: 'person'; readonly principal: Principal }

export type Patient = Extract<Who, { kind: 'patient' }>
export type Staff = Extract<Who, { kind: 'staff' }>
export type Client = Extract<Who, { kind: 'client' }>

export type Verb = 'read' | 'create' | 'update' | 'delete'

/** What each kind of caller may do to resources of a type. A kind that is not named may do nothing. */
export type Rule = { readonly [V in Verb]?: Grants }

export type Grants = { readonly [Kind in Who['kind']]?: Grant<Extract<Who, { kind: Kind }>> }

export type Grant<W extends Who = Who> = (who: W, asked: Asked) => Expression

export type Asked = {
  readonly action: Action
  readonly type: ResourceType
  readonly registry: Registry
  /** Id of the client through which the caller asks. */
  readonly client: string
  /** What the same caller may do to other types. */
  readonly access: Access
}

export const verbOf: Readonly<Record<Action, Verb>> = { c: 'create', r: 'read', u: 'update', d: 'delete', s: 'read' }

export const whoIs = (caller: Caller): Who => {
  const { principal, client, practitioner, patient } = caller
  const study = caller.study === undefined ? {} : { study: caller.study }
  if (caller.administrator) return { kind: 'administrator', principal }
  if (practitioner !== undefined) return { kind: 'staff', practitioner, principal, ...study }
  if (principal.kind === 'client') return backendClient(client, principal, study)
  if (patient === undefined) return { kind: 'person', principal }
  return { kind: 'patient', patient, recordsConsent: client.policies.has('records-consent'), principal }
}

const backendClient = (client: Caller['client'], principal: Principal, study: { readonly study?: string }): Who => ({
  kind: 'client',
  submitsData: client.policies.has('data-submission'),
  principal,
  ...(client.organization === undefined ? {} : { organization: client.organization }),
  ...study,
})

/** The same for every kind of caller. */
export const everyone = (grant: Grant): Grants => ({
  patient: grant,
  staff: grant,
  client: grant,
  administrator: grant,
  person: grant,
})
