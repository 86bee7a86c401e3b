import { hkdfSync } from 'node:crypto'
import {
  type Configuration,
  errors,
  type FindAccount,
  interactionPolicy,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider'
import { findGrant } from '../../storage/authorization/authorization-grant.ts'
import { findClient } from '../../storage/authorization/client-registration.ts'
import { newSecret } from '../../storage/secret/secret.ts'
import { assertionAlgorithms } from '../client/client-key.ts'
import { compareClientSecret, newClientId } from '../client/client-model.ts'
import { checkAuthorizationRequest, checkLaunchParameter, checkSharingLink } from '../request/authorization-request.ts'
import { fhirUserOf, tokenContextOf } from '../request/granted-context.ts'
import { contextScopes, scopesOfBackend } from '../request/requested-scope.ts'
import { openAdapter } from './adapter.ts'
import { answerFault } from './answer-fault.ts'
import { checkAssertion, clockSkewSeconds } from './assertion.ts'
import { amendAnswers } from './provider-answers.ts'
import {
  interactionCookie,
  introspectsAll,
  isOwnOrigin,
  lifetimes,
  type ProviderParts,
  sessionCookie,
} from './provider-parts.ts'
import { renderError } from './render-error.ts'
import { otherResource } from './resource-indicator.ts'
import type { SigningKey } from './signing-keys.ts'

/** oidc-provider, configured as SMART App Launch requires. */
export const openProvider = (parts: ProviderParts, keys: readonly [SigningKey, ...SigningKey[]]): Provider => {
  const issuer = `${parts.base()}/oauth`
  const provider = new Provider(issuer, configurationOf(parts, keys))
  // Lets the library see the address that others use, whatever proxy the request came through.
  provider.proxy = true
  Object.defineProperty(provider.Client.prototype, 'compareClientSecret', { value: compareClientSecret })
  provider.on('server_error', (ctx, error) => answerFault(parts, ctx, error))
  amendAnswers(provider, parts)
  return provider
}

const configurationOf = (parts: ProviderParts, keys: readonly SigningKey[]): Configuration => ({
  adapter: openAdapter(parts),
  jwks: { keys: [...keys] },
  routes: { jwks: '/jwks.json', authorization: '/authorize', registration: '/register' },
  scopes: contextScopes,
  claims: { openid: ['sub'], fhirUser: ['fhirUser'] },
  conformIdTokenClaims: false,
  cookies: cookiesOf(parts),
  ...clientsOf(parts),
  ...requestsOf(parts),
  ...grantsOf(parts),
  features: featuresOf(parts),
  renderError: renderError(parts),
  fetch: async () => {
    throw new Error('the library asks no other server')
  },
})

const cookiesOf = (parts: ProviderParts): Configuration['cookies'] => {
  const isSecure = parts.base().startsWith('https:')
  return {
    keys: [Buffer.from(hkdfSync('sha256', parts.secretKey, '', 'interaction cookies', 32)).toString('base64url')],
    names: { session: sessionCookie, interaction: interactionCookie, resume: 'sharewell_resume' },
    long: { signed: true, httpOnly: true, sameSite: 'none' },
    // An app may be opened in a frame of another site, which gets cookies over TLS only.
    short: { signed: true, httpOnly: true, sameSite: isSecure ? 'none' : 'lax', secure: isSecure },
  }
}

/** What clients are, and how they authenticate. */
const clientsOf = ({ database }: ProviderParts): Configuration => ({
  clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  clientDefaults: { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] },
  extraClientMetadata: { properties: ['launch_uris', 'smart_scope'] },
  enabledJWA: {
    clientAuthSigningAlgValues: [...assertionAlgorithms],
    idTokenSigningAlgValues: ['RS256'],
  },
  clockTolerance: clockSkewSeconds,
  assertJwtClientAuthClaimsAndHeader: async (_ctx, claims, header, client) => {
    const registered = header.jku === undefined ? undefined : await findClient(database, client.clientId)
    checkAssertion(claims, header, registered?.metadata.jwks_uri)
  },
  clientBasedCORS: (_ctx, origin, client) => isOwnOrigin(origin, client.redirectUris),
})

/** What an authorization request may say, and how a person decides about it. */
const requestsOf = (parts: ProviderParts): Configuration => ({
  responseTypes: ['code'],
  pkce: { required: () => true },
  allowOmittingSingleRegisteredRedirectUri: false,
  enableHttpPostMethods: true,
  extraParams: {
    aud: ctx => checkAuthorizationRequest(ctx, parts),
    launch: ctx => checkLaunchParameter(ctx, parts),
    authorization_request: ctx => checkSharingLink(ctx, parts),
  },
  interactions: { policy: decidedEachTime(), url: (_ctx, { uid }) => `${parts.base()}/authorize/${uid}` },
  findAccount: accounts(parts),
})

