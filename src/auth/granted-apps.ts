import { findGrant, listGrants, revokeGrants } from '../storage/authorization-grant.ts'
import { findClient, type RegisteredClient } from '../storage/client-registration.ts'
import { type GrantEventParts, recordingGrant } from './grant-event.ts'
import { notebookClient } from './notebook-tokens.ts'

/** The page of the apps that a person has granted something. What is revoked ends at once. */
export type GrantedApps = {
  /** Those in force, the newest first. */
  readonly list: (person: string) => Promise<readonly GrantedApp[]>
  /** False where it is not this person's, or ended already. */
  readonly revoke: (person: string, id: string) => Promise<boolean>
  /** All that are in force. */
  readonly revokeAll: (person: string) => Promise<void>
}

type GrantedApp = {
  readonly id: string
  readonly client: { readonly id: string; readonly name: string; readonly uri?: string }
  readonly scopes: readonly string[]
  readonly patient?: string
  readonly study?: string
  /** Also while the person is away. */
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
      return grants.map(({ id, client, scope, patient, context, grantedAt, expiresAt }) => {
        const { name = ownNames[client] ?? client, metadata } = clients.get(client) ?? {}
        const uri = metadata?.client_uri
        return {
          id,
          client: { id: client, name, ...(uri === undefined ? {} : { uri }) },
          scopes: scope.split(' '),
          ...(patient === undefined ? {} : { patient }),
          ...(context.study === undefined ? {} : { study: context.study }),
          isOffline: scope.split(' ').includes('offline_access'),
          grantedAt,
          endsAt: expiresAt,
        }
      })
    },
    revoke: (person, id) => revoke(parts, person, id),
    revokeAll: async person => {
      for (const { id } of await listGrants(database, person)) await revoke(parts, person, id)
    },
  }
}

/** What we give tokens to without its being an app. */
const ownNames: Readonly<Record<string, string>> = { [notebookClient]: 'A notebook' }

const revoke = async (parts: Parts, person: string, id: string): Promise<boolean> => {
  const { database, onRevoked } = parts
  const grant = await findGrant(database, id)
  if (grant?.person !== person) return false
  const { client, patient } = grant
  const by = { kind: 'person', id: person } as const
  const event = {
    what: 'revoked',
    by,
    told: 'may do no more of what it was allowed',
    person,
    client,
    patient,
  } as const
  const isEnded = await recordingGrant(
    parts,
    event,
    async connection => (await revokeGrants(connection, { id, person })) > 0 || undefined,
  )
  onRevoked()
  return isEnded ?? false
}
