/** https://openid.net/specs/openid-connect-core-1_0.html#UserInfo */

import {
  allowInsecureRequests,
  Configuration,
  customFetch,
  enableNonRepudiationChecks,
  fetchUserInfo,
} from 'openid-client'
import type { Outbound } from '../../messages/outbound.ts'
import { libraryFetch } from '../library-fetch.ts'
import type { ProviderMetadata } from './provider-metadata.ts'

type Asked = {
  readonly outbound: Pick<Outbound, 'send'>
  readonly issuer: string
  readonly clientId: string
  readonly metadata: ProviderMetadata
  readonly accessToken: string
  /** Of the id_token: of whom else it tells is not to be used. */
  readonly subject: string
}

/** `unread` says why nothing is known by it. */
export type UserInfo = {
  readonly email?: unknown
  readonly email_verified?: unknown
  readonly name?: unknown
  readonly unread?: string
}

/** Whoever is linked here comes in without an address: what cannot be had stops nobody. */
export const readUserInfo = async ({ outbound, issuer, clientId, metadata, ...of }: Asked): Promise<UserInfo> => {
  const { userinfo_endpoint, jwks_uri } = metadata
  if (userinfo_endpoint === undefined) return {}
  const client = new Configuration({ issuer, userinfo_endpoint, jwks_uri }, clientId)
  client[customFetch] = libraryFetch(outbound)
  // Which servers may be asked without TLS is the outbound client's to say.
  allowInsecureRequests(client)
  enableNonRepudiationChecks(client)
  try {
    return await fetchUserInfo(client, of.accessToken, of.subject)
  } catch (error) {
    return { unread: reasonOf(error) }
  }
}

/** The library says what is wrong with an answer in the cause. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown'
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
