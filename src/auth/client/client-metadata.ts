import { errors } from 'oidc-provider'
import type { ClientMetadata } from '../../storage/authorization/client-registration.ts'
import { storable } from '../../storage/sql.ts'
import { type ClientKey, keyRefusal } from './client-key.ts'

/** What a client says about itself, as in RFC 7591, with `launch_uris` for apps that our pages open. */
export type ClientRequest = Partial<ClientMetadata> & { readonly client_name?: string; readonly scope?: string }

type Checks = {
  /** Why this server sends no request to a URL. */
  readonly refusalOf: (url: string) => string | undefined
  /** What it has now: addresses that stay are not checked again, so that one of an earlier version of this server holds up no new secret. */
  readonly registered?: ClientMetadata
}

/**
 * The metadata with defaults, whoever registers it. Throws invalid_client_metadata or invalid_redirect_uri, naming the member and what would be
 * accepted; the rest is checked by the library.
 */
export const checkClientMetadata = (given: ClientRequest, checks: Checks): ClientMetadata => {
  const grants = grantList(given.grant_types)
  const isBackend = grants.join() === 'client_credentials'
  const method = given.token_endpoint_auth_method ?? 'client_secret_basic'
  checkAuthentication(method, given, checks)
  if (grants.includes('client_credentials') && method === 'none')
    refuse('a client of client_credentials must authenticate')
  const redirects = uriList('redirect_uris', given.redirect_uris)
  const launches = uriList('launch_uris', given.launch_uris)
  checkUris({ redirects, launches, isBackend, registered: checks.registered })
  checkPages(given, checks.registered)
  const { invitation_url, jwks, jwks_uri, client_uri, logo_uri, policy_uri, tos_uri, contacts, smart_scope } = given
  return checkStorable({
    redirect_uris: redirects,
    grant_types: [...new Set(grants)],
    response_types: isBackend ? [] : ['code'],
    token_endpoint_auth_method: method,
    application_type: isNative(redirects, method) ? 'native' : 'web',
    launch_uris: launches.length === 0 ? undefined : launches,
    invitation_url:
      invitation_url === undefined || invitation_url === checks.registered?.invitation_url
        ? invitation_url
        : checkInvitationUrl(invitation_url),
    jwks,
    jwks_uri,
    client_uri,
    logo_uri,
    policy_uri,
    tos_uri,
    contacts,
    smart_scope,
  })
}

/** The metadata without undefined members. Refuses characters that cannot be stored, which the library accepts. */
const checkStorable = (
  given: { readonly [K in keyof ClientMetadata]: ClientMetadata[K] | undefined },
): ClientMetadata => {
  const metadata = withoutUndefined<ClientMetadata>(given)
  JSON.stringify(metadata, (name, value) => {
    if ([name, value].some(one => typeof one === 'string' && one !== storable(one)))
      refuse('no member may contain the character U+0000, or half of a surrogate pair')
    return value
  })
  return metadata
}

const checkAuthentication = (method: string, { jwks, jwks_uri }: ClientRequest, { refusalOf }: Checks): void => {
  if (!methods.has(method)) refuse(`token_endpoint_auth_method must be one of ${[...methods].join(', ')}`)
  const usesKeys = method === 'private_key_jwt'
  if (usesKeys && (jwks === undefined) === (jwks_uri === undefined))
    refuse('private_key_jwt needs jwks or jwks_uri, one of them')
  if (!usesKeys && (jwks !== undefined || jwks_uri !== undefined))
    refuse('jwks and jwks_uri are for token_endpoint_auth_method private_key_jwt')
  if (jwks !== undefined) checkKeys(Object(jwks))
  if (jwks_uri !== undefined) checkKeySetUrl(jwks_uri, refusalOf)
}

const checkKeySetUrl = (url: unknown, refusalOf: Checks['refusalOf']): void => {
  const reason = typeof url === 'string' ? refusalOf(url) : 'it must be a URL'
  if (reason !== undefined) refuse(`jwks_uri: ${reason}`)
}

/** The library opens no client with another, so that everybody whom the app sends would be told that it cannot be answered. */
const checkPages = (given: ClientRequest, registered: ClientMetadata | undefined): void => {
  for (const name of pages) {
    const uri: unknown = given[name]
    if (uri === undefined || uri === registered?.[name]) continue
    if (typeof uri !== 'string' || !isWebUri(uri) || !URL.canParse(uri))
      refuse(`${name} must be the address of a page, such as https://app.example.org/about`)
  }
}

const pages = ['client_uri', 'logo_uri', 'policy_uri', 'tos_uri'] as const

type Uris = {
  readonly redirects: readonly string[]
  readonly launches: readonly string[]
  readonly isBackend: boolean
  readonly registered: ClientMetadata | undefined
}

