import { type AccessToken, type ClientCredentials, errors, type KoaContextWithOIDC, type Provider } from 'oidc-provider'
import { FhirError } from '../../fhir/error.ts'
import { findClient } from '../../storage/authorization/client-registration.ts'
import { findToken } from '../../storage/authorization/token.ts'
import { assertionAlgorithms } from '../client/client-key.ts'
import type { LaunchContextMembers } from '../request/granted-context.ts'
import { amendRefusal } from './accepted.ts'
import { endGrant } from './adapter.ts'
import { answerFault } from './answer-fault.ts'
import { errorDescription } from './error-description.ts'
import { introspectsAll, isOwnOrigin, type ProviderParts, sessionCookie } from './provider-parts.ts'
import { openRefusedClients } from './refused-client.ts'
import { renderError } from './render-error.ts'
import { UsedTwice, writeUse } from './use-once.ts'

/** What the library does not answer itself: launch context, introspection by a bearer token, registered scopes. */
export const amendAnswers = (provider: Provider, parts: ProviderParts): void => {
  const recordRefused = openRefusedClients(parts)
  provider.on('grant.error', tellWhy)
  provider.on('introspection.error', tellWhy)
  provider.on('revocation.error', tellWhy)
  const amend = async (ctx: KoaContextWithOIDC, next: () => Promise<void>): Promise<void> => {
    const { path, method } = ctx
    if (path === '/token/introspection' && method === 'POST' && isBearer(ctx.get('authorization')))
      return introspectAsBearer(ctx, provider, parts)
    if (path.startsWith('/authorize')) ctx.set('Content-Security-Policy', ofAnswerPage)
    await next()
    await finish(ctx, parts)
    if (path.startsWith('/token')) {
      await recordRefused(ctx)
      amendTokenAnswer(ctx)
    }
    amendRefusal(ctx)
    if (path.startsWith('/register') && ctx.status < 300) showScope(ctx)
    if (path.startsWith('/.well-known/')) amendMetadata(ctx)
    dropSession(ctx)
  }
  provider.use(async (ctx, next) => {
    try {
      await amend(ctx as KoaContextWithOIDC, next)
    } catch (fault) {
      answerFault(parts, ctx as KoaContextWithOIDC, fault)
    }
  })
}

/** Of the page that sends a form to an app (`response_mode=form_post`), to which the library adds the hash of its script. */
const ofAnswerPage = "default-src 'none'; script-src 'self'; base-uri 'none'; frame-ancestors 'none'"

/** Writes what the answer says, or makes it say why that was not written. */
const finish = async (ctx: KoaContextWithOIDC, parts: ProviderParts): Promise<void> => {
  if (ctx.path === '/token') await finishToken(ctx, parts)
  if (ctx.path.startsWith('/authorize/')) await finishAuthorization(ctx, parts)
}

const finishToken = async (ctx: KoaContextWithOIDC, parts: ProviderParts): Promise<void> => {
  try {
    await writeUse(parts.database, ctx).catch(async error => {
      if (error instanceof UsedTwice && typeof error.grant === 'string') await endGrant(parts, error.grant)
      throw error
    })
  } catch (error) {
    if (!(error instanceof errors.OIDCProviderError)) return answerFault(parts, ctx, error)
    ctx.status = error.statusCode
    ctx.body = { error: error.message, error_description: errorDescription(error.error_detail ?? '') }
  }
}

/**
 * Somebody has decided, and is sent back to the app. If the database goes away, nothing of that is used up, and the same address leads on: the
 * browser keeps the cookie, too.
 */
const finishAuthorization = async (ctx: KoaContextWithOIDC, parts: ProviderParts): Promise<void> => {
  await writeUse(parts.database, ctx).catch(async fault => {
    parts.reportFault(fault)
    const passes = fault instanceof FhirError && fault.status === 503
    ctx.remove('Location')
    ctx.status = passes ? 503 : 500
    if (passes) ctx.set('Retry-After', '2')
    renderError(parts)(ctx, { error: 'server_error' })
  })
  if (ctx.status >= 500) ctx.remove('Set-Cookie')
}

/**
 * Says why a client was not authenticated, or why a code or refresh token was not accepted. The library only says that it was so, and then a
 * wrong clock looks like a wrong key, and a wrong code_verifier like a code that came too late.
 */
const tellWhy = (ctx: KoaContextWithOIDC, error: Error): void => {
  const body: { readonly error?: unknown } = Object(ctx.body)
  const why = whyOf(error)
  if (why !== undefined && body.error === error.message)
    ctx.body = { ...body, error_description: errorDescription(why) }
}

const whyOf = (error: Error): string | undefined => {
  if (error instanceof errors.InvalidScope && error.error_description?.startsWith('refresh token missing'))
    return `what the refresh token was granted has no ${Object(error).scope}`
  if (!(error instanceof errors.InvalidClientAuth || error instanceof errors.InvalidGrant)) return undefined
  if (Object(error.cause).code === 'ERR_JWKS_NO_MATCHING_KEY') return noKey
  return error.error_detail === 'alg mismatch' ? otherAlgorithm : error.error_detail
}

const noKey = 'the client has no key of the kid and alg of the assertion, or several, or its jwks_uri did not give it'

const otherAlgorithm = `the alg of an assertion is ${assertionAlgorithms.join(' or ')}`

const amendTokenAnswer = (ctx: KoaContextWithOIDC): void => {
  refuseNobody(ctx)
  if (ctx.path !== '/token') return
  refuseGrantType(ctx)
  // "… and the Pragma response header field with a value of no-cache", also if the response has no token.
  ctx.set('Pragma', 'no-cache')
  if (ctx.status === 200) addLaunchContext(ctx)
}

