import { parseScope } from '../../access/scope.ts'
import { FhirError, type Issue } from '../../fhir/error.ts'
import type { ClientMetadata } from '../../storage/authorization/client-registration.ts'
import { isAppName } from './app-name.ts'
import { launchRefusal, newAmong, redirectRefusal } from './client-metadata.ts'

export type AppKind = 'public' | 'secret' | 'key' | 'backend'

export type SaidApp = {
  readonly name: string
  readonly kind: AppKind
  readonly redirectUris: readonly string[]
  readonly launchUris: readonly string[]
  readonly jwksUri?: string
  /** A JSON Web Key Set, as text. */
  readonly jwks?: string
  /** The most scopes that it may have: `user/` scopes for an app, `system/` scopes for a backend service. */
  readonly scope: string
}

type Checks = {
  /** Why this server sends no request to a URL. */
  readonly refusalOf: (url: string) => string | undefined
  /** What it has now: addresses that stay are not checked again. */
  readonly registered?: ClientMetadata | undefined
}

/** What is wrong, in the words of a page. All other faults are found when the metadata is checked. */
export const problemsOf = (app: SaidApp, checks: Checks): readonly Issue[] =>
  checksOf(app, checks).flatMap(([isWrong, expression, message]) =>
    isWrong ? [{ code: 'invalid', message, expression }] : [],
  )

type Check = readonly [isWrong: boolean, parameter: keyof ClientMetadata | 'name' | 'scope', message: string]

const checksOf = (
  { name, kind, redirectUris, launchUris, jwks, jwksUri, scope }: SaidApp,
  { refusalOf, registered }: Checks,
): readonly Check[] => {
  const isService = kind === 'backend'
  const signs = isService || kind === 'key'
  const context = isService ? 'system' : 'user'
  const other = wordsOf(scope).find(word => parseScope(word)?.context !== context)
  const redirect = isService
    ? undefined
    : refusedUri(newAmong(redirectUris, registered?.redirect_uris), redirectRefusal)
  const launch = isService ? undefined : refusedUri(newAmong(launchUris, registered?.launch_uris), launchRefusal)
  return [
    [!isAppName(name), 'name', 'Enter a name of 1 to 100 characters that can be seen'],
    [isService && redirectUris.length > 0, 'redirect_uris', 'A service sends nobody back: leave this empty'],
    [isService && launchUris.length > 0, 'launch_uris', 'A service is not opened by people: leave this empty'],
    [!isService && redirectUris.length === 0, 'redirect_uris', 'At least one address is needed'],
    [redirect !== undefined, 'redirect_uris', `${redirect}`],
    [launch !== undefined, 'launch_uris', `${launch}`],
    ...keyChecks(signs, { jwks, jwksUri }, refusalOf),
    [other !== undefined, 'scope', `${other} is no ${context}/ scope, such as ${context}/Observation.rs`],
  ]
}

const keyChecks = (
  signs: boolean,
  { jwks, jwksUri }: { readonly jwks: string | undefined; readonly jwksUri: string | undefined },
  refusalOf: Checks['refusalOf'],
): readonly Check[] => {
  const [hasKeys, hasAddress] = [jwks !== undefined, jwksUri !== undefined]
  if (!signs) {
    const onlySigns = 'Only an app with a key, or a service, has keys: leave this empty'
    return [
      [hasAddress, 'jwks_uri', onlySigns],
      [hasKeys, 'jwks', onlySigns],
    ]
  }
  const isUrl = jwksUri === undefined || URL.canParse(jwksUri)
  const unreachable = jwksUri === undefined ? undefined : refusalOf(jwksUri)
  const allow = 'the operator of this server has to allow it first, in OUTBOUND_ORIGINS'
  return [
    [!(hasKeys || hasAddress), 'jwks_uri', 'Enter where its keys are, or the keys themselves'],
    [hasKeys && hasAddress, 'jwks_uri', 'Enter where its keys are or the keys, not both'],
    [!isUrl, 'jwks_uri', 'Enter the whole address of the key set, such as https://app.example.org/jwks.json'],
    [isUrl && unreachable !== undefined, 'jwks_uri', `${unreachable}: ${allow}`],
  ]
}

/** The first that is refused, and why. */
const refusedUri = (uris: readonly string[], refusalOf: (uri: string) => string | undefined): string | undefined => {
  for (const uri of uris) {
    const reason = refusalOf(uri)
    if (reason !== undefined) return `${uri.slice(0, 200)} ${reason}`
  }
  return undefined
}

const wordsOf = (scope: string): readonly string[] => scope.split(' ').filter(word => word !== '')

const methodOf = { public: 'none', secret: 'client_secret_basic', key: 'private_key_jwt', backend: 'private_key_jwt' }

type SaidMetadata = Partial<ClientMetadata> & Pick<ClientMetadata, 'token_endpoint_auth_method'>

/** Throws FhirError if the keys are no JSON. */
export const metadataOf = ({ kind, redirectUris, launchUris, jwksUri, jwks }: SaidApp): SaidMetadata => ({
  token_endpoint_auth_method: methodOf[kind],
  grant_types: kind === 'backend' ? ['client_credentials'] : ['authorization_code', 'refresh_token'],
  redirect_uris: redirectUris,
  ...(launchUris.length === 0 ? {} : { launch_uris: launchUris }),
  ...(jwksUri === undefined ? {} : { jwks_uri: jwksUri }),
  ...(jwks === undefined ? {} : { jwks: readKeys(jwks) }),
})

const readKeys = (text: string): NonNullable<ClientMetadata['jwks']> => {
  try {
    const { keys } = Object(JSON.parse(text))
    return { keys }
  } catch {
    throw new FhirError('invalid', 'This is no JSON: paste the whole key set, {"keys": [ … ]}', { expression: 'jwks' })
  }
}

type Described = { readonly name: string; readonly scope: string; readonly metadata: Partial<ClientMetadata> }

/** What a record of it says: never a secret. */
export const detailsOf = ({ name, scope, metadata }: Described): Readonly<Record<string, string>> => ({
  name,
  scope: scope || 'none',
  token_endpoint_auth_method: metadata.token_endpoint_auth_method ?? 'none',
  redirect_uris: metadata.redirect_uris?.join(' ') || 'none',
  launch_uris: metadata.launch_uris?.join(' ') || 'none',
  jwks_uri: metadata.jwks_uri ?? 'none',
  keys: metadata.jwks?.keys.map(({ kid }) => String(kid)).join(' ') || 'none',
})
