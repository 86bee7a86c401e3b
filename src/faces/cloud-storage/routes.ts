import { Readable } from 'node:stream'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isSameCaller } from '../../access/caller.ts'
import { parseSaid, type Shared } from '../../auth/sharing/sharing-partners.ts'
import { FhirError } from '../../fhir/error.ts'
import { whileLetIn } from '../../http/caller/while-let-in.ts'
import type { FhirOptions } from '../../http/fhir/fhir.ts'
import { jsonIn, unsupported } from '../../http/fhir/fhir-body.ts'
import { openContexts } from '../../http/fhir/fhir-context.ts'
import { limitRequests } from '../../http/oauth-limits.ts'
import { dispatch } from '../../interactions/dispatch.ts'
import { withinDoor } from '../../storage/audit/door.ts'
import type { RegisteredClient } from '../../storage/authorization/client-registration.ts'
import { readingOf } from './records.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /** The partner who reads what patients share with them. */
    partner?: RegisteredClient
    shared?: Shared
  }
}

type PartnerOptions = Omit<FhirOptions, 'base' | 'face' | 'pages'> & {
  /** The address of the server, without a slash at the end. */
  readonly address: () => string
}

/**
 * The requests of the client with which partners of CommonHealth Cloud Storage read what patients share with them.
 * https://github.com/jupyterhealth/partner-client-docker
 */
export const sharingPartnerRoutes = async (server: FastifyInstance, options: PartnerOptions): Promise<void> => {
  const { sharingPartners } = server.authorization
  server.removeAllContentTypeParsers()
  const parseJson = async (request: FastifyRequest, body: Buffer) => jsonIn(request, body)
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, parseJson)
  server.addContentTypeParser('*', async ({ headers }: FastifyRequest) => {
    throw unsupported(headers['content-type'] ?? 'A body without a type', 'application/json')
  })
  server.decorateRequest('caller', undefined)
  server.decorateRequest('partner')
  server.decorateRequest('shared')
  // The same limit as for token requests, since each request here shows the client's secret as well.
  await limitRequests(server, () => '/token')
  server.addHook<OfUser>('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    const [id, secret] = credentialsOf(request)
    const partner = await sharingPartners.authenticate(id, secret)
    if (partner === undefined) {
      await withinDoor({ request: request.id }, () => sharingPartners.recordRefused(id))
      reply.header('www-authenticate', 'Basic realm="sharing-partners"')
      throw new FhirError('login', 'The client is not known here, or its secret is wrong')
    }
    if (partner.id !== request.params.partner) throw notFound
    request.partner = partner
  })
  server.get(own, async request => sharingPartners.describe(partnerOf(request)))
  const change = async (request: FastifyRequest, said: unknown) =>
    sharingPartners.change(partnerOf(request), parseSaid(said))
  server.post(own, async request => change(request, request.body))
  server.post(`${own}/signing_keys`, async request => change(request, { signing_keys: request.body }))
  await server.register(recordsRoute, options)
}

/** What is shared is read as a patient's app with a token would read it. */
const recordsRoute = async (server: FastifyInstance, options: PartnerOptions): Promise<void> => {
  const { sharingPartners } = server.authorization
  const contextOf = openContexts({ ...options, base: () => `${options.address()}/fhir` })
  server.addHook<OfUser>('onRequest', async request => {
    const { user } = request.params
    const isId = /^[\w.~-]{1,100}$/.test(user)
    const find = async () => (isId ? sharingPartners.findShared(partnerOf(request), user) : undefined)
    const shared = await find()
    if (shared === undefined) throw notFound
    const isStillLetIn = async () => {
      if ((await sharingPartners.authenticate(...credentialsOf(request))) === undefined) return false
      const now = await find()
      return now?.grant === shared.grant && isSameCaller(shared.caller, now.caller)
    }
    Object.assign(request, { shared, caller: shared.caller, isStillLetIn })
  })
  options.limitInFlight(server)
  server.get<OfUser>(`${own}/users/:user`, async (request, reply) => {
    if (request.shared === undefined) throw notFound
    const reading = readingOf(request.params.user, request.shared.encrypt)
    const { body } = await dispatch(reading, contextOf(request, reading.interaction))
    if (body?.kind !== 'lines') throw new Error('records are lines')
    const records = Readable.from(whileLetIn(request, body.lines), { objectMode: false })
    return reply.type('application/json; charset=utf-8').send(records)
  })
}

type OfUser = { Params: { readonly partner: string; readonly user: string } }

const own = '/api/v1/sharing-partners/:partner'

const notFound = new FhirError('not-found', 'There is no such partner here, or nobody shares with it under this id')

const partnerOf = ({ partner }: Pick<FastifyRequest, 'partner'>): RegisteredClient => {
  if (partner === undefined) throw notFound
  return partner
}

/** https://www.rfc-editor.org/rfc/rfc7617 */
const credentialsOf = ({ headers }: FastifyRequest): readonly [id: string, secret: string] => {
  const [, basic = ''] = /^Basic +(\S+)$/i.exec(headers.authorization ?? '') ?? []
  const [, id = '', secret = ''] =
    /^([\w.~-]*):([\x21-\x7e]*)$/.exec(Buffer.from(basic, 'base64').toString('utf8')) ?? []
  return [id, secret]
}
