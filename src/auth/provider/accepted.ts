import type { KoaContextWithOIDC } from 'oidc-provider'
import { assertionAlgorithms } from '../client/client-key.ts'
import { errorDescription } from './error-description.ts'

/** What would be accepted, where the library only says that something was not. Whatever else is wrong is said as it was. */
export const sayAccepted = (ctx: KoaContextWithOIDC, { error, error_description: description }: Refused): string => {
  const accepted = acceptedInsteadOf[description ?? error]
  return (typeof accepted === 'function' ? accepted(ctx) : accepted) ?? description ?? ''
}

type Refused = { readonly error: string; readonly error_description?: string | undefined }

/** Amends the answer of an endpoint: its JSON, or what the browser takes to the app. Pages for people are made by `renderError`. */
export const amendRefusal = (ctx: KoaContextWithOIDC): void => {
  if (!ctx.path.startsWith('/authorize')) amendObject(ctx)
  else if (ctx.response.get('location')) amendLocation(ctx)
  else amendForm(ctx)
}

const amendObject = (ctx: KoaContextWithOIDC): void => {
  const body: Partial<Refused> = ctx.status < 400 || typeof ctx.body !== 'object' ? {} : Object(ctx.body)
  const { error } = body
  if (error === undefined) return
  const said = sayAccepted(ctx, { ...body, error })
  if (said !== '') ctx.body = { ...body, error_description: errorDescription(said) }
}

/** The members of an answer come after the question mark of the redirect URI, or after a hash. */
const amendLocation = (ctx: KoaContextWithOIDC): void => {
  const location = new URL(ctx.response.get('location'))
  const isFragment = location.hash !== ''
  const members = new URLSearchParams(isFragment ? location.hash.slice(1) : location.search)
  const error = members.get('error')
  const description = members.get('error_description') ?? undefined
  const said = error === null ? '' : sayAccepted(ctx, { error, error_description: description })
  if (said === '' || said === description) return
  members.set('error_description', said)
  if (isFragment) location.hash = members.toString()
  else location.search = members.toString()
  ctx.set('Location', location.href)
}

/** In a form that the browser posts (`response_mode=form_post`). None of what is accepted needs to be escaped in an attribute. */
const amendForm = (ctx: KoaContextWithOIDC): void => {
  if (typeof ctx.body !== 'string') return
  ctx.body = ctx.body.replace(
    /(name="error" value="([^"]*)"\/>)(?:\n<input type="hidden" name="error_description" value="([^"]*)"\/>)?/,
    (_form, before: string, error: string, description: string | undefined) => {
      const said = sayAccepted(ctx, { error, error_description: description?.replaceAll('&#39;', "'") })
      return said === '' ? before : `${before}\n<input type="hidden" name="error_description" value="${said}"/>`
    },
  )
}

const assertionFor = ({ oidc }: KoaContextWithOIDC): string =>
  `aud of the client_assertion must be ${oidc.urlFor('token')}, or a list with it`

const inSeconds = (claim: string) =>
  `${claim} of the client_assertion must be a number without quotes, in seconds since 1970`

const jtiNeeded = 'jti of the client_assertion must be a text that is another in each assertion, such as a UUID'

const notRegistered = 'no client of this id is registered here, or it is disabled'

const byAssertion =
  'client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer and a client_assertion that it signs'

const authenticationBy: Readonly<Record<string, string>> = {
  none: 'this client has neither secret nor key: it sends its client_id alone',
  client_secret_basic: 'this client authenticates with its secret, by HTTP Basic or as client_secret in the body',
  client_secret_post: 'this client authenticates with its secret, by HTTP Basic or as client_secret in the body',
  private_key_jwt: `this client authenticates by ${byAssertion}`,
}

export const refreshTokenGone =
  'the refresh token is not known here, or what was granted with it has ended: ask the person again, at the authorization endpoint'

export const usedBefore = (what: string): string =>
  `${what}, and what was granted with it has ended: ask the person again, at the authorization endpoint`

const asParameters = (name: string) => `${name} is not supported: send what is asked for as parameters of their own`

const grantTypes = 'authorization_code, refresh_token or client_credentials'

