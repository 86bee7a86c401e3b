import { importJWK } from 'jose'
import {
  allowInsecureRequests,
  authorizationCodeGrant,
  type ClientAuth,
  ClientSecretPost,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  modifyAssertion,
  None,
  PrivateKeyJwt,
} from 'openid-client'
import type { Outbound } from '../../messages/outbound.ts'
import type { Database } from '../../storage/database.ts'
import type { EhrMetadata } from '../../storage/ehr/launch.ts'
import type { SmartClientConfig } from '../../storage/ehr/smart-client-config.ts'
import { unseal } from '../../storage/secret/sealed.ts'
import { libraryFetch } from '../library-fetch.ts'
import { readEhrKeys } from './keys.ts'

export type EhrClientParts = {
  readonly database: Database
  readonly secretKey: Uint8Array
  readonly outbound: Pick<Outbound, 'send'>
}

type Exchange = {
  readonly config: SmartClientConfig
  readonly metadata: EhrMetadata
  /** The URL to which the browser came back, with its whole query. */
  readonly url: URL
  readonly state: string
  readonly verifier: string
  readonly nonce?: string
}

/** `subject` is the EHR's name for its user. The token is used at once, and not stored. */
export type EhrTokens = { readonly subject: string; readonly accessToken: string; readonly patient?: string }

/**
 * Exchanges the code for tokens. Throws if the EHR is not the one that was asked, or if it has not signed what it says about its user for us,
 * now, and for this very launch.
 */
export const exchangeCode = async (
  parts: EhrClientParts,
  { config, metadata, url, state, verifier, nonce }: Exchange,
): Promise<EhrTokens> => {
  const client = new Configuration(
    { ...metadata, ...mutable(metadata) },
    config.clientId,
    undefined,
    await authenticationOf(parts, config, metadata),
  )
  client[customFetch] = libraryFetch(parts.outbound)
  // The outbound client decides which servers may be asked without TLS.
  allowInsecureRequests(client)
  enableNonRepudiationChecks(client)
  const tokens = await authorizationCodeGrant(client, url, {
    pkceCodeVerifier: verifier,
    expectedState: state,
    idTokenExpected: true,
    ...(nonce === undefined ? {} : { expectedNonce: nonce }),
  })
  const subject = tokens.claims()?.sub
  if (subject === undefined) throw new Error('the EHR does not say who its user is')
  const { patient } = tokens
  return {
    subject,
    accessToken: tokens.access_token,
    ...(typeof patient === 'string' ? { patient } : {}),
  }
}

const mutable = (metadata: EhrMetadata) => ({
  token_endpoint_auth_methods_supported: [...(metadata.token_endpoint_auth_methods_supported ?? [])],
  token_endpoint_auth_signing_alg_values_supported: [
    ...(metadata.token_endpoint_auth_signing_alg_values_supported ?? []),
  ],
})

const authenticationOf = async (
  { database, secretKey }: EhrClientParts,
  { authentication, secret, clientId }: SmartClientConfig,
  metadata: EhrMetadata,
): Promise<ClientAuth> => {
  switch (authentication) {
    case 'none':
      return None()
    case 'secret': {
      const opened = await unseal(secretKey, 'launches from an EHR', secret ?? '')
      const methods = metadata.token_endpoint_auth_methods_supported ?? []
      const onlyPost = methods.includes('client_secret_post') && !methods.includes('client_secret_basic')
      return onlyPost ? ClientSecretPost(opened) : basic(clientId, opened)
    }
    case 'private_key_jwt':
      return signed(await readEhrKeys(database, secretKey), metadata)
  }
}

/** EHRs expect the id and the secret as they are, and not encoded as in RFC 6749. */
const basic =
  (clientId: string, secret: string): ClientAuth =>
  (_server, _client, _body, headers) => {
    headers.set('authorization', `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`)
  }

/** https://hl7.org/fhir/smart-app-launch/client-confidential-asymmetric.html: `aud` is the URL of the token endpoint. */
const signed = async (keys: Awaited<ReturnType<typeof readEhrKeys>>, metadata: EhrMetadata): Promise<ClientAuth> => {
  const supported = metadata.token_endpoint_auth_signing_alg_values_supported ?? []
  const key = keys.find(({ alg }) => supported.includes(alg)) ?? keys.find(({ alg }) => alg === 'RS384')
  if (key === undefined) throw new Error('there is no key to sign with')
  const imported = await importJWK(key, key.alg)
  if (imported instanceof Uint8Array) throw new Error('the key is not one of a pair')
  return PrivateKeyJwt(
    { key: imported, kid: key.kid },
    {
      [modifyAssertion]: (header, payload) => {
        header.typ = 'JWT'
        payload.aud = metadata.token_endpoint
      },
    },
  )
}
