import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import { type Access, both } from './access/access.ts'
import type { Caller } from './access/caller.ts'
import { openAudit } from './app/auditing.ts'
import { openBackground } from './app/background.ts'
import { registerContracts } from './app/contracts.ts'
import { openFhir } from './app/fhir.ts'
import { openLettering } from './app/letters.ts'
import { openMetering } from './app/metrics.ts'
import { registerPages } from './app/pages.ts'
import { publishDefinitions } from './app/published.ts'
import type { Work } from './app/work.ts'
import { openAuthorizationServer } from './auth/authorization-server.ts'
import type { Config } from './config.ts'
import type { Tell } from './events/event.ts'
import { openFaults } from './events/faults.ts'
import { logEvents } from './events/log.ts'
import { loadRegistry } from './fhir/registry.ts'
import { openXml } from './fhir/xml/xml.ts'
import { appLinkRoutes } from './http/app-links.ts'
import { authorizationRoutes } from './http/authorization.ts'
import { cookiesFor } from './http/caller/session.ts'
import { healthRoutes } from './http/health.ts'
import { openAddress } from './http/listen.ts'
import { metricsRoutes } from './http/metrics.ts'
import { openServer } from './http/server.ts'
import { websocketRoutes } from './http/websocket.ts'
import { openMail } from './messages/mail.ts'
import { openOutbound } from './messages/outbound.ts'
import { currentDoor } from './storage/audit/door.ts'
import type { AuditWriting } from './storage/audit/trail.ts'
import { openCallers } from './storage/authorization/callers.ts'
import { openDatabase } from './storage/database.ts'
import { openDiskRoom } from './storage/postgres/disk-room.ts'
import { openReadiness } from './storage/postgres/readiness.ts'
import { answerErrorPage, answerNoPage, unanswerablePage } from './web/error-page.ts'

type AppOptions = {
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** A PostgreSQL with all migrations. */
  readonly databaseUrl: string
  readonly secretKey: Uint8Array
  /** Whether this process does background work too, and how. */
  readonly work?: Work
  readonly auditing?: AuditWriting
  /** Whether what the server publishes is stored as resources, too. */
  readonly publishes?: boolean
}

export type { Work } from './app/work.ts'

/** Everything put together: listen on it, or inject requests. Closing it closes its database connections too. */
export const buildApp = async (options: AppOptions): Promise<FastifyInstance> => {
  const { config, log, databaseUrl, secretKey, work, auditing: writing = 'on' } = options
  const room = openDiskRoom()
  const database = openDatabase(databaseUrl, { poolSize: config.poolSize, room })
  const dictionaryConnection = openDatabase(databaseUrl, { poolSize: 2, room })
  const registry = loadRegistry()
  const metering = await openMetering({ config, databaseUrl, registry })
  const metrics = metering?.metrics
  const audit = await openAudit(databaseUrl, { registry, writing, room, metrics })
  const server = await openServer({ config, log, xml: openXml(registry.structures), metrics, answerNoPage })
  const address = openAddress(server, config)
  const base = () => `${address()}/fhir`
  const cookies = cookiesFor(config)
  const callers = openCallers(database)
  const mail = await openMail({ config, log, address })
  const outbound = openOutbound({ allowed: config.outboundOrigins })
  const reportFault = openFaults({ log, ...(metrics && { onFault: metrics.faultMet }) })
  const requiresReferences = config.referentialIntegrity === 'on'
  const { fhir, codeClasses, openStoreAs, parseCriteria } = await openFhir({
    config,
    registry,
    database,
    dictionaryConnection,
    audit,
    callers,
    cookies,
    requiresReferences,
    secretKey,
    address,
    base,
    refusalOf: outbound.refusalOf,
  })
  const openStoreFor = (caller: Caller, within?: Access) => {
    const access = fhir.accessFor(caller)
    return fhir.openStoreFor(caller, within === undefined ? access : both(access, within), currentDoor())
  }
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
  // If they cannot be published, the server starts without them.
  if (options.publishes) await publishDefinitions({ registry, codeClasses, openStoreAs }).catch(reportFault)
  if (work !== undefined) await authorization.start()
  const background =
    work &&
    (await openBackground(work, {
      config,
      fhir,
      classes: codeClasses,
      database,
      databaseUrl,
      secretKey,
      openStoreAs,
      outbound,
      isAudited: writing === 'on',
      recordTold: audit.recordTold,
      tell: toAll(logEvents(log), metrics?.tell),
      reportFault,
    }))
  const jobs = background?.jobs
  server.addHook('preClose', async () => background?.closeSubscriptions())
  server.addHook('onClose', async () => {
    mail?.close()
    await background?.close()
    await Promise.all([database.close(), dictionaryConnection.close(), audit.close(), outbound.close()])
    await metering?.close()
  })

  await server.register(appLinkRoutes, config)
  await server.register(healthRoutes, { isReady: await openReadiness(database, room) })
  if (metering !== undefined) {
    const { waiting: auditWaiting, connections: records } = audit
    const others = { dictionary: dictionaryConnection, records, ...background?.connections }
    await server.register(metricsRoutes, metering.routes({ database, others, auditWaiting, reportFault }))
  }
  server.decorate('authorization', authorization)
  await server.register(authorizationRoutes, { answerPage: answerErrorPage })
  if (background !== undefined) await server.register(websocketRoutes, { ...fhir, sockets: background.sockets })
  const served = { log, database, fhir, codeClasses, requiresReferences, isRegistrationOpen, address }
  const contracts = await registerContracts(server, served, jobs)
  server.addHook('preClose', contracts.close)

  const { letters, close: closeLetters } = await openLettering({ database, secretKey, mail }, jobs)
  server.addHook('preClose', closeLetters)
  const { revokeAll: endApps } = authorization.grantedApps
  const mailed = letters && { mail: letters }
  const { signUp } = config
  const accounts = { database, secretKey, openStoreAs, address, endApps, signUp, reportFault, ...mailed }
  const shown = { config, log, cookies, accounts, mail, fhir, codeClasses, openStoreFor }
  const pages = await registerPages(server, shown, jobs)
  server.addHook('preClose', pages.closeWork)
  server.addHook('onClose', pages.close)
  return server
}

const toAll =
  (...listeners: readonly (Tell | undefined)[]): Tell =>
  event => {
    for (const tell of listeners) tell?.(event)
  }
