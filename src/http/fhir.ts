import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import type { Access } from '../access/access.ts'
import { type Caller, within } from '../access/caller.ts'
import type { Registry } from '../fhir/registry.ts'
import { openCursors } from '../interactions/cursor.ts'
import { dispatch } from '../interactions/dispatch.ts'
import type { Context, Interaction, SystemRequest } from '../interactions/interaction.ts'
import { findRoute, methodsAt } from '../interactions/route.ts'
import type { Mhealth } from '../mhealth/mhealth.ts'
import { routes } from '../operations/operations.ts'
import { type AuditDoor, agentOf } from '../storage/audit/agent.ts'
import { recordRefusal } from '../storage/audit/refusal.ts'
import type { Trail } from '../storage/audit/trail.ts'
import type { Store } from '../storage/store.ts'
import { binaryWrites, isBinaryRead, isBinaryWrite, mayBeContent, parseContent, sendBinary } from './binary.ts'
import { type FindCaller, type Pages, requireCaller } from './caller.ts'
import { sendAnswer } from './fhir-answer.ts'
import { parseBodies, unsupported } from './fhir-body.ts'
import { formType, patchType } from './media-type.ts'
import { parsePrefer } from './prefer.ts'
import { queryOf, refuseLines, requirePresentation } from './presentation.ts'

export type FhirOptions = {
  readonly registry: Registry
  readonly mhealth: Mhealth
  readonly findCaller: FindCaller
  readonly pages: Pages
  readonly accessFor: (caller: Caller) => Access
  readonly openStoreFor: (caller: Caller, access: Access, door?: AuditDoor) => Store
  readonly trail: Trail
  /** Absolute, without a slash at the end. It is asked at each request: the port may be known only once it listens. */
  readonly base: () => string
  readonly secretKey: Uint8Array
  /** Why this server sends no requests to a URL, where it does not. */
  readonly refusalOf: Context['refusalOf']
}

/** The RESTful API, below the prefix it is registered with. https://hl7.org/fhir/R4/http.html */
export const fhirRoutes = async (server: FastifyInstance, options: FhirOptions): Promise<void> => {
  const cursorsFor = openCursors(options.secretKey)
  const contextOf = (request: FastifyRequest, interaction: Interaction): Context => {
    const { caller } = request
    if (caller === undefined) throw new Error('a route without its caller')
    const access = options.accessFor(caller)
    const door = doorOf(request, interaction)
    const store = options.openStoreFor(caller, access, door)
    const { registry, mhealth, refusalOf, trail } = options
    const reportFault = (fault: unknown) => request.log.error(fault)
    return {
      registry,
      mhealth,
      store,
      access,
      caller,
      cursors: cursorsFor(caller),
      base: options.base(),
      refusalOf,
      accessWithin: study => options.accessFor(within(caller, study)),
      interactions: routes,
      dispatch,
      reportFault,
      recordRefusal: (tried, error) =>
        recordRefusal(access => trail.keep({ ...agentOf(caller, door), ...access }), tried, error),
    }
  }
  const answer = async (request: FastifyRequest, reply: FastifyReply) => {
    const { interaction, named } = findRoute(routes, options.registry, target(request, request.body))
    const routed = { interaction, request: { ...named, ...contentOf(request, interaction, named.type) } }
    const isContent = isBinaryRead(interaction, named.type)
    if (!isSearch(interaction) && !isContent) refuseLines(request)
    const send = isContent ? sendBinary : sendAnswer
    return send(reply, await dispatch(routed, contextOf(request, interaction)))
  }
  const target = (request: FastifyRequest, body?: unknown) => ({
    method: request.method === 'HEAD' ? 'GET' : request.method,
    path: pathOf(request).slice(server.prefix.length),
    body,
  })
  parseBodies(server)
  server.decorateRequest('caller', undefined)
  server.addHook('onRequest', requireCaller(options.findCaller, options.pages))
  server.addHook('onRequest', async (request, reply) => {
    if (!mayBeContent(target(request))) requirePresentation(request)
    reply.header('cache-control', 'no-store')
    refuseUnknown(target(request), reply, options.registry)
  })
  for (const { method, path } of paths) server.route({ method, url: `/${path}`, handler: answer })
  await server.register(async scope => {
    parseContent(scope)
    for (const { method, path } of binaryWrites) scope.route({ method, url: path, handler: answer })
  })
  server.setNotFoundHandler(answer)
}

const doorOf = ({ id }: FastifyRequest, { name, path }: Interaction): AuditDoor => ({
  request: id,
  ...(name === 'operation' ? { operation: path.slice(path.indexOf('$')) } : {}),
})

const isSearch = ({ name }: Interaction): boolean => name === 'search-type' || name === 'search-system'

/** Each method and path once: what is posted to the base is told apart by the Bundle's type. */
const paths: readonly Pick<Interaction, 'method' | 'path'>[] = [
  ...new Map(routes.map(one => [`${one.method} ${one.path}`, one])).values(),
]

/** What no route takes is refused before its body is read. */
const refuseUnknown = (target: { method: string; path: string }, reply: FastifyReply, registry: Registry): void => {
  const allowed = methodsAt(routes, target.path)
  if (allowed.includes(target.method)) return
  if (allowed.length > 0) reply.header('allow', allowed.join(', '))
  findRoute(routes, registry, target)
}

const contentOf = (request: FastifyRequest, interaction: Interaction, type: string | undefined): SystemRequest => {
  const { body } = request
  const isForm = body instanceof URLSearchParams
  if (body !== undefined && isForm !== (interaction.body === 'form')) {
    throw isForm ? unsupported(formType) : unsupported('A resource', formType)
  }
  if (isPatch(request) && interaction.body !== 'patch' && !isBinaryWrite(interaction, type))
    throw unsupported(patchType)
  const query = isForm ? new URLSearchParams([...queryOf(request), ...body]) : queryOf(request)
  if (isForm) requirePresentation(request, query)
  const { prefer } = request.headers
  return {
    query,
    body,
    headers: {
      ...(request.presentation.lines ? { lines: true } : {}),
      prefer: parsePrefer(typeof prefer === 'string' ? prefer : prefer?.join()),
      ...conditionsOf(request),
    },
  }
}

const isPatch = ({ headers }: FastifyRequest): boolean => headers['content-type']?.split(';')[0]?.trim() === patchType

const conditions = {
  ifMatch: 'if-match',
  ifNoneExist: 'if-none-exist',
  ifNoneMatch: 'if-none-match',
  ifModifiedSince: 'if-modified-since',
} as const

const conditionsOf = ({ headers }: FastifyRequest): Omit<SystemRequest['headers'], 'prefer'> =>
  Object.fromEntries(
    Object.entries(conditions).flatMap(([name, header]) =>
      headers[header] === undefined ? [] : [[name, String(headers[header])]],
    ),
  )

const pathOf = ({ url }: FastifyRequest): string => url.split('?', 1)[0] ?? ''
