import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { decodeJwt } from 'jose'
import { FhirError } from '../fhir/error.ts'
import { addressGroup } from './address-group.ts'

type Limit = {
  /** Of all that comes from one address: a whole institution may be behind it. */
  readonly ofAddress: number
  /** What is kept of each may be as long as it is: of its address one that is longer counts as several. */
  readonly bytes?: number
  /** The same in a day, of those that are kept for long. */
  readonly ofAddressInDay?: number
  /** Of one client there. At each address it is counted anew: its id is no secret, and nobody shuts it out elsewhere. */
  readonly ofClient?: number
}

/** How many requests a minute are answered, by the first words of the path below `/oauth`; of all else, any number. */
const limits: Readonly<Record<string, Limit>> = {
  authorize: { ofAddress: 1200, bytes: 4096, ofClient: 600 },
  token: { ofAddress: 3000, ofClient: 600 },
  'token/introspection': { ofAddress: 6000, ofClient: 3000 },
  'token/revocation': { ofAddress: 3000, ofClient: 600 },
  // Whoever registers need not say who they are, and is kept for a month.
  register: { ofAddress: 30, bytes: 4096, ofAddressInDay: 1000 },
}

/** Refuses what is too much by a `throttled` error with Retry-After. Each process counts for itself. */
export const limitRequests = async (scope: FastifyInstance, pathOf: (request: FastifyRequest) => string) => {
  await scope.register(fastifyRateLimit, { global: false })
  const counters = Object.entries(limits).map(([name, limit]) => [name, openCounters(scope, limit)] as const)
  const countersOf = (request: FastifyRequest): Counters | undefined => {
    const path = pathOf(request).split('?', 1)[0]
    const named = counters.filter(([name]) => path === `/${name}` || path?.startsWith(`/${name}/`))
    return request.method === 'OPTIONS' ? undefined : named.at(-1)?.[1]
  }
  // Before the body is read, which says who the client is.
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

/** Once it has been counted for its address. */
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
  // Also for a page of another origin: it could not read of any other way to know when to come again.
  reply.headers({
    'retry-after': String(counted.ttlInSeconds),
    'access-control-allow-origin': '*',
    'access-control-expose-headers': 'Retry-After',
  })
  throw new FhirError('throttled', `Too many requests: wait ${counted.ttlInSeconds} seconds`)
}

const lengthOf = ({ url, body }: FastifyRequest): number => url.length + (Buffer.isBuffer(body) ? body.length : 0)

/** Whom the request says it is of, which is not looked into yet; undefined where it says nothing. */
const clientNamed = ({ body, query, headers }: FastifyRequest): string | undefined => {
  const form = new URLSearchParams(Buffer.isBuffer(body) ? body.toString('utf8') : '')
  const [, basic] = /^Basic +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  if (basic !== undefined) return Buffer.from(basic, 'base64').toString('utf8').split(':', 1)[0]
  const { client_id } = query as { readonly client_id?: unknown }
  return form.get('client_id') ?? (typeof client_id === 'string' ? client_id : issuerOf(form.get('client_assertion')))
}

const issuerOf = (assertion: string | null): string | undefined => {
  try {
    return assertion === null ? undefined : decodeJwt(assertion).iss
  } catch {
    return undefined
  }
}
