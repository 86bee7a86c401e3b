import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { requireCaller } from '../../http/caller/caller.ts'
import { recordRefused } from '../../http/caller/refused-token.ts'
import { whileLetIn } from '../../http/caller/while-let-in.ts'
import type { FhirOptions } from '../../http/fhir/fhir.ts'
import { setHeaders } from '../../http/fhir/fhir-answer.ts'
import { textIn, unsupported } from '../../http/fhir/fhir-body.ts'
import { openContexts } from '../../http/fhir/fhir-context.ts'
import { formats, presentationOf } from '../../http/fhir/media-type.ts'
import { plain, queryOf } from '../../http/fhir/presentation.ts'
import { refuseOtherMethods } from '../../http/other-methods.ts'
import { dispatch } from '../../interactions/dispatch.ts'
import type { FhirRequest, FhirResponse, Interaction } from '../../interactions/interaction.ts'
import type { Tried } from '../../storage/audit/refusal.ts'
import { createDataPoint, deleteDataPoint, readDataPoint } from './data-point.ts'
import { listDataPoints } from './list.ts'

export type DataPointOptions = Omit<FhirOptions, 'base' | 'face' | 'pages'> & {
  /** The address of the server, without a slash at the end. */
  readonly address: () => string
}

const prefix = '/omh/v1'

/**
 * The REST interface of Open mHealth's data storage unit: bare documents, each of which is an Observation here.
 * https://github.com/openmhealth/omh-dsu-ri
 */
export const dataPointRoutes = async (server: FastifyInstance, options: DataPointOptions): Promise<void> => {
  const contextOf = openContexts({ ...options, base: () => `${options.address()}${prefix}` })
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(
    'application/json',
    { parseAs: 'buffer' },
    async (request: FastifyRequest, body: Buffer) => {
      // It would be kept with other letters than were sent.
      if (body.length > 0) textIn(request, body)
      return body
    },
  )
  server.addContentTypeParser('*', async (request: FastifyRequest) => {
    throw unsupported(request.headers['content-type'] ?? 'A body without a type', 'application/json')
  })
  server.decorateRequest('caller', undefined)
  server.addHook('onRequest', requireCaller(options.findCaller, undefined, recordRefused(options, triedBy)))
  options.limitInFlight(server)
  server.addHook('onRequest', async (request, reply) => {
    requireJson(request)
    reply.header('cache-control', 'no-store')
  })
  for (const interaction of interactions) {
    const { method, path } = interaction
    server.route<{ Params: { id?: string } }>({
      method,
      url: urlOf(path),
      config: { interaction: interaction.name },
      handler: async (request, reply) => {
        const { id } = request.params
        const { lines } = request.presentation
        const headers = { prefer: { handling: 'strict' as const }, ...(lines ? { lines } : {}) }
        const asked = { type: 'Observation' as const, query: queryOf(request), body: request.body, headers }
        const routed = { interaction, request: (id === undefined ? asked : { ...asked, id }) as FhirRequest }
        return send(reply, await dispatch(routed, contextOf(request, interaction)))
      },
    })
  }
  for (const [path, here] of Map.groupBy(interactions, one => one.path))
    refuseOtherMethods(
      server,
      urlOf(path),
      here.map(one => one.method),
    )
}

const urlOf = (path: string): string => `${prefix}/${path.replace(':type', 'dataPoints')}`

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The name of the route in the record of who did what. */
    readonly interaction?: string
  }
}

const triedBy = ({ routeOptions }: FastifyRequest): Tried | undefined => {
  const { interaction } = routeOptions.config
  return interaction === undefined ? undefined : { interaction, type: 'Observation' }
}

const interactions: readonly Interaction[] = [
  {
    name: 'search-type',
    method: 'GET',
    path: ':type',
    action: 's',
    body: 'none',
    handler: listDataPoints,
    documentation: 'Documents of a schema, or all.',
  },
  {
    name: 'create',
    method: 'POST',
    path: ':type',
    action: 'c',
    body: 'resource',
    handler: createDataPoint,
    documentation: 'One document.',
  },
  {
    name: 'read',
    method: 'GET',
    path: ':type/:id',
    action: 'r',
    body: 'none',
    handler: readDataPoint,
    documentation: 'One document.',
  },
  {
    name: 'delete',
    method: 'DELETE',
    path: ':type/:id',
    action: 'd',
    body: 'none',
    handler: deleteDataPoint,
    documentation: 'The Observation of one document.',
  },
]

/** Refuses requests for anything but JSON, or lines of JSON. */
const requireJson = (request: FastifyRequest): void => {
  const { accept } = request.headers
  const asked = presentationOf(accept, new URLSearchParams(), ['json', 'ndjson'])
  request.presentation = plain
  if (asked === undefined) {
    const words = `${accept} is not served here; ask for application/json or ${lineType}`
    throw new FhirError('not-supported', words, { status: 406 })
  }
  request.presentation = { ...plain, lines: asked.lines }
}

const lineType = 'application/x-ndjson'

const send = (reply: FastifyReply, response: FhirResponse) => {
  setHeaders(reply, response)
  const { body } = response
  switch (body?.kind) {
    case 'text':
      return reply.type('application/json; charset=utf-8').send(body.text)
    case 'lines':
      return reply.type(lineType).send(Readable.from(whileLetIn(reply.request, body.lines), { objectMode: false }))
    case 'outcome':
      return reply.type(formats.json.answer).send(JSON.stringify(body.outcome))
    default:
      return reply.send()
  }
}
