import type { IncomingMessage, ServerResponse } from 'node:http'
import { errors, type Provider } from 'oidc-provider'
import type { Caller } from '../access/caller.ts'
import type { OpenStoreAs } from '../accounts/person.ts'
import type { Outbound } from '../messages/outbound.ts'
import type { Store } from '../storage/store.ts'
import { type InstallationApps, openInstallationApps } from './client/installation-apps.ts'
import { openKeySets } from './client/key-sets.ts'
import { type OrganizationApps, openOrganizationApps } from './client/organization-apps.ts'
import { type AppLaunches, openAppLaunches } from './granted/app-launches.ts'
import { type GrantedApps, openGrantedApps } from './granted/granted-apps.ts'
import { type NotebookTokens, openNotebookTokens } from './granted/notebook-tokens.ts'
import { openRedemption, type Redemption } from './granted/redemption.ts'
import { refreshBody, registrationBody, type Sent, withoutEmptySecret, withoutOpenId } from './provider/amended-body.ts'
import { errorDescription } from './provider/error-description.ts'
import { openProvider } from './provider/provider.ts'
import type { ProviderParts } from './provider/provider-parts.ts'
import { replayedRequest } from './provider/replayed-request.ts'
import { requireOwnResource } from './provider/resource-indicator.ts'
import { readSigningKeys } from './provider/signing-keys.ts'
import { openChoices } from './request/patient-choice.ts'
import { openUserInteractions, type UserInteractions } from './request/user-interactions.ts'
import { openSharingPartners, type SharingPartners } from './sharing/sharing-partners.ts'

/** The authorization server, which hides the library. https://hl7.org/fhir/smart-app-launch/ */
export type AuthorizationServer = {
  /** Answers a request below `/oauth`; `path` is the rest of its path, with the query. */
  readonly handle: (request: IncomingMessage, response: ServerResponse, given: Given) => Promise<void>
  /** Makes the first signing key if there is none. Throws if the keys were made with another SECRET_KEY. */
  readonly start: () => Promise<void>
  readonly interactions: UserInteractions
  readonly grantedApps: GrantedApps
  readonly notebookTokens: NotebookTokens
  readonly organizationApps: OrganizationApps
  readonly installationApps: InstallationApps
  readonly launches: AppLaunches
  readonly redemption: Redemption
  readonly sharingPartners: SharingPartners
}

type Given = { readonly path: string; readonly body: Buffer }

export type AuthorizationOptions = Omit<ProviderParts, 'keySets' | 'fhir' | 'audiences'> & {
  readonly outbound: Pick<Outbound, 'send' | 'refusalOf'>
  /** The store as a caller sees it. */
  readonly openStoreFor: (caller: Caller) => Store
  readonly openStoreAs: OpenStoreAs
}

export const openAuthorizationServer = (options: AuthorizationOptions): AuthorizationServer => {
  const { database, outbound } = options
  const parts: ProviderParts = {
    ...options,
    fhir: () => `${options.base()}/fhir`,
    audiences: () => ['/fhir', '/FHIR/R5', '/fhir/r5'].map(path => `${options.base()}${path}`),
    keySets: openKeySets(outbound),
  }
  const opened = openProviders(parts)
  const choices = openChoices({ database, registry: options.rules.registry, openStoreFor: options.openStoreFor })
  const amend = async ({ authorization, body }: Sent, endpoint: string): Promise<Buffer> => {
    const { codeClasses } = options.rules
    if (endpoint === '/token') {
      requireOwnResource(body, parts.fhir())
      return refreshBody(database, body, { authorization, codeClasses })
    }
    if (endpoint === '/authorize') return Buffer.from(withoutOpenId(body.toString('utf8')))
    return endpoint === '/register' ? registrationBody(body, { refusalOf: outbound.refusalOf, codeClasses }) : body
  }
  const handle = async (request: IncomingMessage, response: ServerResponse, { path, body }: Given) => {
    const endpoint = endpointOf(path)
    try {
      const isPost = request.method === 'POST'
      const asSent = { authorization: request.headers.authorization, body }
      const sent = isPost && endpoint.startsWith('/token') ? withoutEmptySecret(asSent) : asSent
      const amended = { ...sent, body: isPost ? await amend(sent, endpoint) : body }
      const { provider, answer } = await opened()
      await answer(replayedRequest(request, { issuer: provider.issuer, path: amendedPath(path), ...amended }), response)
    } catch (error) {
      if (!(error instanceof errors.OIDCProviderError)) throw error
      sendError(response, error, endpoint)
    }
  }
  return {
    handle,
    start: async () => {
      await opened()
    },
    interactions: openUserInteractions({ ...parts, choices }, async () => (await opened()).provider),
    grantedApps: openGrantedApps(parts),
    notebookTokens: openNotebookTokens(parts),
    installationApps: openInstallationApps({ ...parts, ...options, refusalOf: outbound.refusalOf }),
    organizationApps: openOrganizationApps({ ...parts, ...options, refusalOf: outbound.refusalOf }),
    launches: openAppLaunches({ ...parts, choices }),
    redemption: openRedemption(parts, async () => (await opened()).provider),
    sharingPartners: openSharingPartners(parts),
  }
}

/** What is checked there is checked whatever query stands behind it. */
const endpointOf = (path: string): string => path.split('?', 1)[0] ?? path

/** An authorization request may be a GET. */
const amendedPath = (path: string): string => {
  const [endpoint, query] = path.split(/\?(.*)/s, 2)
  return endpoint === '/authorize' && query !== undefined ? `${endpoint}?${withoutOpenId(query)}` : path
}

type Opened = { readonly provider: Provider; readonly answer: ReturnType<Provider['callback']> }

/**
 * The library is given its address and keys when it is opened. It is opened again when the address has changed (a chosen port is only known once
 * the server listens), or the keys have, perhaps by another process.
 */
const openProviders = (parts: ProviderParts): (() => Promise<Opened>) => {
  let opened: { readonly version: string; readonly checkedAt: number; readonly now: Opened } | undefined
  const open = async (): Promise<Opened> => {
    const base = parts.base()
    if (opened?.version.startsWith(`${base} `) && performance.now() < opened.checkedAt + checkPauseMs) return opened.now
    const keys = await readSigningKeys(parts.database, parts.secretKey)
    const version = `${base} ${keys.map(({ kid }) => kid).join()}`
    if (opened?.version !== version) {
      const provider = openProvider(parts, keys)
      opened = { version, checkedAt: performance.now(), now: { provider, answer: provider.callback() } }
    } else opened = { ...opened, checkedAt: performance.now() }
    return opened.now
  }
  let underWay: Promise<Opened> | undefined
  return () => {
    underWay ??= open().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

const checkPauseMs = 5000

/**
 * Any page may read what is refused before the library knows which client asks: that is how an app in a browser learns that its refresh token
 * has ended.
 */
const sendError = (response: ServerResponse, error: errors.OIDCProviderError, endpoint: string): void => {
  const { error: code, error_description = '', error_detail = error_description } = error
  response.writeHead(error.statusCode, {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    ...(endpoint === '/token' ? { pragma: 'no-cache', 'access-control-allow-origin': '*' } : {}),
  })
  response.end(JSON.stringify({ error: code, error_description: errorDescription(error_detail) }))
}
