/** https://openid.net/specs/openid-connect-core-1_0.html#CodeFlowAuth */

import { createHash, createHmac } from 'node:crypto'
import fastifyOauth2 from '@fastify/oauth2'
import type { Outbound } from '../../messages/outbound.ts'
import { keepSsoArrival, keepSsoRequest, takeSsoRequest } from '../../storage/account/sso.ts'
import type { Database } from '../../storage/database.ts'
import { type KeySets, openKeySets } from '../client/key-sets.ts'
import { type ClaimRules, refedsMultiFactor, toArrived } from './claimed.ts'
import type { SsoArrived, SsoAsked, SsoSent } from './exchange.ts'
import { clockSkewSeconds, type IdToken, verifyIdToken } from './id-token.ts'
import { oidcCallbackPath } from './paths.ts'
import { discoverProvider, type ProviderMetadata } from './provider-metadata.ts'
import { refused, refusedBy, type SsoRefused } from './refusal.ts'
import { readUserInfo, type UserInfo } from './user-info.ts'

type OAuth2 = fastifyOauth2.OAuth2Namespace
type Host = Parameters<typeof fastifyOauth2>[0]
type Begin = Parameters<OAuth2['generateAuthorizationUri']>

/** A request of a browser. */
type Exchange = { readonly request: Begin[0] }

export type Oidc = {
  readonly kind: 'oidc'
  readonly begin: (exchange: Exchange, asked: SsoAsked) => Promise<SsoSent | SsoRefused>
  readonly finish: (exchange: Exchange, browser: string) => Promise<SsoArrived | SsoRefused>
}

export type OidcParts = {
  readonly database: Database
  readonly secretKey: Uint8Array
  readonly outbound: Outbound
  /** The address by which others reach this server, without a slash at the end. */
  readonly address: () => string
  /** A server that never listens: the library is a plugin, and registered anew for each version of the provider's metadata. */
  readonly openHost: () => Host
  readonly issuer: string
  readonly clientId: string
  readonly clientSecret: string
  readonly rules: ClaimRules
}

export const openOidc = (parts: OidcParts): Oidc => {
  const keySets = openKeySets(parts.outbound)
  const findClient = openClients(parts)
  return {
    kind: 'oidc',
    begin: async ({ request }, { browser, continued, isAskedAgain }) => {
      try {
        const { oauth2 } = await findClient()
        const url = new URL(await oauth2.generateAuthorizationUri(request, keepingNothing))
        const id = url.searchParams.get('state') ?? ''
        await keepSsoRequest(parts.database, { id, browser, continued, isAskedAgain })
        url.searchParams.set('nonce', madeFrom(parts, 'nonce', id))
        url.searchParams.set('code_challenge', challengeOf(madeFrom(parts, 'verifier', id)))
        if (isAskedAgain) url.searchParams.set('prompt', 'login')
        return { kind: 'sent', url: url.href }
      } catch (error) {
        return refusedBy('unreachable', error)
      }
    },
    finish: async ({ request }, browser) => {
      const query = new URLSearchParams(request.url.split('?')[1])
      const state = query.get('state') ?? ''
      const asked = await takeSsoRequest(parts.database, { id: state, browser })
      if (asked === undefined) return refused('over', 'the state is used, too old, or of another browser')
      const { since, ...goingOn } = asked
      try {
        const client = await findClient()
        requireIssuer(parts, client.metadata, query)
        if (query.has('error')) return { ...refused('denied', 'the provider answered with an error'), ...goingOn }
        const { idToken, userInfo } = await exchangeCode(parts, client, keySets, {
          code: query.get('code') ?? '',
          state,
        })
        const authenticatedAt = authenticatedIn(idToken, since)
        if (authenticatedAt === 'earlier')
          return {
            ...refused('earlier', 'its auth_time is before the request, which asked to sign in anew'),
            ...goingOn,
          }
        const arrived = {
          issuer: parts.issuer,
          subject: idToken.sub,
          ...toArrived(parts.rules, claimedBy(idToken, userInfo)),
          ...goingOn,
          ...(authenticatedAt === undefined ? {} : { authenticatedAt: authenticatedAt.toISOString() }),
        }
        return { kind: 'arrived', arrival: await keepSsoArrival(parts.database, browser, arrived) }
      } catch (error) {
        return { ...refusedBy('untrusted', error), ...goingOn }
      }
    },
  }
}

/** The library's cookies are dropped: it has one pair for all sign-ins of a browser, so that another window would replace those of this one. */
const keepingNothing = { setCookie: () => undefined } as unknown as Begin[1]

type Client = { readonly metadata: ProviderMetadata; readonly oauth2: OAuth2 }

/** The metadata is fetched when it is needed, so that a provider that is down affects nobody else, and again after ten minutes. */
const openClients = (parts: OidcParts): (() => Promise<Client>) => {
  let known: { readonly client: Promise<Client>; readonly until: number } | undefined
  return async () => {
    if (known === undefined || known.until < performance.now())
      known = { client: openClient(parts), until: performance.now() + 10 * 60_000 }
    try {
      return await known.client
    } catch (error) {
      known = undefined
      throw error
    }
  }
}

