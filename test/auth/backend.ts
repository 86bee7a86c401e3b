import { randomUUID } from 'node:crypto'
import jose from 'node-jose'
import { base } from './world.ts'

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A key pair made by an implementation other than the server's. */
export const makeKey = async (alg: 'RS384' | 'ES384', kid: string = randomUUID()) => {
  const [kty, size] = alg === 'RS384' ? (['RSA', 2048] as const) : (['EC', 'P-384'] as const)
  const key = await jose.JWK.createKey(kty, size, { kid, alg, use: 'sig' })
  return { alg, kid, key, jwk: key.toJSON() as Record<string, unknown> }
}

export type Key = Awaited<ReturnType<typeof makeKey>>

type Said = Readonly<Record<string, unknown>>

/** What SMART requires of an assertion, except where a test wants something else. */
export const assertion = async (client: string, { alg, kid, key }: Key, claims: Said = {}, header: Said = {}) => {
  const said = {
    iss: client,
    sub: client,
    aud: `${base}/oauth/token`,
    exp: Math.floor(Date.now() / 1000) + 240,
    jti: randomUUID(),
    ...claims,
  }
  const fields = { typ: 'JWT', kid, ...header }
  const signed = jose.JWS.createSign({ alg, format: 'compact', fields }, {
    key,
    reference: false,
  } as unknown as jose.JWK.Key)
  return String(await signed.update(JSON.stringify(said)).final())
}
