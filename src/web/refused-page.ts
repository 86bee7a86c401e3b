import type { ResourceType } from '@medplum/fhirtypes'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { FhirError } from '../fhir/error.ts'
import { toldError } from '../http/errors.ts'
import { agentOf } from '../storage/audit/agent.ts'
import { type Keep, recordRefusal, type Tried } from '../storage/audit/refusal.ts'
import type { Trail } from '../storage/audit/trail.ts'
import { callerOfPatient, callerOfPerson, patientsOf } from '../storage/authorization/token.ts'
import type { Database } from '../storage/database.ts'
import { sendErrorPage } from './error-page.ts'

type Parts = { readonly database: Database; readonly trail: Trail }

/**
 * Records whom a page refuses, as the FHIR API does, since much is refused before any store is asked. What a store refuses it records itself. An
 * address without a page is nothing that could be refused to anybody.
 */
export const recordRefusedPages = (server: FastifyInstance, parts: Parts): void => {
  const told = new WeakSet<FastifyRequest>()
  server.setErrorHandler(async (error, request, reply) => {
    told.add(request)
    const refusal = toldError(error, request)
    try {
      await record(parts, request, refusal)
    } catch (unrecorded) {
      return sendErrorPage(toldError(unrecorded, request), request, reply)
    }
    return sendErrorPage(refusal, request, reply)
  })
  // Some pages refuse in words of their own.
  server.addHook('onSend', async (request, { statusCode: status }) => {
    if (!told.has(request)) await record(parts, request, new FhirError('forbidden', 'A page has said it', { status }))
  })
}

const record = async (parts: Parts, request: FastifyRequest, refusal: FhirError): Promise<void> => {
  const { session, id, routeOptions } = request
  if (session === undefined || routeOptions.url === undefined || !refusals.has(refusal.status)) return
  const thing = thingAt(routeOptions.url)
  const keep: Keep = async access =>
    parts.trail.keep({ ...agentOf(await callerFor(parts, session.person, thing), { request: id }), ...access })
  await recordRefusal(keep, triedBy(request, thing), refusal)
}

/** A form that is filled in wrongly has other statuses, and a link that is over is refused to nobody in particular. */
const refusals: ReadonlySet<number> = new Set([403, 404])

type Thing = {
  /** The path of all pages about it. */
  readonly path: string
  readonly type?: ResourceType
  /** The parameter of the path that has its id. */
  readonly parameter?: string
  /** Whether it is somebody's own as a patient. */
  readonly isOwn?: true
}

/** The first that matches is used. */
const things: readonly Thing[] = [
  { path: '/organizations', type: 'Organization', parameter: 'organization' },
  { path: '/studies', type: 'ResearchStudy', parameter: 'id' },
  { path: '/patients/imports', type: 'Patient' },
  { path: '/patients', type: 'Patient', parameter: 'id' },
  { path: '/devices', type: 'Device', parameter: 'device' },
  { path: '/quarantine', type: 'Observation' },
  { path: '/audit', type: 'AuditEvent' },
  { path: '/system' },
  { path: '/sharing', type: 'ResearchStudy', parameter: 'study', isOwn: true },
  { path: '', isOwn: true },
]

const thingAt = (url: string): Thing | undefined =>
  things.find(({ path }) => url === path || url.startsWith(`${path}/`))

const triedBy = ({ method, params }: FastifyRequest, { type, parameter = '' }: Omit<Thing, 'path'> = {}): Tried => {
  const named = (params as Readonly<Record<string, string | undefined>>)[parameter]
  return {
    interaction: method === 'POST' ? 'update' : 'read',
    type,
    ...(named !== undefined && /^[A-Za-z0-9.-]{1,64}$/.test(named) ? { resource: named } : {}),
  }
}

/** What staff do as patients is nobody's business to oversee. */
const callerFor = async ({ database }: Parts, person: string, thing: Thing | undefined): Promise<Caller> => {
  const acting = { person, client: 'pages', scope: '' }
  const [patient] = thing?.isOwn === true ? await patientsOf(database, person) : []
  const asPatient = patient === undefined ? undefined : await callerOfPatient(database, { ...acting, patient })
  return asPatient ?? callerOfPerson(database, acting)
}
