import { randomBytes, randomUUID } from 'node:crypto'
import type { FastifyInstance, InjectOptions } from 'fastify'
import { decrypt, type Keyset, newEncryptionKeyset, newSigningKeyset, serialized, sign } from './tink.ts'

type Settings = { readonly clientId: string; readonly clientSecret: string; readonly partnerId?: string }

/**
 * A partner, with the requests of its own client, which is in Python:
 * https://github.com/jupyterhealth/partner-client-docker/blob/main/src/client.py
 */
export const openPartner = (
  server: Pick<FastifyInstance, 'inject'>,
  { clientId, clientSecret, partnerId = clientId }: Settings,
) => {
  const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
  const ask = async (options: Pick<InjectOptions, 'method' | 'payload'>, path: string) => {
    const url = `/api/v1/sharing-partners/${partnerId}${path}`
    const answer = await server.inject({ ...options, url, headers: { authorization, accept: '*/*' } })
    return { status: answer.statusCode, body: answer.json(), headers: answer.headers }
  }
  const get = (path = '') => ask({ method: 'GET' }, path)
  const post = (payload: object, path = '') => ask({ method: 'POST', payload }, path)

  let signingKey: Keyset | undefined
  const encryptionKeys = new Map<string, Keyset>()
  const users = new Map<string, string>()
  const userOf = (patient: string): string => {
    const user = users.get(patient) ?? randomUUID()
    users.set(patient, user)
    return user
  }

  const updateSigningKeys = async () => {
    const made = await newSigningKeyset()
    const answer = await post([serialized(made, 'ECDSA_P256')], '/signing_keys')
    if (answer.status < 400) signingKey = made
    return answer
  }
  const initialize = async (name: string, logoUri: string) => {
    const { body: existing } = await get()
    if (existing.signing_keys.length === 0) await updateSigningKeys()
    const update = {
      ...(name === existing.name ? {} : { name }),
      ...(logoUri === existing.logo_uri ? {} : { logo_uri: logoUri }),
    }
    if (Object.keys(update).length > 0) return post(update)
    return undefined
  }
  const encryptionKeyOf = async (patient: string, rotates: boolean): Promise<Keyset> => {
    const key = (rotates ? undefined : encryptionKeys.get(patient)) ?? (await newEncryptionKeyset())
    encryptionKeys.set(patient, key)
    return key
  }
  /** Its query; `claims` are what another client might say. */
  const deepLink = async (patient: string, scope: string, { rotates = false, claims = {}, alg = 'TinkES256' } = {}) => {
    if (signingKey === undefined) throw new Error('there is no signing key')
    const now = Math.floor(Date.now() / 1000)
    const payload = {
      scope,
      exp: now + 2_592_000,
      iat: now,
      user_id: userOf(patient),
      nonce: randomBytes(32).toString('base64'),
      iss: partnerId,
      request_id: randomUUID(),
      encryption_public_key: serialized(
        await encryptionKeyOf(patient, rotates),
        'ECIES_P256_HKDF_HMAC_SHA256_AES128_GCM',
      ),
      ...claims,
    }
    const signed = [{ alg, typ: 'JWT' }, payload]
      .map(one => Buffer.from(JSON.stringify(one)).toString('base64url'))
      .join('.')
    const signature = await sign(signingKey, signed)
    return `?authorization_request=${signed}.${signature.toString('base64url')}`
  }
  const userPath = (patient: string) => `/users/${userOf(patient)}`
  /** Undefined if the patient has not consented. */
  const fetchData = async (patient: string) => {
    const { status, body } = await get(userPath(patient))
    if (status === 404) return undefined
    const key = encryptionKeys.get(patient)
    if (status >= 400 || key === undefined) throw new Error(`${status}`)
    const read = (body as readonly Readonly<Record<string, string>>[]).map(async record => ({
      resourceType: record.data_type,
      text: (await decrypt(key, record)).toString('utf8'),
    }))
    return Promise.all(read)
  }
  return { get, post, initialize, updateSigningKeys, deepLink, fetchData, userPath, userOf }
}
