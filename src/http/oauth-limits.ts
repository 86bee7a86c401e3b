import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose'
import { FhirError } from '../fhir/error.ts'
import { addressGroup } from './address-group.ts'
import { RequestCounts } from './request-counts.ts'

type Limit = {
  /** For everything from one address: a whole institution may be behind it. */
  readonly ofAddress: number
  /** Each may be as long as this, since it is stored; for its address, a longer one counts as several. */
  readonly bytes?: number
  /** The same for a day, if they are stored for long. */
  readonly ofAddressInDay?: number
  /**
   * For one client at that address. It is counted separately at each address: its id is no secret, and nobody must be able to shut it out elsewhere.
   */
  readonly ofClient?: number
}

/** How many requests are answered in a minute, by the first words of the path below `/oauth`. Others are not limited. */
const limits: Readonly<Record<string, Limit>> = {
  authorize: { ofAddress: 1200, bytes: 4096, ofClient: 600 },
  token: { ofAddress: 3000, ofClient: 600 },
  'token/introspection': { ofAddress: 6000, ofClient: 3000 },
  'token/revocation': { ofAddress: 3000, ofClient: 600 },
  // A registration is anonymous, and stored for a month.
  register: { ofAddress: 30, bytes: 4096, ofAddressInDay: 1000 },
}

/** Refuses what is too much with a `throttled` error and Retry-After. Each process counts for itself. */
export const limitRequests = async (scope: FastifyInstance, pathOf: (request: FastifyRequest) => string) => {
  await scope.register(fastifyRateLimit, { global: false, store: RequestCounts })
  const counters = Object.entries(limits).map(([name, limit]) => [name, openCounters(scope, limit)] as const)
  const countersOf = (request: FastifyRequest): Counters | undefined => {
    const path = pathOf(request).split('?', 1)[0]
    const named = counters.filter(([name]) => path === `/${name}` || path?.startsWith(`/${name}/`))
    return request.method === 'OPTIONS' ? undefined : named.at(-1)?.[1]
  }
  // Before the body is read. (Only the body says who the client is.)
  scope.addHook('onRequest', async (request, reply) => {
    const counters = countersOf(request)
    if (counters !== undefined) await count(counters.ofAddress, request, reply)
  })
  scope.addHook('preHandler', async (request, reply) => {
    const counters = countersOf(request)
    if (counters === undefined) return
    for (const counter of [...countersOfLength(counters, request), ...countersOfClient(counters, request)])
      await count(counter, request, reply)
  })
}

/** After it has been counted once for its address. */
const countersOfLength = (
  { ofAddress, ofAddressInDay, bytes }: Counters,
  request: FastifyRequest,
): readonly Counter[] => {
  const times = Math.max(1, Math.ceil(lengthOf(request) / bytes))
  const inDay = ofAddressInDay === undefined || request.method !== 'POST' ? [] : [ofAddressInDay]
  return [...Array(times - 1).fill(ofAddress), ...inDay.flatMap(one => Array(times).fill(one))]
}

const countersOfClient = ({ ofClient }: Counters, request: FastifyRequest): readonly Counter[] =>
  ofClient === undefined || clientNamed(request) === undefined ? [] : [ofClient]

type Counter = ReturnType<FastifyInstance['createRateLimit']>
type Counters = {
  readonly ofAddress: Counter
  readonly ofAddressInDay: Counter | undefined
  readonly bytes: number
  readonly ofClient: Counter | undefined
}

const openCounters = (
  scope: FastifyInstance,
  { ofAddress, ofAddressInDay, bytes = Infinity, ofClient }: Limit,
): Counters => ({
  bytes,
  ofAddressInDay:
    ofAddressInDay === undefined
      ? undefined
      : scope.createRateLimit({ ...window, timeWindow: '1 day', max: ofAddressInDay, keyGenerator: addressGroup }),
  ofAddress: scope.createRateLimit({
    ...window,
    max: ofAddress,
    keyGenerator: addressGroup,
  }),
  ofClient:
    ofClient === undefined
      ? undefined
      : scope.createRateLimit({
          ...window,
          max: ofClient,
          keyGenerator: request => `${addressGroup(request)} ${clientNamed(request)}`,
        }),
})

const window = { timeWindow: '1 minute', cache: 10_000 }

const count = async (counter: Counter, request: FastifyRequest, reply: FastifyReply): Promise<void> => {
  const counted = await counter(request)
  if (counted.isAllowed || !counted.isExceeded) return
  // For a page of another origin too: otherwise it could not read when to try again.
  reply.headers({
    'retry-after': String(counted.ttlInSeconds),
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'Retry-After',
  })
  throw new FhirError('throttled', `Too many requests: wait ${counted.ttlInSeconds} seconds`)
}

const lengthOf = ({ url, body }: FastifyRequest): number => url.length + (Buffer.isBuffer(body) ? body.length : 0)

/**
 * The client that the request claims to be, which is not checked yet; undefined if it names none. It is looked for only where it will be read: the
 * query of a POST, or another spelling in HTTP Basic, would count the same client as another each time.
 */
const clientNamed = ({ method, url, body, headers }: FastifyRequest): string | undefined => {
  const [, basic] = /^Basic +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  if (basic !== undefined) return decoded(Buffer.from(basic, 'base64').toString('utf8').split(':', 1)[0] ?? '')
  const sent = method === 'POST' ? bodyText(body) : url.split('?').slice(1).join('?')
  const params = new URLSearchParams(sent)
  return params.get('client_id') ?? issuerOf(params.get('client_assertion'))
}

const bodyText = (body: unknown): string => (Buffer.isBuffer(body) ? body.toString('utf8') : '')

/** "encoded using the application/x-www-form-urlencoded encoding algorithm": https://www.rfc-editor.org/rfc/rfc6749#section-2.3.1 */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return text
  }
}

const issuerOf = (assertion: string | null): string | undefined => {
  try {
    const issuer: unknown = assertion === null ? undefined : decodeJwt(assertion).iss
    return typeof issuer === 'string' ? issuer : undefined
  } catch {
    return undefined
  }
}
