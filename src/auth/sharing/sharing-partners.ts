import { randomBytes, timingSafeEqual } from 'node:crypto'
import type { Caller } from '../../access/caller.ts'
import { parseScopes } from '../../access/scope.ts'
import { recordingChange } from '../../accounts/organization/configuration-change.ts'
import { FhirError } from '../../fhir/error.ts'
import { findGrant } from '../../storage/authorization/authorization-grant.ts'
import type { RegisteredClient } from '../../storage/authorization/client-registration.ts'
import {
  findSaid,
  findSharing,
  isLinkUsed,
  keepSaid,
  type SaidPartner,
} from '../../storage/authorization/sharing-partner.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import type { Connection } from '../../storage/database.ts'
import { digestOf } from '../../storage/secret/secret.ts'
import type { ProviderParts } from '../provider/provider-parts.ts'
import { openClientRefusals } from '../provider/refused-client.ts'
import { type Encryption, openEncryption } from '../tink/encryption.ts'
import { findPublicKey } from '../tink/public-key.ts'
import { findSharingPartner, readSharingLink } from './sharing-link.ts'

/** Partners by the contract of CommonHealth Cloud Storage. Patients let them read, by a link that the partner has signed. */
export type SharingPartners = {
  /** Where to send a browser that has opened a link: to our authorization endpoint. Undefined if it is no link in force. */
  readonly open: (jwt: string) => Promise<string | undefined>
  /** Undefined if the client is no partner, or the secret is wrong. */
  readonly authenticate: (id: string, secret: string) => Promise<RegisteredClient | undefined>
  /** Records that somebody came as the client, and was refused. To be called before that is answered. */
  readonly recordRefused: (id: string) => Promise<void>
  readonly describe: (partner: RegisteredClient) => Promise<Required<SaidPartner>>
  /**
   * Answers the new description. People are still shown the name that the operator has registered. Links that were signed with other keys are over.
   */
  readonly change: (partner: RegisteredClient, said: SaidPartner) => Promise<Required<SaidPartner>>
  /** Who the partner is with a token by the patient's grant; undefined if there is no grant in force. */
  readonly findShared: (partner: RegisteredClient, user: string) => Promise<Shared | undefined>
}

export type Shared = {
  readonly caller: Caller
  readonly encrypt: Encryption
  /** Id of the grant, which a later link replaces. */
  readonly grant: string
}

type Parts = Pick<ProviderParts, 'database' | 'rules' | 'openStoreAs' | 'base'>

export const openSharingPartners = (parts: Parts): SharingPartners => {
  const { database, openStoreAs, base } = parts
  return {
    open: async jwt => {
      const link = await readSharingLink(parts, jwt)
      if (link === undefined || (await isLinkUsed(database, link))) return undefined
      return `${base()}/oauth/authorize?${new URLSearchParams({
        response_type: 'code',
        client_id: link.client,
        redirect_uri: link.redirectUri,
        scope: link.scope,
        state: link.request,
        aud: `${base()}/fhir`,
        // Nobody knows a text with this hash, so the code is of no use.
        code_challenge: randomBytes(32).toString('base64url'),
        code_challenge_method: 'S256',
        authorization_request: jwt,
      })}`
    },
    authenticate: async (id, secret) => {
      const partner = await findSharingPartner(database, id)
      return partner?.secretHash && timingSafeEqual(partner.secretHash, digestOf(secret)) ? partner : undefined
    },
    recordRefused: openClientRefusals(database),
    describe: partner => describe(database, partner),
    change: (partner, said) => {
      const { id, name, organization } = partner
      const told = `The app ${name} said of itself ${Object.keys(said).join(' and ')} as a partner`
      return recordingChange({ openStoreAs, organization, client: { id, name } }, async connection => {
        await keepSaid(connection, id, said)
        // It is read before the commit: a partner who is answered 503 keeps the earlier key.
        const answer = await describe(connection, partner)
        return { answer, change: { action: 'U', told, id, details: {} } }
      })
    },
    findShared: async ({ id }, user) => {
      const sharing = await findSharing(database, id, user)
      const key = findPublicKey(sharing?.encryptionKey, 'ECIES_P256_HKDF_HMAC_SHA256_AES128_GCM')
      const grant = sharing && (await findGrant(database, sharing.grant))
      if (key === undefined || grant?.person === undefined || parseScopes(grant.scope).length === 0) return undefined
      const caller = await callerOfPerson(database, { ...grant, person: grant.person })
      return { caller, encrypt: openEncryption(key), grant: grant.id }
    },
  }
}

const describe = async (
  connection: Connection,
  { id, name, metadata: { logo_uri = '' } }: RegisteredClient,
): Promise<Required<SaidPartner>> => ({ name, logo_uri, signing_keys: [], ...(await findSaid(connection, id)) })

/** Throws `invalid` for anything but what a partner says about itself. */
export const parseSaid = (given: unknown): SaidPartner => {
  const { name = '-', logo_uri = '-', signing_keys = [], ...others } = Object(given)
  const areWords = [name, logo_uri].every(one => typeof one === 'string' && /^[^\p{C}]{1,500}$/u.test(one))
  const areKeys = Array.isArray(signing_keys) && signing_keys.length <= mostKeys && signing_keys.every(isSigningKey)
  const isObject = given?.constructor === Object && Object.keys(others).length === 0
  if (areWords && areKeys && isObject) return given as SaidPartner
  const words = `name and logo_uri, of at most 500 characters, and signing_keys, of which at most ${mostKeys}`
  throw new FhirError('invalid', `A partner says ${words}, each a keyset of one public key of Tink's ECDSA_P256`)
}

const mostKeys = 20

const isSigningKey = (given: unknown): boolean => findPublicKey(given, 'ECDSA_P256') !== undefined
