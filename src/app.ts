import { type FastifyBaseLogger, type FastifyInstance, fastify } from 'fastify'
import packageJson from '../package.json' with { type: 'json' }
import type { Caller } from './access/caller.ts'
import { openAdministeredOrganizations } from './accounts/administered-organizations.ts'
import { openAsync } from './app/async.ts'
import { openAudit } from './app/auditing.ts'
import { faceRoutes } from './app/faces.ts'
import { openFhir } from './app/fhir.ts'
import { openLettering } from './app/letters.ts'
import { openPatients } from './app/patients.ts'
import { openSealing } from './app/sealing.ts'
import { openStaffing } from './app/staff-invitations.ts'
import { openForgetting, openJobs, openWork, type Work } from './app/work.ts'
import { openAuthorizationServer } from './auth/authorization-server.ts'
import { openEhrLaunches } from './auth/ehr/launches.ts'
import { openSso } from './auth/sso/sso.ts'
import { quarantineRoomOf } from './config/quarantine.ts'
import { baseUrlOf, type Config } from './config.ts'
import { openFaults } from './events/faults.ts'
import { logEvents } from './events/log.ts'
import { loadRegistry } from './fhir/registry.ts'
import { openXml } from './fhir/xml/xml.ts'
import { appLinkRoutes } from './http/app-links.ts'
import { asyncRoutes } from './http/async-requests.ts'
import { authorizationRoutes } from './http/authorization.ts'
import { openCallerTurns } from './http/caller-turns.ts'
import { capabilityRoutes } from './http/capability.ts'
import { fhirRoutes } from './http/fhir.ts'
import { openContexts } from './http/fhir-context.ts'
import { healthRoutes } from './http/health.ts'
import { openBounds } from './http/in-flight.ts'
import { portOf } from './http/listen.ts'
import { openApiRoutes } from './http/openapi.ts'
import { openServer } from './http/server.ts'
import { cookiesFor } from './http/session.ts'
import { websocketRoutes } from './http/websocket.ts'
import { openMail } from './messages/mail.ts'
import { openOutbound } from './messages/outbound.ts'
import { findSessionCaller } from './storage/account/session.ts'
import { currentDoor } from './storage/audit/door.ts'
import type { AuditWriting } from './storage/audit/trail.ts'
import { openCallers } from './storage/authorization/callers.ts'
import { openDatabase } from './storage/database.ts'
import { openDiskRoom } from './storage/postgres/disk-room.ts'
import { openReadiness } from './storage/postgres/readiness.ts'
import type { ReadAs } from './subscriptions/sockets.ts'
import { answerErrorPage, answerNoPage, unanswerablePage } from './web/error-page.ts'
import { pageRoutes } from './web/page-routes.ts'

type AppOptions = {
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** A PostgreSQL with all migrations. */
  readonly databaseUrl: string
  readonly secretKey: Uint8Array
  /** Whether this process does background work too, and how. */
  readonly work?: Work
  readonly auditing?: AuditWriting
}

export type { Work } from './app/work.ts'

