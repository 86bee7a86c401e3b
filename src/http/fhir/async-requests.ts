import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { asyncAnswer } from '../../interactions/async/async-answer.ts'
import { asyncRequestOf } from '../../interactions/async/async-request.ts'
import type { Context, Routed } from '../../interactions/interaction.ts'
import type { Tried } from '../../storage/audit/refusal.ts'
import type { Database } from '../../storage/database.ts'
import { addAsyncRequest, cancelAsyncRequest, findAsyncRequest } from '../../storage/work/async-request.ts'
import { type FindCaller, type Pages, requireCaller } from '../caller/caller.ts'
import type { LimitInFlight } from '../caller/in-flight.ts'
import { type RefusedParts, recordRefused } from '../caller/refused-token.ts'
import { sendAnswer } from './fhir-answer.ts'
import { parseBodies } from './fhir-body.ts'
import { type ContextParts, openContexts } from './fhir-context.ts'
import { refuseLines, requirePresentation } from './presentation.ts'

/** Requests that clients prefer to have answered later. https://hl7.org/fhir/async-bundle.html */
export type AsyncRequests = {
  /** Where its answer will be; undefined if it is to be answered at once. */
  readonly take: (routed: Routed, context: Context, request: FastifyRequest) => Promise<string | undefined>
}

type Parts = { readonly database: Database; readonly ask: (id: string) => Promise<unknown> }

export const openAsyncRequests = ({ database, ask }: Parts): AsyncRequests => ({
  take: async (routed, context, { id: request }) => {
    const { tokenHash } = context.caller
    const { prefer } = routed.request.headers
    if (!prefer.respondAsync || tokenHash === undefined) return undefined
    const asked = asyncRequestOf(routed, context)
    if (asked === undefined) return undefined
    // In a transaction, so that a client is not told to send it again if it may have been stored.
    const id = await database.transaction(connection =>
      addAsyncRequest(connection, tokenHash, { ...asked, request, prefer }),
    )
    await ask(id)
    return `${context.base}/${folder}/${id}`
  },
})

const folder = '_async'

export const sendAccepted = (reply: FastifyReply, location: string): FastifyReply =>
  reply.code(202).headers({ 'content-location': location, 'preference-applied': 'respond-async' }).send()

type RouteOptions = ContextParts &
  RefusedParts & {
    readonly findCaller: FindCaller
    readonly pages: Pages
    readonly limitInFlight: LimitInFlight
    readonly database: Database
  }

/** Where a client can see how far its request is, fetch its answer, or cancel it. The requests of others do not exist for it. */
export const asyncRoutes = async (
  server: FastifyInstance,
  { database, findCaller, pages, limitInFlight, ...parts }: RouteOptions,
): Promise<void> => {
  const contextOf = openContexts(parts)
  parseBodies(server)
  server.decorateRequest('caller', undefined)
  server.addHook('onRequest', requireCaller(findCaller, pages, recordRefused(parts, triedBy)))
  limitInFlight(server)
  server.addHook('onRequest', async (request, reply) => {
    requirePresentation(request)
    refuseLines(request)
    reply.header('cache-control', 'no-store')
  })
  server.get<Named>(`/${folder}/:id`, async (request, reply) => {
    const { id } = request.params
    const tokenHash = request.caller?.tokenHash
    const state = tokenHash && (await findAsyncRequest(database, id, tokenHash))
    if (state === undefined) throw unknown(id)
    reply.header('expires', state.expiresAt.toUTCString())
    if (state.status === null) {
      const progress = `${state.done} of ${state.total} entries`
      return reply
        .code(202)
        .headers({ 'x-progress': state.name === 'search-type' ? 'in progress' : progress, 'retry-after': pollSeconds })
        .send()
    }
    return sendAnswer(
      reply,
      await asyncAnswer(database, id, state, contextOf(request, { name: state.name, path: state.target })),
    )
  })
  server.delete<Named>(`/${folder}/:id`, async (request, reply) => {
    const { id } = request.params
    const tokenHash = request.caller?.tokenHash
    if (!(tokenHash && (await cancelAsyncRequest(database, id, tokenHash)))) throw unknown(id)
    return reply.code(202).send()
  })
}

/** Without a valid token nothing is known of the request in question. */
const triedBy = ({ method }: FastifyRequest): Tried => ({ interaction: method === 'DELETE' ? 'delete' : 'read' })

type Named = { Params: { readonly id: string } }

const pollSeconds = '2'

const unknown = (id: string): FhirError =>
  new FhirError('not-found', `There is no request ${id} of yours: it was cancelled, or has expired`)