const checkUris = ({ redirects, launches, isBackend, registered }: Uris): void => {
  if (isBackend && redirects.length > 0) refuse('redirect_uris are for authorization_code')
  if (!isBackend && redirects.length === 0) refuse('redirect_uris must name at least one URL')
  for (const uri of newAmong(redirects, registered?.redirect_uris)) {
    const reason = redirectRefusal(uri)
    if (reason !== undefined) refuse(`redirect_uris: ${uri.slice(0, 200)} ${reason}`)
  }
  for (const uri of newAmong(launches, registered?.launch_uris)) {
    const reason = launchRefusal(uri)
    if (reason !== undefined) refuse(`launch_uris: ${uri.slice(0, 200)} ${reason}`)
  }
}

export const newAmong = (uris: readonly string[], registered: readonly string[] = []): readonly string[] =>
  uris.filter(uri => !registered.includes(uri))

export const launchRefusal = (uri: string): string | undefined =>
  !isWebUri(uri) || redirectRefusal(uri) !== undefined ? 'must be https' : undefined

/** The URL must not run anything in our pages, and must contain `CODE` once. */
const checkInvitationUrl = (url: unknown): string => {
  if (typeof url !== 'string') return refuse('invitation_url must be a URL')
  const isOne = url.split('CODE').length === 2 && url.length <= 2000
  const reason = isOne ? redirectRefusal(url.replace('CODE', 'code')) : 'must have CODE in it, once'
  return reason === undefined ? url : refuse(`invitation_url: ${url.slice(0, 200)} ${reason}`)
}

const methods: ReadonlySet<string> = new Set(['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'])
const personGrants = ['authorization_code', 'refresh_token']

const refuse = (reason: string): never => {
  throw new errors.InvalidClientMetadata(reason)
}

const uriList = (name: string, given: unknown): readonly string[] => {
  if (given === undefined) return []
  if (Array.isArray(given) && given.length <= 20 && given.every(one => typeof one === 'string' && one.length <= 2000))
    return given
  return refuse(`${name} must be a list of at most 20 URLs`)
}

const grantList = (given: unknown): readonly string[] => {
  if (given === undefined) return personGrants
  if (Array.isArray(given) && given.length <= 20 && given.every(one => typeof one === 'string')) return given
  return refuse('grant_types must be a list, such as ["authorization_code", "refresh_token"]')
}

/** Each needs a kid of its own, since an assertion names one. */
const checkKeys = ({ keys }: NonNullable<ClientMetadata['jwks']>): void => {
  if (!Array.isArray(keys) || keys.length === 0) refuse('jwks must be an object with keys')
  if (keys.length > mostKeys) refuse(`jwks must hold at most ${mostKeys} keys`)
  for (const key of keys) {
    const reason = keyRefusal(Object(key))
    if (reason !== undefined) refuse(`jwks: ${reason}`)
  }
  const names = new Set(keys.map(({ kid, kty }: ClientKey) => `${kty} ${kid}`))
  if (names.size < keys.length) refuse('jwks: no two keys of one kty may have the same kid')
}

const mostKeys = 20

const isWebUri = (uri: string): boolean => /^https?:\/\//i.test(uri)

/**
 * Whether it counts as a native app, which one does that keeps no secret and redirects to this machine only. The library then ignores the port:
 * "The authorization server MUST allow any port", since such an app gets its port when it starts.
 * https://www.rfc-editor.org/rfc/rfc8252#section-7.3
 */
const isNative = (redirects: readonly string[], method: string): boolean =>
  !redirects.every(isWebUri) || (method === 'none' && redirects.every(uri => /^http:/i.test(uri)))

/** https://www.rfc-editor.org/rfc/rfc8252#section-7: https, this machine, or an app's own scheme, which is a domain name. */
export const redirectRefusal = (uri: string): string | undefined => {
  const url = URL.parse(uri)
  if (url === null || uri.includes('#') || uri.includes('*')) return 'must be a whole URL without a fragment'
  // A parser would remove these or read them as something else, but redirect URIs are compared letter by letter.
  if (/[\s\p{Cc}\\"<>]/u.test(uri)) return 'must have no spaces, backslashes, quotes or brackets'
  // A URI has no others, and people are shown where an app leads them back: a Cyrillic letter would look like one of another host.
  if (/[^!-~]/.test(uri)) return 'must be in ASCII: a host as in xn--bcher-kva.example, and a path with %'
  if (url.username !== '' || url.password !== '') return 'must have no name or password'
  if (url.protocol === 'https:') return undefined
  if (url.protocol === 'http:')
    return ['localhost', '127.0.0.1', '[::1]'].includes(url.hostname) ? undefined : 'must be https, or of localhost'
  return url.protocol.includes('.') ? undefined : 'must be https, or a scheme of its own such as org.example.app:'
}

/** The members that are not undefined. */
export const withoutUndefined = <T extends object>(given: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as T