/** Everything put together: listen on it, or inject requests. Closing it closes its database connections too. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const { config, log, databaseUrl, secretKey, work, auditing: writing = 'on' } = options
  const room = openDiskRoom()
  const database = openDatabase(databaseUrl, { poolSize: config.poolSize, room })
  const dictionaryConnection = openDatabase(databaseUrl, { poolSize: 2, room })
  const registry = loadRegistry()
  const audit = await openAudit(databaseUrl, { registry, writing, room })
  const server = await openServer({ config, log, xml: openXml(registry.structures), answerNoPage })
  const address = () => baseUrlOf(config, portOf(server) ?? config.port)
  const base = () => `${address()}/fhir`
  const cookies = cookiesFor(config)
  const callers = openCallers(database)
  const mail = await openMail({ config, log, address })
  const outbound = openOutbound({ allowed: config.outboundOrigins })
  // A provider waits for it.
  const ehrOutbound = openOutbound({ allowed: config.outboundOrigins, timeoutMs: 5000, maxBodyBytes: 262_144 })
  const ssoOutbound = openOutbound({
    allowed: [...config.outboundOrigins, ...originOf(config.oidcIssuer)],
    timeoutMs: 5000,
    maxBodyBytes: 262_144,
  })
  const { omhSchemaDir, referentialIntegrity } = config
  const requiresReferences = referentialIntegrity === 'on'
  const inFlight = openBounds({ most: config.maxRequestsInFlight, mostLarge: config.maxUploadsInFlight })
  const inTurn = openCallerTurns(config.poolSize)
  const { fhir, codeClasses, openStoreAs, parseCriteria } = await openFhir({
    registry,
    database,
    dictionaryConnection,
    audit,
    callers,
    secretKey,
    base,
    requiresReferences,
    maxBodyBytes: config.maxBodyBytes,
    quarantine: quarantineRoomOf(config),
    refusalOf: outbound.refusalOf,
    bounds: server => {
      inFlight(server)
      inTurn(server)
    },
    pages: {
      cookies,
      findCaller: cookie => findSessionCaller(database, cookie),
      origin: () => new URL(address()).origin,
    },
    ...(omhSchemaDir === undefined ? {} : { omhSchemaDir }),
  })
  const { accessFor } = fhir
  const readAs: ReadAs = async (caller, id) => {
    const { content } = await fhir.openStoreFor(caller, accessFor(caller)).read('Subscription', id)
    return JSON.parse(content)
  }
  const openStoreFor = (caller: Caller) => fhir.openStoreFor(caller, accessFor(caller), currentDoor())
  const reportFault = openFaults({ log })
  const isRegistrationOpen = config.clientRegistration === 'open'
  const authorization = openAuthorizationServer({
    database,
    outbound,
    secretKey,
    base: address,
    rules: { registry, codeClasses, parseCriteria },
    isRegistrationOpen,
    onRevoked: callers.forget,
    openStoreFor,
    openStoreAs,
    reportFault: fault => log.error(fault),
    errorPage: unanswerablePage,
  })
  const { recordTold } = audit
  const serving = { registry, classes: codeClasses, accessFor, openStoreAs, outbound, base, reportFault, recordTold }
  if (work !== undefined) await authorization.start()
  const tell = logEvents(log)
  const sealing =
    work && writing === 'on'
      ? openSealing({ databaseUrl, secretKey, pauseMs: work.pauseMs, tell, reportFault })
      : undefined
  const jobs = work && (await openJobs(databaseUrl, work, reportFault))
  const working = jobs && (await openWork({ ...serving, databaseUrl, readAs }, jobs))
  const forgetting = work && openForgetting(database, config.quarantineDays, reportFault)
  // Before requests are waited for: websockets would be waited for as well.
  server.addHook('preClose', async () => working?.close())
  server.addHook('onClose', async () => {
    mail?.close()
    forgetting?.close()
    await Promise.all([sealing?.close(), jobs?.queues.close()])
    await Promise.all([
      database.close(),
      dictionaryConnection.close(),
      audit.close(),
      outbound.close(),
      ehrOutbound.close(),
      ssoOutbound.close(),
    ])
  })
  await server.register(appLinkRoutes, config)
  await server.register(healthRoutes, { isReady: await openReadiness(database, room) })
  for (const prefix of ['/', '/fhir']) {
    const { version } = packageJson
    const served = { registry, codeClasses, requiresReferences, version, base, address, isRegistrationOpen }
    await server.register(capabilityRoutes, { prefix, ...served })
  }
  server.decorate('authorization', authorization)
  await server.register(authorizationRoutes, { answerPage: answerErrorPage })
  if (working !== undefined) await server.register(websocketRoutes, { ...fhir, sockets: working.sockets })
  await server.register(openApiRoutes, { registry, version: packageJson.version, base })
  const later = jobs && (await openAsync({ database, fhir, log }, jobs))
  server.addHook('preClose', async () => later?.close())
  await server.register(fhirRoutes, { prefix: '/fhir', ...fhir, asyncRequests: later?.requests })
  if (later !== undefined) await server.register(asyncRoutes, { prefix: '/fhir', ...fhir, database })
  await server.register(faceRoutes, { fhir, codeClasses, address, version: packageJson.version, isRegistrationOpen })
  const endApps = authorization.grantedApps.revokeAll
  const { letters, close: closeLetters } = await openLettering({ database, secretKey, mail }, jobs)
  server.addHook('preClose', closeLetters)
  const { signUp } = config
  const accounts = { database, secretKey, openStoreAs, address, endApps, signUp, ...(letters && { mail: letters }) }
  const opening = { config, log, accounts, mail, registry, codeClasses, openStoreFor, jobs }
  const { channels, pages, ...patients } = await openPatients(opening)
  server.addHook('preClose', patients.closeWork)
  server.addHook('onClose', patients.close)
  const administered = openAdministeredOrganizations({ database, registry, openStoreFor })
  const staffing = await openStaffing({ accounts, administered, registry, mail: channels.email }, jobs)
  server.addHook('preClose', staffing.close)
  await server.register(pageRoutes, {
    cookies,
    ...pages,
    trail: audit.trail,
    openStoreFor,
    registry,
    codeClasses,
    measuredDocumentOf: fhir.mhealth.measuredDocumentOf,
    contextFor: openContexts(fhir),
    backupDays: config.backupDays,
    administered,
    staffInvitations: staffing.staffInvitations,
    ehrLaunches: openEhrLaunches({
      database,
      secretKey,
      outbound: ehrOutbound,
      registry,
      openStoreAs,
      openStoreFor,
      address,
    }),
    sso: await openSso({
      config,
      database,
      secretKey,
      outbound: ssoOutbound,
      address,
      openHost: () => fastify(),
      accounts,
      identities: { database, registry, openStoreAs },
    }),
    accounts,
  })
  return server
}

/** Who configures a provider means it, be its address private. */
const originOf = (issuer: string | undefined): readonly string[] =>
  issuer === undefined ? [] : [new URL(issuer).origin]
