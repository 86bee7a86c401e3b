import { createHash, randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Patient } from '@medplum/fhirtypes'
import jose from 'node-jose'

type Client = {
  readonly id: string
  readonly method: 'none' | 'secret' | 'private_key_jwt'
  readonly secret?: string
  /** Where it publishes its keys. */
  readonly keys?: () => Promise<object>
}

/** How this EHR deviates from what it should do; not at all by default. */
export type Misbehaviour = {
  /** Claims of the id_token instead of the right ones; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>
  readonly signedByAnother?: boolean
  readonly withoutIdToken?: boolean
  /** Members of its smart-configuration instead of the right ones. */
  readonly metadata?: Readonly<Record<string, unknown>>
  /** `iss` of the authorization response; undefined leaves it out. */
  readonly iss?: string | undefined
  /** The Patient that the token response names instead of the launch's. */
  readonly patient?: string
  /** What is read as the Patient instead of what was asked for. */
  readonly patientBody?: string
  readonly slow?: 'metadata' | 'token'
  readonly huge?: 'metadata' | 'token' | 'patient'
}

type Launch = { readonly subject: string; readonly patient?: string }
type Code = Launch & { readonly query: URLSearchParams; readonly client: Client }

/** An EHR implemented independently, over HTTP. https://hl7.org/fhir/smart-app-launch/app-launch.html */
export const openMockEhr = async () => {
  const key = await jose.JWK.createKey('RSA', 2048, { kid: 'ehr', alg: 'RS256', use: 'sig' })
  const other = await jose.JWK.createKey('RSA', 2048, { kid: 'ehr', alg: 'RS256', use: 'sig' })
  const clients = new Map<string, Client>()
  const launches = new Map<string, Launch>()
  const codes = new Map<string, Code>()
  const tokens = new Set<string>()
  const patients = new Map<string, Patient>()
  const asked: string[] = []
  let now: Misbehaviour = {}
  const base = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/fhir`

  const metadata = () => ({
    issuer: base(),
    jwks_uri: `${base()}/jwks`,
    authorization_endpoint: `${base()}/authorize`,
    token_endpoint: `${base()}/token`,
    grant_types_supported: ['authorization_code'],
    capabilities: ['launch-ehr', 'sso-openid-connect', 'context-ehr-patient'],
    code_challenge_methods_supported: ['S256'],
    authorization_response_iss_parameter_supported: true,
    ...now.metadata,
  })

  const authorize = (url: URL, response: ServerResponse) => {
    const query = url.searchParams
    const launch = launches.get(query.get('launch') ?? '')
    const client = clients.get(query.get('client_id') ?? '')
    if (launch === undefined || client === undefined || query.get('aud') !== base()) return send(response, 400, {})
    const code = randomBytes(16).toString('hex')
    codes.set(code, { ...launch, query, client })
    const back = new URL(query.get('redirect_uri') ?? '')
    back.searchParams.set('code', code)
    back.searchParams.set('state', query.get('state') ?? '')
    const iss = 'iss' in now ? now.iss : base()
    if (iss !== undefined) back.searchParams.set('iss', iss)
    response.writeHead(302, { location: back.href }).end()
  }

  const authenticates = async ({ id, method, secret, keys }: Client, form: URLSearchParams, authorization?: string) => {
    if (method === 'none') return form.get('client_id') === id && authorization === undefined
    if (method === 'secret') return authorization === `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
    const store = await jose.JWK.asKeyStore((await keys?.()) ?? {})
    const { header, payload } = await jose.JWS.createVerify(store).verify(form.get('client_assertion') ?? '')
    const { iss, sub, aud, exp, jti } = JSON.parse(payload.toString())
    const { alg, typ } = header as { readonly alg?: string; readonly typ?: string }
    return (
      [iss, sub].every(one => one === id) &&
      aud === `${base()}/token` &&
      exp <= Date.now() / 1000 + 300 &&
      typ === 'JWT' &&
      ['RS384', 'ES384'].includes(alg ?? '') &&
      typeof jti === 'string'
    )
  }

  const token = async (request: IncomingMessage, response: ServerResponse) => {
    const form = new URLSearchParams(await textOf(request))
    const code = codes.get(form.get('code') ?? '')
    codes.delete(form.get('code') ?? '')
    if (code === undefined) return send(response, 400, { error: 'invalid_grant' })
    if (!proves(code, form)) return send(response, 400, { error: 'invalid_grant' })
    if (!(await authenticates(code.client, form, request.headers.authorization).catch(() => false)))
      return send(response, 401, { error: 'invalid_client' })
    send(response, 200, await tokenBody(code))
  }

  const proves = ({ query }: Code, form: URLSearchParams) => {
    const verifier = form.get('code_verifier') ?? ''
    const challenge = createHash('sha256').update(verifier).digest('base64url')
    return query.get('code_challenge') === challenge && form.get('redirect_uri') === query.get('redirect_uri')
  }

  const tokenBody = async ({ client, query, subject, patient }: Code) => {
    const access = randomBytes(16).toString('hex')
    tokens.add(access)
    const seconds = Math.floor(Date.now() / 1000)
    const claims = {
      iss: metadata().issuer,
      sub: subject,
      aud: client.id,
      iat: seconds,
      exp: seconds + 300,
      nonce: query.get('nonce') ?? undefined,
      fhirUser: `${base()}/Practitioner/${subject}`,
      ...now.claims,
    }
    return {
      access_token: access,
      token_type: 'Bearer',
      expires_in: 300,
      scope: query.get('scope'),
      patient: now.patient ?? patient,
      ...(now.withoutIdToken ? {} : { id_token: await sign(now.signedByAnother ? other : key, claims) }),
      ...(now.huge === 'token' ? tooMuch : {}),
    }
  }

  const read = (request: IncomingMessage, response: ServerResponse, type: string, id: string) => {
    if (!tokens.has(request.headers.authorization?.replace('Bearer ', '') ?? '')) return send(response, 401, {})
    if (type === 'Practitioner') return send(response, 200, { resourceType: type, id })
    if (now.huge === 'patient') return send(response, 200, tooMuch)
    if (now.patientBody !== undefined) return response.writeHead(200).end(now.patientBody)
    const patient = patients.get(id)
    return patient === undefined ? send(response, 404, {}) : send(response, 200, patient)
  }

  const routes: Readonly<Record<string, (request: IncomingMessage, response: ServerResponse, url: URL) => unknown>> = {
    '/fhir/.well-known/smart-configuration': (_request, response) =>
      now.slow === 'metadata' || send(response, 200, { ...metadata(), ...(now.huge === 'metadata' ? tooMuch : {}) }),
    '/fhir/authorize': (_request, response, url) => authorize(url, response),
    '/fhir/token': (request, response) => now.slow === 'token' || token(request, response),
    '/fhir/jwks': (_request, response) => send(response, 200, { keys: [key.toJSON()] }),
  }

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const url = new URL(request.url ?? '', base())
    asked.push(url.pathname)
    const route = routes[url.pathname]
    if (route !== undefined) return route(request, response, url)
    const [, type = '', id = ''] = /^\/fhir\/(Patient|Practitioner)\/([^/]+)$/.exec(url.pathname) ?? []
    return read(request, response, type, id)
  }
  const server = createServer((request, response) => {
    void answer(request, response)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    base: base(),
    /** Paths that were requested. */
    asked,
    register: (client: Client) => clients.set(client.id, client),
    addPatient: (patient: Patient & { readonly id: string }) => patients.set(patient.id, patient),
    /** A launch as this EHR's user starts one. */
    launch: (launch: Launch) => {
      const id = randomBytes(8).toString('hex')
      launches.set(id, launch)
      return id
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

export type MockEhr = Awaited<ReturnType<typeof openMockEhr>>

const tooMuch = { more: 'x'.repeat(2_000_000) }

const send = (response: ServerResponse, status: number, body: object) => {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

const sign = async (key: jose.JWK.Key, claims: object) =>
  String(
    await jose.JWS.createSign({ alg: 'RS256', format: 'compact', fields: { typ: 'JWT' } }, key)
      .update(JSON.stringify(claims))
      .final(),
  )
