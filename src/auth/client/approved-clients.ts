import { errors } from 'oidc-provider'
import type { ClientPolicy } from '../../access/caller.ts'
import { parseScope, parseScopes } from '../../access/scope.ts'
import { isScopeWithin } from '../../access/scope-limit.ts'
import { FhirError } from '../../fhir/error.ts'
import { revokeGrants } from '../../storage/authorization/authorization-grant.ts'
import {
  disableClient,
  enableClient,
  keepClient,
  lockClient,
  type RegisteredClient,
} from '../../storage/authorization/client-registration.ts'
import { revokeTokensOfClient } from '../../storage/authorization/issued-token.ts'
import type { Connection } from '../../storage/database.ts'
import { isOrganization } from '../../storage/organization/organization.ts'
import { digestOf, newSecret } from '../../storage/secret/secret.ts'
import { type ScopeRules, scopeRefusal } from '../request/requested-scope.ts'
import { isAppName } from './app-name.ts'
import { type ClientRequest, checkClientMetadata, withoutUndefined } from './client-metadata.ts'
import { newClientId } from './client-model.ts'

/** What an operator says about a client; about one that is registered, what is to be changed. */
export type ClientApproval = {
  readonly name?: string | undefined
  readonly organization?: string | undefined
  /** The `user/` and `system/` scopes that it may have at most. */
  readonly scope?: string | undefined
  readonly policies?: readonly ClientPolicy[] | undefined
  readonly metadata: ClientRequest
}

export type Registered = { readonly client_id: string; readonly client_secret?: string }

type Parts = {
  readonly database: Connection
  readonly refusalOf: (url: string) => string | undefined
  readonly rules: Pick<ScopeRules, 'registry' | 'parseCriteria'>
}

/** Answers the secret, if it has one; it is not shown again. Throws FhirError with what would be accepted. */
export const registerApproved = async (parts: Parts, approval: ClientApproval): Promise<Registered> => {
  const { name } = approval
  if (!isAppName(name)) throw notNamed()
  return keepApproved(parts.database, newClientId(), { ...approval, name, ...parts })
}

const notNamed = () =>
  new FhirError('invalid', 'A client needs a name of 1 to 100 characters that can be seen', { expression: 'name' })

/**
 * A new secret replaces the old one at once, and whatever it may no longer do ends. Whoever changes it has reviewed it, so it counts as approved
 * from now on. Within a transaction.
 */
export const changeApproved = async (
  parts: Parts,
  id: string,
  approval: ClientApproval & { readonly renewsSecret?: boolean },
): Promise<Registered> => {
  const known = await lockClient(parts.database, id)
  if (known === undefined) throw new FhirError('not-found', `No client ${id} is registered and enabled`)
  if (approval.name !== undefined && approval.name !== known.name && !isAppName(approval.name)) throw notNamed()
  const { name = known.name, organization = known.organization, scope = known.scope } = approval
  const { policies = known.policies, renewsSecret = false } = approval
  const { jwks, jwks_uri, ...before } = known.metadata
  // Keys are kept only if the way to authenticate stays the same.
  const keys = approval.metadata.token_endpoint_auth_method === undefined ? withoutUndefined({ jwks, jwks_uri }) : {}
  const metadata = { ...before, ...keys, ...approval.metadata }
  const { secretHash } = known
  const kept = { name, organization, scope, policies, renewsSecret, metadata, secretHash, registered: known.metadata }
  const answer = await keepApproved(parts.database, id, { ...kept, ...parts })
  await endBeyond(parts.database, known, scope)
  return answer
}

/** Ends tokens and grants for more than it may still have. `patient/` scopes are for the patients to decide, and stay. */
export const endBeyond = async (
  connection: Connection,
  client: Pick<RegisteredClient, 'id' | 'scope' | 'metadata'>,
  now: string,
): Promise<void> => {
  const allowed = parseScopes(now)
  if (parseScopes(client.scope).every(one => allowed.some(limit => isScopeWithin(one, limit)))) return
  if (isBackend(client)) await revokeTokensOfClient(connection, client.id)
  else await revokeGrants(connection, { client: client.id, withUserScopes: true })
}

export const isBackend = ({ metadata }: Pick<RegisteredClient, 'metadata'>): boolean =>
  metadata.grant_types.join() === 'client_credentials'

/** It gets no more tokens. Those that it has end, and so does what people granted it. Answers its name. */
export const disable = async (connection: Connection, id: string, by: 'organization' | 'operator'): Promise<string> => {
  const name = await disableClient(connection, id, by)
  if (name === undefined) throw new FhirError('not-found', `No client ${id} is registered and enabled`)
  await revokeGrants(connection, { client: id })
  await revokeTokensOfClient(connection, id)
  return name
}

/** Answers its name. */
export const enable = async (connection: Connection, id: string, by: 'organization' | 'operator'): Promise<string> => {
  const name = await enableClient(connection, id, by)
  if (name === undefined) throw new FhirError('not-found', `No client ${id} is disabled`)
  return name
}

type Kept = ClientApproval & {
  readonly name: string
  readonly renewsSecret?: boolean
  readonly secretHash?: Buffer | undefined
  /** What it has now, if it is changed. */
  readonly registered?: RegisteredClient['metadata']
  readonly refusalOf: Parts['refusalOf']
  readonly rules: Parts['rules']
}

/** Registers it, or changes it to this. Throws FhirError with what would be accepted, and for which parameter. */
export const keepApproved = async (connection: Connection, id: string, kept: Kept): Promise<Registered> => {
  const { name, organization, scope = '', policies = [], renewsSecret = false, secretHash } = kept
  const metadata = checked(kept.metadata, kept)
  requireApprovable(scope, kept.rules)
  if (organization !== undefined && !(await isOrganization(connection, organization)))
    throw new FhirError('not-found', `Organization/${organization} is not known`)
  const hasSecret = metadata.token_endpoint_auth_method.startsWith('client_secret')
  const secret = hasSecret && (renewsSecret || secretHash === undefined) ? newSecret() : undefined
  await keepClient(connection, {
    id,
    name,
    policies,
    scope,
    selfRegistered: false,
    metadata,
    ...(organization === undefined ? {} : { organization }),
    secretHash: secret === undefined ? undefined : digestOf(secret),
  })
  return { client_id: id, ...(secret === undefined ? {} : { client_secret: secret }) }
}

const checked = (metadata: ClientRequest, checks: Pick<Kept, 'refusalOf' | 'registered'>) => {
  try {
    return checkClientMetadata(metadata, checks)
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError)) throw error
    const message = error.error_description ?? error.message
    const [parameter] = /^(redirect_uris|launch_uris|invitation_url|jwks_uri|jwks)\b/.exec(message) ?? []
    throw new FhirError('invalid', message, parameter === undefined ? {} : { expression: parameter })
  }
}

/** A scope that nobody can have is a mistake of the operator, which otherwise only the app would notice. */
const requireApprovable = (scopes: string, rules: Parts['rules']): void => {
  for (const word of scopes.split(' ').filter(Boolean)) {
    const scope = parseScope(word)
    const reason =
      scope?.context === 'user' || scope?.context === 'system'
        ? scopeRefusal(scope, rules)
        : 'it is not a user/ or system/ scope, such as system/Observation.rs'
    if (reason !== undefined)
      throw new FhirError('invalid', `${word} cannot be given: ${reason}`, { expression: 'scope' })
  }
}
