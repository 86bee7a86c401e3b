/** https://docs.oasis-open.org/security/saml/v2.0/saml-profiles-2.0-os.pdf, 4.1: Web Browser SSO, with us as the service provider. */

import { type Profile, SAML, type SamlOptions, SamlStatusError, ValidateInResponseTo } from '@node-saml/node-saml'
import { answerSsoRequest, isSsoRequest, keepSsoRequest } from '../../storage/account/sso.ts'
import type { Connection } from '../../storage/database.ts'
import { newSecret } from '../../storage/secret/secret.ts'
import { type Claimed, type ClaimRules, refedsMultiFactor, toArrived } from './claimed.ts'
import type { SsoArrived, SsoAsked, SsoSent } from './exchange.ts'
import { samlConsumerPath, samlMetadataPath } from './paths.ts'
import { refused, refusedBy, type SsoRefused } from './refusal.ts'
import { clockSkewMs, persistent, readAssertion, type SamlAssertion } from './saml-assertion.ts'
import { requirePlainResponse } from './saml-response-text.ts'

export type Saml = {
  readonly kind: 'saml'
  readonly begin: (exchange: unknown, asked: SsoAsked) => Promise<SsoSent | SsoRefused>
  /** Takes a Response in base64, whoever sends it. */
  readonly consume: (response: string) => Promise<SsoArrived | SsoRefused>
  /** Our metadata for identity providers, as XML. */
  readonly metadata: () => string
}

export type SamlParts = {
  readonly database: Connection
  /** The address by which others reach this server, without a slash at the end. */
  readonly address: () => string
  /** entityID of the identity provider. */
  readonly issuer: string
  readonly signInUrl: string
  /** PEM; any of several may have signed. */
  readonly certificates: readonly string[]
  readonly rules: ClaimRules
}

export const openSaml = (parts: SamlParts): Saml => ({
  kind: 'saml',
  begin: async (_exchange, { browser, continued, isAskedAgain }) => {
    // An xs:ID must not begin with a digit.
    const id = `_${newSecret()}`
    await keepSsoRequest(parts.database, { id, browser, continued, isAskedAgain })
    // There is no RelayState: where to go on is stored here.
    const library = openLibrary(parts, { generateUniqueId: () => id, forceAuthn: isAskedAgain })
    return { kind: 'sent', url: await library.getAuthorizeUrlAsync('', undefined, {}) }
  },
  consume: async response => {
    const requests = openRequests(parts.database)
    try {
      const { answers, arrived } = await read(parts, openLibrary(parts, { cacheProvider: requests }), response)
      const arrival = await answerSsoRequest(parts.database, answers, arrived)
      if (arrival !== undefined) return { kind: 'arrived', arrival }
      return (await isSsoRequest(parts.database, answers.id))
        ? refused('earlier', 'its AuthnInstant is before the request, which asked to sign in anew')
        : refused('over', 'the request was answered already')
    } catch (error) {
      if (requests.isUnknown()) return refused('over', 'the request is not known, or was answered already')
      if (error instanceof SamlStatusError) return refused('denied', 'the provider answered with a status of failure')
      return refusedBy('untrusted', error)
    }
  },
  metadata: () => openLibrary(parts).generateServiceProviderMetadata(null, null),
})

/** Throws for anything but the provider's answer to a request of ours. */
const read = async (parts: SamlParts, library: SAML, response: string) => {
  requirePlainResponse(Buffer.from(response, 'base64').toString('utf8'))
  const { profile } = await library.validatePostResponseAsync({ SAMLResponse: response })
  if (profile === null) throw new Error('nobody was signed in')
  const { issuer } = parts
  const ours = { entityId: entityIdOf(parts), consumerUrl: consumerUrlOf(parts) }
  const assertion = readAssertion(profile.getAssertion?.(), { issuer, ...ours })
  const { subject, inResponseTo: id, signedInAt } = assertion
  if (profile.inResponseTo !== id) throw new Error('the Response answers another request')
  const claimed = claimedBy(assertion, profile)
  return { answers: { id, signedInAt }, arrived: { issuer, subject, ...toArrived(parts.rules, claimed) } }
}

const entityIdOf = ({ address }: SamlParts): string => `${address()}${samlMetadataPath}`
const consumerUrlOf = ({ address }: SamlParts): string => `${address()}${samlConsumerPath}`

const openLibrary = (parts: SamlParts, more: Partial<SamlOptions> = {}): SAML =>
  new SAML({
    issuer: entityIdOf(parts),
    audience: entityIdOf(parts),
    callbackUrl: consumerUrlOf(parts),
    entryPoint: parts.signInUrl,
    idpCert: [...parts.certificates],
    identifierFormat: persistent,
    disableRequestedAuthnContext: true,
    // Also if the Response as a whole is signed, which is not required.
    wantAssertionsSigned: true,
    wantAuthnResponseSigned: false,
    acceptedClockSkewMs: clockSkewMs,
    validateInResponseTo: ValidateInResponseTo.always,
    cacheProvider: openRequests(parts.database),
    ...more,
  })

/** What the library asks whether a request was ours. With its own way to forget requests, forged answers could end them. */
const openRequests = (database: Connection) => {
  let isUnknown = false
  return {
    isUnknown: () => isUnknown,
    saveAsync: async (_id: string, value: string) => ({ value, createdAt: Date.now() }),
    getAsync: async (id: string) => {
      const isKnown = await isSsoRequest(database, id)
      if (!isKnown) isUnknown = true
      return isKnown ? new Date().toISOString() : null
    },
    removeAsync: async (id: string | null) => id,
  }
}

const claimedBy = ({ contexts }: SamlAssertion, { attributes }: Profile): Claimed => {
  const given: Readonly<Record<string, unknown>> = Object(attributes)
  const first = (names: readonly string[]) => names.map(name => given[name]).find(value => value !== undefined)
  return {
    email: first(emailNames),
    // The institution vouches for what it signs about its own people.
    isEmailVerified: true,
    name: first(displayNames),
    toldMultiFactor: [...contexts, given[entraMethods]].flat().some(one => multiFactor.some(method => method === one)),
  }
}

const emailNames = [
  'urn:oid:0.9.2342.19200300.100.1.3',
  'urn:oid:1.2.840.113549.1.9.1',
  'http://schemas.xmlsoap.org/ws/2005/05/identity/claims/emailaddress',
  'mail',
  'email',
]
const displayNames = [
  'urn:oid:2.16.840.1.113730.3.1.241',
  'http://schemas.microsoft.com/identity/claims/displayname',
  'displayName',
  'name',
]
const entraMethods = 'http://schemas.microsoft.com/claims/authnmethodsreferences'
const multiFactor = [refedsMultiFactor, 'http://schemas.microsoft.com/claims/multipleauthn']
