import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { findClient, type RegisteredClient } from '../../storage/authorization/client-registration.ts'
import { findLaunch } from '../../storage/authorization/launch.ts'
import type { Database } from '../../storage/database.ts'
import { digestOf } from '../../storage/secret/secret.ts'
import { readSharingLink } from '../sharing/sharing-link.ts'
import { checkLengths, checkScopeLength, leaveOutUnread, type RequestParameters } from './kept-request.ts'
import { type ScopeRules, scopeError, scopesOfPerson } from './requested-scope.ts'

type Parts = {
  readonly database: Database
  readonly fhir: () => string
  /** The bases that serve the same resources; `fhir` is the first. */
  readonly audiences: () => readonly string[]
  readonly rules: ScopeRules
}

/**
 * What SMART adds to an authorization request: its `aud` must be a FHIR base of this server, and only the scopes that the client can be given
 * are kept. Nothing of the request is kept that is not read. To be called once it is known that the redirect URI is the client's.
 * https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code
 */
export const checkAuthorizationRequest = async (ctx: KoaContextWithOIDC, parts: Parts): Promise<void> => {
  const params = paramsOf(ctx)
  checkLengths(params)
  leaveOutUnread(params)
  const aud = params.aud ?? asText(rawOf(ctx).resource)
  if (aud === undefined) throw new errors.InvalidRequest(`aud is missing: it must be ${parts.fhir()}`)
  if (!parts.audiences().includes(aud.replace(/\/$/, '')))
    throw new errors.InvalidRequest(`aud must be ${parts.audiences().join(' or ')}`)
  const client = await findClient(parts.database, ctx.oidc.client?.clientId ?? '')
  if (client === undefined) throw new errors.InvalidClient('the client is not registered any more', 'disabled')
  const scopes = scopesOfPerson(askedScope(ctx), client, parts.rules).filter(
    word => !refreshScopes.has(word) || client.metadata.grant_types.includes('refresh_token'),
  )
  if (scopes.length === 0) throw scopeError(askedScope(ctx), noneOf(client), parts.rules)
  params.scope = scopes.join(' ')
  checkScopeLength(params)
}

/**
 * The token must be from one of our pages, for this client, and unused. From here on, only its hash is passed on. An app may ask for the context
 * of both kinds of launch; it gets that of the one by which it was launched.
 */
export const checkLaunchParameter = async (ctx: KoaContextWithOIDC, { database }: Parts): Promise<void> => {
  const params = paramsOf(ctx)
  const asked = params.scope?.split(' ') ?? []
  const isAsked = asked.includes('launch')
  if (params.launch === undefined) {
    if (isAsked && !asked.includes('launch/patient'))
      throw new errors.InvalidRequest('scope launch needs the launch that the app was opened with')
    if (isAsked) params.scope = asked.filter(one => one !== 'launch').join(' ')
    return
  }
  if (!isAsked) throw new errors.InvalidRequest('a launch needs scope launch')
  const hash = digestOf(params.launch).toString('base64url')
  const launch = await findLaunch(database, hash)
  if (launch === undefined || !launch.isFresh || launch.client !== ctx.oidc.client?.clientId)
    throw new errors.InvalidRequest('launch is not known: open the app anew')
  params.launch = hash
}

/** The link must be from the client itself, and what it asks for is what is asked. */
export const checkSharingLink = async (ctx: KoaContextWithOIDC, parts: Parts): Promise<void> => {
  const { authorization_request } = paramsOf(ctx)
  if (authorization_request === undefined) return
  const link = await readSharingLink(parts, authorization_request)
  if (link === undefined || link.client !== ctx.oidc.client?.clientId || link.scope !== askedScope(ctx))
    throw new errors.InvalidRequest('authorization_request is no link of this client that is in force')
}

const noneOf = ({ scope }: RegisteredClient): string => {
  const words = scope.split(' ').filter(word => word.startsWith('user/'))
  const approved = words.length === 0 ? 'none' : words.join(' ')
  return `none of the scopes can be granted to this client: it may ask for patient/ scopes, and of user/ scopes for ${approved}`
}

const refreshScopes: ReadonlySet<string> = new Set(['offline_access', 'online_access'])

/** The scope as it was sent: the library drops offline_access unless consent is prompted for, as in OpenID Connect, which SMART apps do not know. */
const askedScope = (ctx: KoaContextWithOIDC): string => asText(rawOf(ctx).scope) ?? ''

const rawOf = (ctx: KoaContextWithOIDC): Readonly<Record<string, unknown>> =>
  (ctx.method === 'POST' ? (ctx.oidc.body as Record<string, unknown> | undefined) : ctx.query) ?? {}

const asText = (value: unknown): string | undefined => (typeof value === 'string' && value !== '' ? value : undefined)

const paramsOf = (ctx: KoaContextWithOIDC) =>
  ctx.oidc.params as RequestParameters & { aud?: string; launch?: string; authorization_request?: string }
