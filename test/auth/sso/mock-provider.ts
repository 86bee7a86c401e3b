import { createHash, createHmac, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import jose from 'node-jose'

/** Who sits in front of the provider's screen. */
export type User = Readonly<Record<string, unknown>> & { readonly sub: string }

/** How this provider deviates from what it should do; not at all by default. */
export type Misbehaviour = {
  /** Claims of the id_token instead of the right ones; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly idToken?: 'absent' | 'unsigned' | 'by another key' | 'by the secret'
  /** Members of its description instead of the right ones. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** What the UserInfo endpoint answers; by default there is none. */
  readonly userInfo?: Readonly<Record<string, unknown>>
  /** `iss` of the authorization response; undefined leaves it out. */
  readonly iss?: string | undefined
  /** What the token endpoint answers instead of tokens. */
  readonly instead?: { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  readonly slow?: 'metadata' | 'token' | 'keys'
  readonly huge?: 'metadata' | 'token' | 'keys'
}

export const clientId = 'share:well'
export const clientSecret = 'a secret/with+signs%'

/** An identity provider implemented independently, over HTTP. https://openid.net/specs/openid-connect-core-1_0.html */
export const openMockProvider = async () => {
  const key = await jose.JWK.createKey('RSA', 2048, { kid: 'idp', alg: 'RS256', use: 'sig' })
  const other = await jose.JWK.createKey('RSA', 2048, { kid: 'idp', alg: 'RS256', use: 'sig' })
  const codes = new Map<string, { readonly user: User; readonly query: URLSearchParams }>()
  const asked: string[] = []
  const accessToken = randomBytes(16).toString('hex')
  let now: Misbehaviour = {}
  const issuer = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/realms/staff`

  const metadata = () => ({
    issuer: issuer(),
    jwks_uri: `${issuer()}/keys`,
    authorization_endpoint: `${issuer()}/authorize?tenant=1`,
    token_endpoint: `${issuer()}/token`,
    code_challenge_methods_supported: ['plain', 'S256'],
    authorization_response_iss_parameter_supported: true,
    ...(now.userInfo && { userinfo_endpoint: `${issuer()}/userinfo` }),
    ...now.metadata,
  })

  const token = async (request: IncomingMessage, response: ServerResponse) => {
    const form = new URLSearchParams(await textOf(request))
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    if (now.instead !== undefined) return response.writeHead(now.instead.status, now.instead.headers).end('{}')
    const isPostOnly = now.metadata?.token_endpoint_auth_methods_supported !== undefined
    const isKnown = isPostOnly ? isClientIn(form) : isClient(request.headers.authorization)
    if (!isKnown) return send(response, 401, { error: 'invalid_client' })
    if (code === undefined || !proves(code.query, form)) return send(response, 400, { error: 'invalid_grant' })
    send(response, 200, {
      access_token: accessToken,
      token_type: 'Bearer',
      expires_in: 300,
      id_token: await idToken(code),
      ...tooMuchIf(now.huge === 'token'),
    })
  }

  const idToken = async ({ user, query }: { readonly user: User; readonly query: URLSearchParams }) => {
    const seconds = Math.floor(Date.now() / 1000)
    const claims = {
      iss: issuer(),
      aud: clientId,
      iat: seconds,
      exp: seconds + 300,
      nonce: query.get('nonce') ?? undefined,
      email_verified: true,
      ...user,
      ...now.claims,
    }
    switch (now.idToken) {
      case 'absent':
        return undefined
      case 'unsigned':
        return `${part({ alg: 'none' })}.${part(claims)}.`
      case 'by another key':
        return sign(other, 'RS256', claims)
      case 'by the secret':
        return bySecret(claims)
      default:
        return sign(key, 'RS256', claims)
    }
  }

  const routes: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse) => unknown>> = {
    '/realms/staff/.well-known/openid-configuration': (_request, response) =>
      now.slow === 'metadata' || send(response, 200, { ...metadata(), ...tooMuchIf(now.huge === 'metadata') }),
    '/realms/staff/token': (request, response) => now.slow === 'token' || token(request, response),
    '/realms/staff/userinfo': (request, response) =>
      request.headers.authorization === `Bearer ${accessToken}`
        ? send(response, 200, now.userInfo ?? {})
        : send(response, 401, {}),
    '/realms/staff/keys': (_request, response) =>
      now.slow === 'keys' ||
      response
        .writeHead(200, { 'cache-control': 'no-store' })
        .end(JSON.stringify({ keys: [key.toJSON()], ...tooMuchIf(now.huge === 'keys') })),
  }
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '', issuer())
    asked.push(pathname)
    void (routes[pathname] ?? (() => send(response, 404, {})))(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    issuer: issuer(),
    /** Paths that were requested. */
    asked,
    /** Signs in the user who was sent to the URL; answers where the browser is sent back to. */
    authorize: (url: string, user: User): URL => {
      const query = new URL(url).searchParams
      const code = randomBytes(16).toString('hex')
      codes.set(code, { user, query })
      const back = new URL(query.get('redirect_uri') ?? '')
      back.searchParams.set('code', code)
      back.searchParams.set('state', query.get('state') ?? '')
      const iss = 'iss' in now ? now.iss : issuer()
      if (iss !== undefined) back.searchParams.set('iss', iss)
      return back
    },
    misbehave: (misbehaviour: Misbehaviour) => {
      now = misbehaviour
    },
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const tooMuchIf = (is: boolean) => (is ? { more: 'x'.repeat(2_000_000) } : {})

/** Both are encoded before they are joined. https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
const isClient = (authorization = ''): boolean => {
  const pair = Buffer.from(authorization.replace('Basic ', ''), 'base64').toString()
  const [id, secret] = pair.split(':').map(text => decodeURIComponent(text.replaceAll('+', '%20')))
  return id === clientId && secret === clientSecret
}

const isClientIn = (form: URLSearchParams): boolean =>
  form.get('client_id') === clientId && form.get('client_secret') === clientSecret

const proves = (query: URLSearchParams, form: URLSearchParams): boolean => {
  const challenge = createHash('sha256')
    .update(form.get('code_verifier') ?? '')
    .digest('base64url')
  return query.get('code_challenge') === challenge && form.get('redirect_uri') === query.get('redirect_uri')
}

const part = (of: object): string => Buffer.from(JSON.stringify(of)).toString('base64url')

const bySecret = (claims: object): string => {
  const signed = `${part({ alg: 'HS256', kid: 'idp' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', clientSecret).update(signed).digest('base64url')}`
}

const send = (response: ServerResponse, status: number, body: object) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

const sign = async (key: jose.JWK.Key, alg: string, claims: object) =>
  String(
    await jose.JWS.createSign({ alg, format: 'compact', fields: { typ: 'JWT' } }, key)
      .update(JSON.stringify(claims))
      .final(),
  )