type Accepted = string | ((ctx: KoaContextWithOIDC) => string | undefined)

/** By what the library says; where it says nothing, by the code. */
const acceptedInsteadOf: Readonly<Record<string, Accepted>> = {
  'client is invalid': notRegistered,
  'client not found': notRegistered,
  'client_id mismatch': 'client_id must be that of the client that authenticates',
  'the provided authentication mechanism does not match the registered client authentication method': ({ oidc }) =>
    authenticationBy[oidc.client?.clientAuthMethod ?? ''],
  'invalid authorization header value format':
    'Authorization must be Basic, with the base64 of client_id:client_secret, each of them percent-encoded',
  'invalid client_assertion format': `client_assertion must be a JWT, header.claims.signature in base64url, signed with ${assertionAlgorithms.join(' or ')}`,
  'invalid secret provided':
    'the secret is not that of this client: each is shown once, when it is made, and the one before it ends then',
  'signature verification failed':
    'the signature of the client_assertion is not by the private key whose public key this client has registered under its kid, or its header asks in crit for what is not supported',
  'audience (aud) must equal the endpoint url, issuer identifier or token endpoint url': assertionFor,
  'list of audience (aud) must include the endpoint url, issuer identifier or token endpoint url': assertionFor,
  'aud (JWT audience) must be provided in the client_assertion JWT': assertionFor,
  'jwt expired': () =>
    `exp of the client_assertion is past: it is in seconds since 1970, and here it is ${Math.floor(Date.now() / 1000)}`,
  'jwt not active yet': () =>
    `nbf of the client_assertion is still to come: it is in seconds since 1970, and here it is ${Math.floor(Date.now() / 1000)}`,
  'expiration must be specified in the client_assertion JWT': inSeconds('exp'),
  'invalid exp value': inSeconds('exp'),
  'invalid nbf value': inSeconds('nbf'),
  'invalid iat value': inSeconds('iat'),
  'unique jti (JWT ID) must be provided in the client_assertion JWT': jtiNeeded,
  'invalid jti value': jtiNeeded,
  "redirect_uri did not match any of the client's registered redirect_uris":
    'redirect_uri must be, letter by letter, one that the client has registered; only for a public client on a loopback address may the port differ',
  "missing required parameter 'redirect_uri'":
    'redirect_uri is missing: it must be one that the client has registered, even if there is only one',
  "missing required parameter 'response_type'": 'response_type is missing: it must be code',
  'unsupported response_type requested': 'response_type must be code',
  'unsupported response_mode requested': 'response_mode must be query, fragment or form_post',
  'unsupported prompt value requested': 'prompt must be login, consent or none',
  'invalid max_age parameter value': 'max_age must be a whole number of seconds',
  'Authorization Server policy requires PKCE to be used for this request':
    'code_challenge is missing: every client uses PKCE, with code_challenge_method=S256 and the base64url of the SHA-256 of its code_verifier',
  'not supported value of code_challenge_method': 'code_challenge_method must be S256',
  'code_challenge_method must be provided': 'code_challenge_method is missing: it must be S256',
  request_not_supported: asParameters('request'),
  request_uri_not_supported: asParameters('request_uri'),
  registration_not_supported: 'registration is not supported: clients register before, and send their client_id',
  "missing required parameter 'grant_type'": `grant_type is missing: it must be ${grantTypes}`,
  'unsupported grant_type requested': `grant_type must be ${grantTypes}`,
  'requested grant type is not allowed for this client': ({ oidc }) =>
    `this client may use ${oidc.client?.grantTypes?.join(' and ')}, as it is registered`,
  'authorization code not found':
    'the code is not known here, or what was granted with it has ended: a code is sent once, within a minute, exactly as it came to the redirect URI',
  'authorization code redirect_uri mismatch': 'redirect_uri must be the one at which the code arrived',
  'refresh token not found': refreshTokenGone,
  'authorization code already consumed': usedBefore('the code was used before'),
  'refresh token already used': usedBefore('the refresh token was used before'),
  'client mismatch': 'the code or refresh token is that of another client: each uses its own',
}