/** What a grant gives, and for how long. */
const grantsOf = (parts: ProviderParts): Configuration => ({
  ttl: {
    AccessToken: lifetimes.accessToken,
    ClientCredentials: lifetimes.backendToken,
    AuthorizationCode: lifetimes.authorizationCode,
    IdToken: lifetimes.accessToken,
    Interaction: lifetimes.interaction,
    RefreshToken: lifetimes.refreshToken,
    Session: lifetimes.interaction,
  },
  loadExistingGrant: ctx => {
    const grantId = ctx.oidc.result?.consent?.grantId
    return grantId === undefined ? undefined : ctx.oidc.provider.Grant.find(grantId)
  },
  extraTokenClaims: async (_ctx, token) => {
    const grantId = 'grantId' in token ? token.grantId : undefined
    return grantId === undefined ? undefined : tokenContextOf(parts, grantId)
  },
  // Neither is granted to an app that does not refresh; it may have been changed since it was granted.
  issueRefreshToken: (_ctx, client, { scopes }) =>
    client.grantTypeAllowed('refresh_token') && (scopes.has('offline_access') || scopes.has('online_access')),
  rotateRefreshToken: true,
  revokeGrantPolicy: () => true,
  expiresWithSession: () => false,
})

const featuresOf = (parts: ProviderParts): Configuration['features'] => ({
  devInteractions: { enabled: false },
  userinfo: { enabled: false },
  rpInitiatedLogout: { enabled: false },
  pushedAuthorizationRequests: { enabled: false },
  dPoP: { enabled: false },
  clientCredentials: { enabled: true },
  revocation: { enabled: true, allowedPolicy: (_ctx, client, { clientId }) => mayRevoke(client.clientId, clientId) },
  introspection: {
    enabled: true,
    allowedPolicy: async (_ctx, client, { clientId }) =>
      client.clientId === clientId || introspectsAll(await findClient(parts.database, client.clientId)),
  },
  registration: {
    enabled: parts.isRegistrationOpen,
    idFactory: newClientId,
    secretFactory: newSecret,
    issueRegistrationAccessToken: true,
  },
  resourceIndicators: {
    enabled: true,
    defaultResource: async (_ctx, _client, oneOf) => oneOf?.[0] ?? parts.fhir(),
    useGrantedResource: async () => true,
    getResourceServerInfo: async (ctx, resource) => {
      if (resource !== parts.fhir()) throw otherResource(parts.fhir())
      return { scope: await scopeInQuestion(ctx, parts), audience: parts.fhir(), accessTokenFormat: 'opaque' }
    },
  },
})

/**
 * "If this validation fails, the request is refused and the client is informed of the error." That is said too of a token whose grant is not in force
 * at the moment, as for lack of a role, and would be again: whoever holds it learns that it is not theirs, and nothing else.
 * https://www.rfc-editor.org/rfc/rfc7009#section-2.1
 */
const mayRevoke = (asking: string, owner: string | undefined): boolean => {
  if (asking !== owner) throw new errors.InvalidGrant('the token was issued to another client, and was not revoked')
  return true
}

/** A person decides each time, on our page. No grant is used again, since the next launch may be for another patient. */
const decidedEachTime = (): interactionPolicy.DefaultPolicy => {
  const { base, Check, Prompt } = interactionPolicy
  const policy = base()
  policy.clear()
  policy.add(new Prompt({ name: 'login', requestable: true }))
  policy.add(
    new Prompt(
      { name: 'consent', requestable: true },
      new Check(
        'undecided',
        'the person has not decided yet',
        'interaction_required',
        ctx => !ctx.oidc.result?.consent,
      ),
    ),
  )
  return policy
}

/** A person is named by the id of the Person. */
const accounts =
  (parts: ProviderParts): FindAccount =>
  async (_ctx, person, token) => ({
    accountId: person,
    claims: async () => {
      const grant = token?.grantId === undefined ? undefined : await findGrant(parts.database, token.grantId)
      return { sub: person, fhirUser: grant && (await fhirUserOf(parts, grant)) }
    },
  })

/** What was granted with the code or the refresh token; for a backend client, what it may have of the scopes it asks for. */
const scopeInQuestion = async (ctx: KoaContextWithOIDC, parts: ProviderParts): Promise<string> => {
  const { params, client, entities } = ctx.oidc
  const asked = params?.scope
  if (params?.grant_type !== 'client_credentials' || client === undefined)
    return (entities.AuthorizationCode ?? entities.RefreshToken)?.scope ?? (typeof asked === 'string' ? asked : '')
  const registered = await findClient(parts.database, client.clientId)
  if (registered === undefined) throw new errors.InvalidClientAuth('the client is not registered any more')
  params.scope = scopesOfBackend(typeof asked === 'string' ? asked : '', registered, parts.rules).join(' ')
  return String(params.scope)
}