/**
 * "The authenticated client is not authorized to use this authorization grant type", for which the library answers invalid_request.
 * https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
const refuseGrantType = (ctx: KoaContextWithOIDC): void => {
  const body: { readonly error_description?: unknown } = Object(ctx.body)
  if (ctx.status === 400 && body.error_description === 'requested grant type is not allowed for this client')
    ctx.body = { ...body, error: 'unauthorized_client' }
}

type Metadata = {
  readonly claims_supported?: readonly string[]
  readonly token_endpoint_auth_methods_supported?: readonly string[]
  readonly token_endpoint_auth_signing_alg_values_supported?: readonly string[]
}

/**
 * The library advertises a claim with the id of a session, but has no session to name. Of the other endpoints at which clients authenticate as at the
 * token endpoint it says nothing, which for revocation would mean client_secret_basic alone. https://www.rfc-editor.org/rfc/rfc8414#section-2
 */
const amendMetadata = (ctx: KoaContextWithOIDC): void => {
  const { claims_supported: claims, ...others }: Metadata = Object(ctx.body)
  if (ctx.status !== 200 || claims === undefined) return
  const {
    token_endpoint_auth_methods_supported: methods = [],
    token_endpoint_auth_signing_alg_values_supported: algorithms,
  } = others
  ctx.body = {
    ...others,
    claims_supported: claims.filter(claim => claim !== 'sid'),
    revocation_endpoint_auth_methods_supported: methods,
    revocation_endpoint_auth_signing_alg_values_supported: algorithms,
    introspection_endpoint_auth_methods_supported: [...methods, 'Bearer'],
    introspection_endpoint_auth_signing_alg_values_supported: algorithms,
  }
}

const addLaunchContext = (ctx: KoaContextWithOIDC): void => {
  const { fhirUser: _told, ...context }: LaunchContextMembers = ctx.oidc.entities.AccessToken?.extra ?? {}
  Object.assign(ctx.body as object, context)
}

/** https://www.rfc-editor.org/rfc/rfc6749#section-5.2: invalid_client is also for "no client authentication included". */
const refuseNobody = (ctx: KoaContextWithOIDC): void => {
  const { error_description } = Object(ctx.body)
  if (ctx.status !== 400 || error_description !== 'no client authentication mechanism provided') return
  ctx.status = 401
  ctx.set('WWW-Authenticate', 'Basic realm="clients"')
  ctx.body = {
    error: 'invalid_client',
    error_description: 'say which client it is: by client_id, a secret or an assertion',
  }
}

const showScope = (ctx: KoaContextWithOIDC): void => {
  const { smart_scope, ...metadata } = ctx.body as { smart_scope?: string }
  ctx.body = { ...metadata, ...(smart_scope === undefined ? {} : { scope: smart_scope }) }
}

const dropSession = (ctx: KoaContextWithOIDC): void => {
  const set = [ctx.response.get('set-cookie')].flat().filter(cookie => cookie && !cookie.startsWith(sessionCookie))
  if (set.length > 0) ctx.set('Set-Cookie', set)
  else ctx.remove('Set-Cookie')
}

const isBearer = (authorization: string): boolean => /^Bearer /i.test(authorization)

/**
 * "The server SHALL support authorization by a suitably-scoped Bearer token": any token in force may ask about tokens of the same client, and
 * about all others if the client has the policy. https://www.rfc-editor.org/rfc/rfc7662
 */
const introspectAsBearer = async (ctx: KoaContextWithOIDC, provider: Provider, parts: ProviderParts): Promise<void> => {
  ctx.set('Cache-Control', 'no-store')
  const asks = await findToken(parts.database, ctx.get('authorization').replace(/^Bearer +/i, ''))
  if (asks === undefined) {
    ctx.status = 401
    ctx.set('WWW-Authenticate', 'Bearer error="invalid_token"')
    // As in the FHIR API: without a token in force, it is not known which origin may read the answer.
    ctx.set('Access-Control-Allow-Origin', '*')
    ctx.body = { error: 'invalid_token', error_description: 'the bearer token is not known, or no longer in force' }
    return
  }
  const client = await findClient(parts.database, asks.caller.client.id)
  const origin = ctx.get('origin')
  if (isOwnOrigin(origin, client?.metadata.redirect_uris)) ctx.set('Access-Control-Allow-Origin', origin)
  const token = new URLSearchParams(bodyText(ctx)).get('token')
  if (token === null || token === '') {
    ctx.status = 400
    ctx.body = { error: 'invalid_request', error_description: 'token is missing' }
    return
  }
  const found = (await provider.AccessToken.find(token)) ?? (await provider.ClientCredentials.find(token))
  const may = found !== undefined && (found.clientId === asks.caller.client.id || introspectsAll(client))
  ctx.body = may ? introspected(found, provider.issuer) : { active: false }
}

const introspected = (token: AccessToken | ClientCredentials, issuer: string) => ({
  ...token.extra,
  active: true,
  ...('accountId' in token && token.accountId !== undefined ? { sub: token.accountId } : {}),
  client_id: token.clientId,
  exp: token.exp,
  iat: token.iat,
  iss: issuer,
  aud: token.aud,
  scope: token.scope,
  token_type: 'Bearer',
})

/** The body has been read into the request already: see `replayedRequest`. */
const bodyText = ({ req }: KoaContextWithOIDC): string => {
  const { received } = req as typeof req & { readonly received?: Buffer }
  return received?.toString('utf8') ?? ''
}
