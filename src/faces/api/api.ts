import fastifyRateLimit from '@fastify/rate-limit'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import { addressGroup } from '../../http/address-group.ts'
import { requireCaller } from '../../http/caller/caller.ts'
import { recordRefused } from '../../http/caller/refused-token.ts'
import { sayWhen, toldError } from '../../http/errors.ts'
import type { FhirOptions } from '../../http/fhir/fhir.ts'
import { jsonIn, unsupported } from '../../http/fhir/fhir-body.ts'
import type { ContextParts } from '../../http/fhir/fhir-context.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { refuseOtherMethods } from '../../http/other-methods.ts'
import { RequestCounts } from '../../http/request-counts.ts'
import type { Tried } from '../../storage/audit/refusal.ts'
import { openAsking, requireStaff } from './asking.ts'
import { pageParameters, parametersOf, wholePage } from './page.ts'
import { routes } from './routes.ts'

/** Where today's clients of the JupyterHealth Exchange expect it. */
export const apiPath = '/api/v1'

export type ApiOptions = ContextParts &
  Pick<FhirOptions, 'limitInFlight' | 'findCaller' | 'findRefused'> & {
    readonly codeClasses: CodeClasses
    /** The address of this server, without a slash at the end. */
    readonly address: () => string
  }

/** The routes below `/api/v1`. */
export const apiRoutes = async (server: FastifyInstance, options: ApiOptions): Promise<void> => {
  server.setErrorHandler(answerDetail)
  server.setNotFoundHandler((request, reply) =>
    answerDetail(
      new FhirError('not-found', 'Not found: see docs/faces-api.md for what is served here'),
      request,
      reply,
    ),
  )
  server.addHook('onRequest', async (_request, reply) => {
    reply.header('cache-control', 'no-store')
  })
  server.removeAllContentTypeParsers()
  await server.register(fastifyRateLimit, {
    global: false,
    store: RequestCounts,
    errorResponseBuilder: () => new FhirError('throttled', 'Too many requests'),
  })
  await server.register(async scope => invitationRoutes(scope, options))
  await server.register(async scope => callerRoutes(scope, options))
}

/** Routes for people whose only proof is the link that they hold. */
const invitationRoutes = (scope: FastifyInstance, { address }: ApiOptions): void => {
  // The body has no meaning; whatever clients send is not read.
  scope.addContentTypeParser('*', { parseAs: 'buffer', bodyLimit: 16_384 }, async () => undefined)
  scope.post<{ Params: { token: string } }>(
    '/invitation/:token',
    { config: { rateLimit: { max: mostOfAddress, timeWindow: '1 minute', keyGenerator: addressGroup } } },
    async ({ params }) => {
      const { grant, expiresAt } = await scope.authorization.redemption.redeem(params.token)
      return { grant, token_endpoint: `${address()}/oauth/token`, expires: expiresAt.toISOString() }
    },
  )
  refuseOtherMethods(scope, '/invitation/:token', ['POST'])
}

/** Routes for callers whose token says who they are. */
const callerRoutes = (scope: FastifyInstance, options: ApiOptions): void => {
  const askingFor = openAsking(options)
  scope.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, bytes: Buffer) => jsonIn(request, bytes),
  )
  scope.addContentTypeParser('*', async ({ headers }: FastifyRequest) => {
    throw unsupported(headers['content-type'] ?? 'A body without a type', 'application/json')
  })
  scope.decorateRequest('caller', undefined)
  scope.addHook('onRequest', requireCaller(options.findCaller, undefined, recordRefused(options, triedAt)))
  options.limitInFlight(scope)
  for (const { method, path, parameters = [], isPaged, status = 200, answer } of routes) {
    const known = [...parameters, ...(isPaged ? pageParameters : [])]
    scope.route({
      method,
      url: `/${path}`,
      handler: async (request: FastifyRequest, reply: FastifyReply) => {
        const query = parametersOf(queryOf(request), known)
        const answered = await answer(
          {
            asking: askingFor(request),
            path: request.params as Record<string, string>,
            query,
            page: { url: `${options.address()}${request.url.split('?', 1)[0]}`, query },
            body: request.body,
          },
          options,
        )
        reply.code(status)
        return status === 204 ? reply.send() : answered
      },
    })
  }
  for (const [path, here] of Map.groupBy(routes, one => one.path))
    refuseOtherMethods(
      scope,
      `/${path}`,
      here.map(one => one.method),
    )
  refuseOtherMethods(scope, '/clients', ['GET'])
  scope.get('/clients', async request => {
    requireStaff(askingFor(request))
    const apps = await scope.authorization.redemption.apps()
    return wholePage(apps.map(({ client, name, url }) => ({ id: client, name, clientId: client, invitationUrl: url })))
  })
}

/** What a route asks of our own interactions, if it asks any; undefined if there is no such route. */
const triedAt = ({ method, routeOptions: { url } }: FastifyRequest): Tried | undefined => {
  if (url === undefined) return undefined
  const { type } = routes.find(({ path }) => url === `${apiPath}/${path}`) ?? {}
  return { interaction: interactionOf[method] ?? 'read', type }
}

const interactionOf: Readonly<Record<string, string>> = { POST: 'create', PATCH: 'update', DELETE: 'delete' }

/** The error as its clients show it: in words, in the one member that they look for. */
const answerDetail = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const told = toldError(error, request)
  return sayWhen(reply, told)
    .code(told.status)
    .send({ detail: told.issues.map(({ message }) => message).join('; ') })
}

/** A hall full of people may accept their invitations at once. */
const mostOfAddress = 1200
