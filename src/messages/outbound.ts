import { isIP } from 'node:net'
import { largePieces } from './large-pieces.ts'
import type { LookUp } from './look-up.ts'
import { openMachineLookUp } from './machine-look-up.ts'
import { isPublic, openPublicLookUp } from './public-address.ts'

/** The only way out to other servers: rest-hooks, key sets, gateways. Each request is refused unless its address is allowed. */
export type Outbound = {
  /** Throws `OutboundRefusal` if the address is not allowed, and any error on the way. */
  readonly send: (request: OutboundRequest) => Promise<OutboundAnswer>
  /** Why requests to the URL would not be sent; undefined if they would be. */
  readonly refusalOf: (url: string) => string | undefined
  /**
   * For a library that has a client of its own: how it must look up the host of the URL, so that it connects to no address to which `send` would
   * not. Throws if `send` would. The library itself must limit time and size.
   */
  readonly lookUpFor: (url: string) => LookUp
  readonly close: () => Promise<void>
}

type OutboundRequest = {
  readonly url: string
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** If `body` is longer than allowed, reading it ends with an error. */
type OutboundAnswer = {
  readonly status: number
  readonly body: string
  /** The header with that name, in lower case; undefined if it is absent, or was sent several times. */
  readonly header: (name: string) => string | undefined
}

type Limits = {
  /**
   * Origins, such as `https://hooks.example.org`; `https://*.example.org`; `*` for all public servers. Only an origin that is
   * named in full may be private or without TLS.
   */
  readonly allowed: readonly string[]
  readonly timeoutMs?: number
  readonly maxBodyBytes?: number
  /** Which name servers know the public servers, as `address:port`; those of the machine unless they are named. */
  readonly nameServers?: readonly string[]
}

/** Redirects are not followed, since nobody has checked where they lead. */
export const openOutbound = ({
  allowed,
  timeoutMs = 10_000,
  maxBodyBytes = 1_048_576,
  nameServers,
}: Limits): Outbound => {
  const lookUps = { publicOnly: openPublicLookUp(nameServers), anywhere: openMachineLookUp() }
  let client: ReturnType<typeof openClient> | undefined
  const refusalOf = (text: string) => refusal(text, allowed)
  const reachOf = (url: string): Reach => (isNamed(url, allowed) ? 'anywhere' : 'publicOnly')
  const requireAllowed = (url: string) => {
    const reason = refusalOf(url)
    if (reason !== undefined) throw new Error(reason)
  }
  return {
    refusalOf,
    lookUpFor: url => {
      requireAllowed(url)
      return lookUps[reachOf(url)]
    },
    send: async ({ url, method, headers, body }) => {
      requireAllowed(url)
      client ??= openClient(timeoutMs, lookUps)
      const { request, agents } = await client
      const answer = await request(url, {
        method,
        headers: { 'user-agent': 'Sharewell', ...headers },
        body: body ?? null,
        dispatcher: agents[reachOf(url)],
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
        signal: AbortSignal.timeout(timeoutMs),
      })
      const header = (name: string) => {
        const value = answer.headers[name]
        return typeof value === 'string' ? value : undefined
      }
      return { status: answer.statusCode, body: await readUpTo(answer.body, maxBodyBytes), header }
    },
    close: async () => {
      const agents = (await client)?.agents
      await Promise.all([agents?.publicOnly.close(), agents?.anywhere.close()])
    },
  }
}

/** Loaded when something is first sent, which many servers never do. */
const openClient = async (timeoutMs: number, lookUps: Readonly<Record<Reach, LookUp>>) => {
  const { Agent, request } = await import('undici')
  const openAgent = (reach: Reach) => new Agent({ connect: { timeout: timeoutMs / 2, lookup: lookUps[reach] } })
  return { request, agents: { publicOnly: openAgent('publicOnly'), anywhere: openAgent('anywhere') } }
}

type Reach = 'publicOnly' | 'anywhere'

/** Whether a failed request may have reached the other server: there was a connection, but no answer that could be read. */
export const mayHaveArrived = (error: unknown): boolean => {
  const { name, code } = error as { readonly name?: string; readonly code?: unknown }
  return name === 'TimeoutError' || name === 'HTTPParserError' || broken.has(String(code))
}

/** Errors of an existing connection. A connection that cannot be made fails with other errors, and before the time for the answer is over. */
const broken: ReadonlySet<string> = new Set([
  ...['UND_ERR_SOCKET', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ECONNRESET', 'EPIPE'],
  ...['UND_ERR_HEADERS_OVERFLOW', 'UND_ERR_RES_EXCEEDED_MAX_SIZE'],
])

const refusal = (text: string, allowed: readonly string[]): string | undefined => {
  const url = URL.parse(text)
  if (url === null) return `${text} is not a URL`
  if (url.username !== '' || url.password !== '') return 'a URL with a name or password in it is not requested'
  if (isNamed(text, allowed)) return undefined
  if (url.protocol !== 'https:') return `${url.protocol.slice(0, -1)} is not requested, only https`
  const host = url.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !isPublic(host)) return `${host} is not a public address`
  if (!allowed.some(one => isWildcardOf(one, url)))
    return `${url.origin} is not among the servers that may be requested`
  return undefined
}

/** Whether it is named in full, so that the operator means exactly this one, even if it is private or without TLS. */
const isNamed = (text: string, allowed: readonly string[]): boolean => allowed.includes(URL.parse(text)?.origin ?? '')

const isWildcardOf = (pattern: string, { protocol, host }: URL): boolean => {
  if (pattern === '*') return protocol === 'https:'
  const domain = pattern.startsWith('https://*.') ? pattern.slice('https://*'.length) : undefined
  return protocol === 'https:' && domain !== undefined && host.endsWith(domain)
}

const readUpTo = async (body: AsyncIterable<Buffer> & { destroy: () => unknown }, limit: number): Promise<string> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of largePieces(body)) {
    length += chunk.length
    if (length > limit) {
      body.destroy()
      throw Object.assign(new Error(`the answer is longer than ${limit} bytes`), {
        code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE',
      })
    }
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
