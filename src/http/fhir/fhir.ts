import { isUtf8 } from 'node:buffer'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { dispatch, triedBy } from '../../interactions/dispatch.ts'
import type { FhirResponse, Interaction, SystemRequest } from '../../interactions/interaction.ts'
import { findRoute, methodsAt, type Route } from '../../interactions/route.ts'
import { routes } from '../../operations/operations.ts'
import { requireUtf8 } from '../../search/sent-query.ts'
import type { Tried } from '../../storage/audit/refusal.ts'
import { type FindCaller, type Pages, requireCaller } from '../caller/caller.ts'
import type { CallerTurns } from '../caller/caller-turns.ts'
import type { LimitInFlight } from '../caller/in-flight.ts'
import { type RefusedParts, recordRefused } from '../caller/refused-token.ts'
import { askedOf } from '../counted-requests.ts'
import { allow } from '../other-methods.ts'
import { type AsyncRequests, sendAccepted } from './async-requests.ts'
import {
  asksForContent,
  binaryWrites,
  isBinaryRead,
  isBinaryWrite,
  mayBeContent,
  parseContent,
  sendBinary,
} from './binary.ts'
import { sendAnswer } from './fhir-answer.ts'
import { namePatches, parseBodies, unsupported } from './fhir-body.ts'
import { type ContextParts, openContexts } from './fhir-context.ts'
import { formType, isOfOtherVersion, patchType } from './media-type.ts'
import { parsePrefer } from './prefer.ts'
import { queryOf, refuseLines, requirePresentation } from './presentation.ts'

export type FhirOptions = ContextParts &
  RefusedParts & {
    readonly findCaller: FindCaller
    readonly pages: Pages
    readonly limitInFlight: LimitInFlight
    readonly turnsOf: CallerTurns['turnsOf']
    readonly face?: Face
  }

/** How the same interactions are offered at another base: which of them, in which formats, and how answers are presented. */
export type Face = {
  readonly interactions: readonly Interaction[]
  /** Throws FhirError, 406, for a format that is not offered. */
  readonly requirePresentation: (request: FastifyRequest, query?: URLSearchParams) => void
  readonly present: (response: FhirResponse) => FhirResponse
}

const ownFace: Face = { interactions: routes, requirePresentation, present: response => response }

type Options = FhirOptions & {
  /** Where this process does background work. */
  readonly asyncRequests?: AsyncRequests | undefined
}

/** The RESTful API, below the prefix it is registered with. https://hl7.org/fhir/R4/http.html */
export const fhirRoutes = async (server: FastifyInstance, options: Options): Promise<void> => {
  const { registry, face = ownFace } = options
  const contextOf = openContexts(options, face.interactions)
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const { interaction, named } = findRoute(face.interactions, registry, target(request, request.body))
    request.asked = askedOf(interaction, named.type)
    const isContent = isBinaryRead(interaction, named.type)
    if (!isSearch(interaction) && !isContent) refuseLines(request)
    const routed = { interaction, request: { ...named, ...contentOf(request, interaction, named.type, face) } }
    const context = contextOf(request, interaction)
    const later = await options.asyncRequests?.take(routed, context, request)
    if (later !== undefined) return sendAccepted(reply, later)
    const send = isContent ? sendBinary : sendAnswer
    return send(reply, face.present(await dispatch(routed, context)))
  }
  const target = (request: FastifyRequest, body?: unknown) => ({
    method: request.method === 'HEAD' ? 'GET' : request.method,
    path: pathBelow(server.prefix, request),
    body,
  })
  const routeOf = (request: FastifyRequest) => routeAt(face.interactions, registry, target(request))
  const onRefused = recordRefused(options, request => triedAt(routeOf(request)))
  server.methodsBelow.set(server.prefix, path =>
    methodsAt(face.interactions, path).filter(
      method => routeAt(face.interactions, registry, { method, path }) !== undefined,
    ),
  )
  parseBodies(server)
  namePatches(server)
  server.decorateRequest('caller', undefined)
  server.decorateRequest('asked', undefined)
  server.addHook('onError', async request => {
    if (request.asked !== undefined) return
    const route = routeOf(request)
    request.asked = route && askedOf(route.interaction, route.named.type)
  })
  server.addHook('onRequest', requireCaller(options.findCaller, options.pages, onRefused))
  options.limitInFlight(server)
  server.addHook('onRequest', async (request, reply) => {
    if (!mayBeContent(target(request))) face.requirePresentation(request)
    reply.header('cache-control', 'no-store')
    refuseUnknown(target(request), reply, face.interactions, registry)
  })
  for (const { method, path } of pathsOf(face.interactions)) {
    server.route({ method, url: `/${path}`, handler: answer })
  }
  if (face === ownFace)
    await server.register(async scope => {
      parseContent(scope)
      for (const { method, path } of binaryWrites) scope.route({ method, url: path, handler: answer })
    })
  server.setNotFoundHandler(answer)
}

