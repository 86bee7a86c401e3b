import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Metrics } from '../events/metrics.ts'
import type { Interaction } from '../interactions/interaction.ts'
import { isUpgraded } from './upgrades.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** What it asks for, once that is known. */
    asked?: Asked | undefined
  }
}

export type Asked = { readonly interaction: string; readonly type: string }

/** Counts each request once, by what it asked for and how it ended, even if its client leaves first. */
export const countRequests = (server: FastifyInstance, { requestBegan, requestEnded }: Metrics): void => {
  const answered = new WeakSet<FastifyRequest>()
  server.addHook('onRequest', (request, reply, done) => {
    requestBegan()
    reply.raw.once('close', () => {
      const status = answered.has(request) ? reply.statusCode : isUpgraded(request.raw) ? 101 : undefined
      requestEnded({ ...labelsOf(request), status }, reply.elapsedTime / 1000)
    })
    done()
  })
  server.addHook('onResponse', (request, _reply, done) => {
    answered.add(request)
    done()
  })
}

export const askedOf = (
  { name, path }: Pick<Interaction, 'name'> & { readonly path: string },
  type: string = none,
): Asked => ({ interaction: name === 'operation' ? path.slice(path.indexOf('$')) : name, type })

const labelsOf = (request: FastifyRequest) => {
  const { door, path } = doorOf(request)
  return { door, ...(request.asked ?? { interaction: besideFhir(request.method, door, path), type: none }) }
}

const doorOf = ({ url, routeOptions }: FastifyRequest): { readonly door: string; readonly path: string } => {
  const path = url.split('?', 1)[0] ?? ''
  const [known] = doors.find(([, at]) => at.test(path)) ?? []
  return { door: known ?? (routeOptions.url === undefined ? 'none' : 'pages'), path }
}

/** By the beginning of the path; what is at none of these, and is there, is a page. */
const doors: readonly (readonly [door: string, at: RegExp])[] = [
  ['r5', /^\/fhir\/r5(\/|$)/i],
  ['fhir', /^\/fhir(\/|$)/],
  ['api', /^\/api\/v1(\/|$)/],
  ['omh', /^\/omh\/v1(\/|$)/],
  ['oauth', /^\/(oauth|\.well-known)(\/|$)/],
  ['static', /^\/(static|docs|smart-style|favicon\.ico)(\/|$)/],
  ['health', /^\/(healthz|readyz|metrics)$/],
  ['websocket', /^\/ws$/],
]

/** Where people and apps show who they are: whoever guesses, guesses there. */
const besideFhir = (method: string, door: string, path: string): string => {
  if (method !== 'POST') return none
  if (door === 'oauth') return path === '/oauth/token' ? 'token' : none
  return path === '/sign-in' || path === '/second-factor' ? 'sign-in' : none
}

const none = 'none'

/** All values of the label `interaction` that no interaction of FHIR has. */
export const interactionsBesideFhir: readonly string[] = [none, 'token', 'sign-in']