const openClient = async (parts: OidcParts): Promise<Client> => {
  const { outbound, clientId, clientSecret } = parts
  const metadata = await discoverProvider(outbound, parts.issuer)
  const [token, authorization] = [new URL(metadata.token_endpoint), new URL(metadata.authorization_endpoint)]
  const lookup = outbound.lookUpFor(token.href)
  const host = parts.openHost()
  await host.register(fastifyOauth2, {
    name: 'provider',
    scope: ['openid', 'email', 'profile'],
    credentials: {
      client: { id: clientId, secret: clientSecret },
      auth: {
        tokenHost: token.origin,
        tokenPath: `${token.pathname}${token.search}`,
        authorizeHost: authorization.origin,
        authorizePath: `${authorization.pathname}${authorization.search}`,
      },
      http: { timeout: 5000, maxBytes: 262_144, lookup },
      options: { authorizationMethod: secretMethodOf(parts, metadata) },
    },
    userAgent: 'Sharewell',
    callbackUri: () => `${parts.address()}${oidcCallbackPath}`,
    pkce: 'S256',
    redirectStateCookieName: 'state',
    verifierCookieName: 'verifier',
  })
  await host.ready()
  const { oauth2Provider } = host
  if (oauth2Provider === undefined) throw new Error('the library has not hung itself in')
  return { metadata, oauth2: oauth2Provider }
}

/**
 * In the header an id and a secret are encoded (https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1), but not all providers decode them: if that
 * would make a difference, they go into the form, where there is only one way.
 */
const secretMethodOf = ({ clientId, clientSecret }: OidcParts, { secretIn }: ProviderMetadata): 'header' | 'body' => {
  if (secretIn !== 'either') return secretIn === 'form' ? 'body' : 'header'
  return [clientId, clientSecret].every(one => encodeURIComponent(one) === one) ? 'header' : 'body'
}

/** https://www.rfc-editor.org/rfc/rfc9207#section-2.4 */
const requireIssuer = ({ issuer }: OidcParts, { namesIssuer }: ProviderMetadata, query: URLSearchParams): void => {
  const named = query.get('iss')
  if (named === null ? namesIssuer : named !== issuer) throw new Error('the answer is not of the issuer that was asked')
}

const exchangeCode = async (
  parts: OidcParts,
  { metadata, oauth2 }: Client,
  keySets: KeySets,
  { code, state }: { readonly code: string; readonly state: string },
): Promise<{ readonly idToken: IdToken; readonly userInfo: UserInfo | undefined }> => {
  const cookies = { state, verifier: madeFrom(parts, 'verifier', state) }
  const request = { query: { code, state }, cookies } as unknown as Begin[0]
  const { token } = await oauth2.getAccessTokenFromAuthorizationCodeFlow(request)
  if (typeof token.id_token !== 'string') throw new Error('there is no id_token')
  const { outbound, issuer, clientId } = parts
  const nonce = madeFrom(parts, 'nonce', state)
  const expected = { issuer, clientId, nonce, keySets, keySetUrl: metadata.jwks_uri }
  const idToken = await verifyIdToken(token.id_token, expected)
  if (idToken.email !== undefined) return { idToken, userInfo: undefined }
  // "The Claims requested by the profile, email, address, and phone scope values are returned from the UserInfo Endpoint" if there is an access
  // token.
  const { access_token: accessToken } = token
  const asked = { outbound, issuer, clientId, metadata, accessToken, subject: idToken.sub }
  return { idToken, userInfo: await readUserInfo(asked) }
}

/**
 * When the person authenticated. Whoever has the browser can change what it asks for. Not all providers say when somebody signed in. Those that
 * do are held to it, and `earlier` is no answer; for the others it is known only if they had to ask again, and `since` is when they had to.
 */
const authenticatedIn = ({ auth_time: told }: IdToken, since: Date | undefined): Date | 'earlier' | undefined => {
  const now = new Date()
  if (told === undefined) return since && now
  const at = typeof told === 'number' ? told * 1000 : Number.NaN
  if (since === undefined) return Number.isNaN(at) ? undefined : new Date(Math.min(at, now.getTime()))
  if (Number.isNaN(at)) throw new Error('its auth_time is no number')
  if (at + clockSkewSeconds * 1000 < since.getTime()) return 'earlier'
  return new Date(Math.min(Math.max(at, since.getTime()), now.getTime()))
}

/** Made again from the state that comes back, which is known only for this browser: a code or id_token for another browser has another value. */
const madeFrom = ({ secretKey }: OidcParts, what: 'nonce' | 'verifier', state: string): string =>
  createHmac('sha256', secretKey).update(`SSO ${what} ${state}`).digest('base64url')

/** https://www.rfc-editor.org/rfc/rfc7636#section-4.2 */
const challengeOf = (verifier: string): string => createHash('sha256').update(verifier).digest('base64url')

/** What the provider signed counts before what it says beside it. */
const claimedBy = ({ email, email_verified, xms_edov, name, amr, acr }: IdToken, userInfo: UserInfo | undefined) => ({
  ...(userInfo === undefined
    ? // Entra ID never says email_verified; its xms_edov says the same.
      { email, isEmailVerified: email_verified === true || (email_verified === undefined && xms_edov === true) }
    : { email: userInfo.email, isEmailVerified: userInfo.email_verified === true, unread: userInfo.unread }),
  name: name ?? userInfo?.name,
  toldMultiFactor: (Array.isArray(amr) && amr.includes('mfa')) || acr === refedsMultiFactor,
})