/** As far as method and path tell, since there is no body yet; undefined for a wrong path, which is not reported here. */
const routeAt = (
  interactions: readonly Interaction[],
  registry: Registry,
  target: { readonly method: string; readonly path: string },
): Route | undefined => {
  try {
    return findRoute(interactions, registry, { ...target, body: { type: 'batch' } })
  } catch (error) {
    if (error instanceof FhirError) return undefined
    throw error
  }
}

const triedAt = (route: Route | undefined): Tried | undefined =>
  route && triedBy({ interaction: route.interaction, request: route.named })

const isSearch = ({ name }: Interaction): boolean => name === 'search-type' || name === 'search-system'

/** Each method and path once: several interactions are posted to the base, and told apart by the type of the Bundle. */
const pathsOf = (interactions: readonly Interaction[]): readonly Pick<Interaction, 'method' | 'path'>[] => [
  ...new Map(interactions.map(one => [`${one.method} ${one.path}`, one])).values(),
]

/** Refuses what no route takes, before the body is read. */
const refuseUnknown = (
  target: { method: string; path: string },
  reply: FastifyReply,
  interactions: readonly Interaction[],
  registry: Registry,
): void => {
  const allowed = methodsAt(interactions, target.path)
  if (allowed.includes(target.method)) return
  try {
    findRoute(interactions, registry, target)
  } catch (error) {
    if (error instanceof FhirError && error.status === 405) allow(reply, allowed)
    throw error
  }
}

const contentOf = (
  request: FastifyRequest,
  interaction: Interaction,
  type: string | undefined,
  face: Face,
): SystemRequest => {
  const { body } = request
  const isForm = body instanceof URLSearchParams
  if (body !== undefined && isForm !== (interaction.body === 'form')) {
    throw isForm ? unsupported(formType) : unsupported('A resource', formType)
  }
  if (face === ownFace) refuseOtherVersion(request)
  if (isPatch(request) && interaction.body !== 'patch' && !isBinaryWrite(interaction, type))
    throw unsupported(patchType)
  const query = requireUtf8(isForm ? new URLSearchParams([...queryOf(request), ...body]) : queryOf(request))
  if (isForm) face.requirePresentation(request, query)
  const { prefer } = request.headers
  return {
    query,
    body,
    headers: {
      ...(request.presentation.lines ? { lines: true } : {}),
      prefer: parsePrefer(typeof prefer === 'string' ? prefer : prefer?.join()),
      ...conditionsOf(request),
      ...(isBinaryRead(interaction, type)
        ? { answersContent: (contentType: string) => asksForContent(request, contentType) === true }
        : {}),
    },
  }
}

const refuseOtherVersion = ({ body, headers: { 'content-type': type = '' } }: FastifyRequest): void => {
  if (body !== undefined && isOfOtherVersion(type)) throw unsupported(type)
}

const isPatch = ({ headers }: FastifyRequest): boolean =>
  headers['content-type']?.split(';')[0]?.trim().toLowerCase() === patchType

const conditions = {
  ifMatch: 'if-match',
  ifNoneExist: 'if-none-exist',
  ifNoneMatch: 'if-none-match',
  ifModifiedSince: 'if-modified-since',
  ifUnmodifiedSince: 'if-unmodified-since',
} as const

const conditionsOf = ({ headers }: FastifyRequest): Omit<SystemRequest['headers'], 'prefer'> =>
  Object.fromEntries(
    Object.entries(conditions).flatMap(([name, header]) =>
      headers[header] === undefined ? [] : [[name, lettersIn(String(headers[header]))]],
    ),
  )

/** Node reads each byte of a header as a letter, also of one that was sent as UTF-8. */
const lettersIn = (header: string): string => {
  const bytes = Buffer.from(header, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : header
}

/** By segments: the prefix may have come percent-encoded. */
const pathBelow = (prefix: string, { url }: FastifyRequest): string =>
  (url.split('?', 1)[0] ?? '').split('/').slice(prefix.split('/').length).join('/')
