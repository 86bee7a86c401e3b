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
  /** The subject of the id_token; an answer about anybody else must not be used. */
  readonly subject: string
}

/** `unread`: why nothing could be read. */
export type UserInfo = {
  readonly email?: unknown
  readonly email_verified?: unknown
  readonly name?: unknown
  readonly unread?: string
}

/** A failure stops nobody: people who are linked here need no address to come in. */
export const readUserInfo = async ({ outbound, issuer, clientId, metadata, ...of }: Asked): Promise<UserInfo> => {
  const { userinfo_endpoint, jwks_uri } = metadata
  if (userinfo_endpoint === undefined) return {}
  const client = new Configuration({ issuer, userinfo_endpoint, jwks_uri }, clientId)
  client[customFetch] = libraryFetch(outbound)
  // The outbound client decides which servers may be asked without TLS.
  allowInsecureRequests(client)
  enableNonRepudiationChecks(client)
  try {
    return await fetchUserInfo(client, of.accessToken, of.subject)
  } catch (error) {
    return { unread: reasonOf(error) }
  }
}

/** The library's cause says what is wrong with an answer. */
const reasonOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'unknown'
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message
}
