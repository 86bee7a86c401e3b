import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AdapterPayload, Client } from 'oidc-provider'
import {
  type ClientMetadata,
  keepClient,
  type RegisteredClient,
} from '../../storage/authorization/client-registration.ts'
import type { Connection } from '../../storage/database.ts'
import { digestOf } from '../../storage/secret/secret.ts'
import { keysFor } from '../provider/assertion.ts'
import type { KeySets } from './key-sets.ts'

/**
 * Ids and secrets have no letters that need escaping, since half the clients escape them in Basic and half do not. An id begins with a letter or
 * digit: with a hyphen, a command line would take it for an option.
 */
export const newClientId = (): string => {
  const id = randomBytes(16).toString('base64url')
  return isClientId(id) ? id : newClientId()
}

/** The same for the same texts, so that what is sent twice is registered once. Nobody can choose it. */
export const clientIdOf = (...texts: readonly string[]): string => {
  const id = createHash('sha256').update(JSON.stringify(texts)).digest('base64url').slice(0, 22)
  return isClientId(id) ? id : clientIdOf(id)
}

const isClientId = (id: string): boolean => /^[A-Za-z\d]/.test(id)

/**
 * A client as the library knows it. Instead of its secret, it has the hash, and instead of its keys the one that the assertion names, so that
 * the library never requests a URL itself.
 */
export const toProviderClient = async (
  client: RegisteredClient,
  assertion: unknown,
  keySets: KeySets,
): Promise<AdapterPayload> => {
  const {
    jwks_uri: _uri,
    jwks: _jwks,
    launch_uris: _launch,
    invitation_url: _invitation,
    ...metadata
  } = client.metadata
  const keys = assertion === undefined ? [] : await keysFor(assertion, client.metadata, keySets)
  return {
    ...(metadata as AdapterPayload),
    client_id: client.id,
    client_name: client.name,
    client_id_issued_at: Math.floor(client.registeredAt.getTime() / 1000),
    ...(usesKeys(metadata) ? { jwks: { keys: keys as never } } : {}),
    ...(client.secretHash === undefined ? {} : { client_secret: client.secretHash.toString('hex') }),
  }
}

const usesKeys = (metadata: Pick<ClientMetadata, 'token_endpoint_auth_method'>): boolean =>
  metadata.token_endpoint_auth_method === 'private_key_jwt'

/** Replaces the library's function, which would compare with the secret itself. */
export function compareClientSecret(this: Client, actual: string): boolean {
  const expected = createHash('sha256')
    .update(this.clientSecret ?? '')
    .digest()
  return timingSafeEqual(createHash('sha256').update(digestOf(actual).toString('hex')).digest(), expected)
}

/** Stores a client that registered itself. It belongs to no organization, and has no approved scope. */
export const keepSelfRegistered = (connection: Connection, payload: AdapterPayload): Promise<void> => {
  const { client_id = '', client_name = '', client_secret, ...given } = payload
  return keepClient(connection, {
    id: client_id,
    name: client_name,
    policies: [],
    scope: '',
    selfRegistered: true,
    metadata: pick(given as Partial<ClientMetadata>),
    secretHash: client_secret === undefined ? undefined : digestOf(client_secret),
  })
}

const kept = [
  'redirect_uris',
  'grant_types',
  'response_types',
  'token_endpoint_auth_method',
  'application_type',
  'jwks',
  'jwks_uri',
  'launch_uris',
  'client_uri',
  'logo_uri',
  'policy_uri',
  'tos_uri',
  'contacts',
  'smart_scope',
] as const satisfies readonly (keyof ClientMetadata)[]

const pick = (given: Partial<ClientMetadata>): ClientMetadata =>
  Object.fromEntries(kept.flatMap(name => (given[name] === undefined ? [] : [[name, given[name]]]))) as ClientMetadata
