import {
  type AuthorizationGrant,
  listGrants,
  proveGrant,
  revokeGrants,
} from '../../storage/authorization/authorization-grant.ts'
import { findClient, type RegisteredClient } from '../../storage/authorization/client-registration.ts'
import { type GrantEventParts, recordingGrant } from './grant-event.ts'
import { notebookClient } from './notebook-tokens.ts'

/** For the page of apps to which a person has granted something. What is revoked ends at once. */
export type GrantedApps = {
  /** Grants in force, the newest first. */
  readonly list: (person: string) => Promise<readonly GrantedApp[]>
  /** False if it is not this person's, or has ended already. */
  readonly revoke: (person: string, id: string) => Promise<boolean>
  /** Revokes all grants in force. */
  readonly revokeAll: (person: string) => Promise<void>
  /** Says that an app that redeemed the person's invitation by itself is theirs. False if there is no such app. */
  readonly prove: (person: string, id: string) => Promise<boolean>
}

type GrantedApp = {
  readonly id: string
  /** `selfRegistered`: its name is what it calls itself. */
  readonly client: {
    readonly id: string
    readonly name: string
    readonly uri?: string
    readonly selfRegistered: boolean
  }
  readonly scopes: readonly string[]
  readonly patient?: string
  readonly study?: string
  /** Set if the app redeemed an invitation by itself; it sees nothing older than this until the person says that it is theirs. */
  readonly unprovenSince?: Date
  /** Whether it has access while the person is away. */
  readonly isOffline: boolean
  readonly grantedAt: Date
  readonly endsAt: Date
}

type Parts = GrantEventParts & { readonly onRevoked: () => void }

export const openGrantedApps = (parts: Parts): GrantedApps => {
  const { database } = parts
  return {
    list: async person => {
      const grants = await listGrants(database, person)
      const clients = new Map<string, RegisteredClient | undefined>()
      for (const { client } of grants) if (!clients.has(client)) clients.set(client, await findClient(database, client))
      return grants.map(grant => toGrantedApp(grant, clients.get(grant.client)))
    },
    revoke: (person, id) => revoke(parts, person, id),
    revokeAll: async person => {
      for (const { id } of await listGrants(database, person)) await revoke(parts, person, id)
    },
    prove: (person, id) => prove(parts, person, id),
  }
}

const toGrantedApp = (grant: AuthorizationGrant, known: RegisteredClient | undefined): GrantedApp => {
  const { id, client, scope, patient, context, grantedAt, expiresAt } = grant
  const uri = known?.metadata.client_uri
  return {
    id,
    client: {
      id: client,
      name: known?.name ?? ownNames[client] ?? client,
      selfRegistered: known?.selfRegistered ?? false,
      ...(uri === undefined ? {} : { uri }),
    },
    scopes: scope.split(' '),
    ...(patient === undefined ? {} : { patient }),
    ...(context.study === undefined ? {} : { study: context.study }),
    ...(context.unproven === undefined ? {} : { unprovenSince: new Date(context.unproven.since) }),
    isOffline: scope.split(' ').includes('offline_access'),
    grantedAt,
    endsAt: expiresAt,
  }
}

/** Clients that get tokens but are no apps. */
const ownNames: Readonly<Record<string, string>> = { [notebookClient]: 'A notebook' }

const findOwn = async ({ database }: Parts, person: string, id: string) =>
  (await listGrants(database, person)).find(grant => grant.id === id)

const prove = async (parts: Parts, person: string, id: string): Promise<boolean> => {
  const grant = await findOwn(parts, person, id)
  if (grant === undefined) return false
  const { client, patient, scope } = grant
  const event = {
    what: 'given',
    by: { kind: 'person', id: person },
    told: 'was said to be the patient’s own, and sees what is older too',
    person,
    client,
    patient,
    granted: scope.split(' '),
  } as const
  const isProven = await recordingGrant(
    parts,
    event,
    async connection => (await proveGrant(connection, id, person)) || undefined,
  )
  parts.onRevoked()
  return isProven ?? false
}

const revoke = async (parts: Parts, person: string, id: string): Promise<boolean> => {
  const { onRevoked } = parts
  const grant = await findOwn(parts, person, id)
  if (grant === undefined) return false
  const { client, patient, scope } = grant
  const by = { kind: 'person', id: person } as const
  const event = {
    what: 'revoked',
    by,
    told: 'may do no more of what it was allowed',
    person,
    client,
    patient,
    scope,
  } as const
  const isEnded = await recordingGrant(
    parts,
    event,
    async connection => (await revokeGrants(connection, { id, person })) > 0 || undefined,
  )
  onRevoked()
  return isEnded ?? false
}
