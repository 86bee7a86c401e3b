import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import packageJson from '../package.json' with { type: 'json' }
import type { Access } from './access/access.ts'
import type { Caller } from './access/caller.ts'
import { accessOf } from './access/rules.ts'
import { baseUrlOf, type Config } from './config.ts'
import { openCodeClasses } from './fhir/code-class.ts'
import { loadRegistry, type Registry } from './fhir/registry.ts'
import { openXml } from './fhir/xml/xml.ts'
import { capabilityRoutes } from './http/capability.ts'
import { type FhirOptions, fhirRoutes } from './http/fhir.ts'
import { healthRoutes } from './http/health.ts'
import { portOf } from './http/listen.ts'
import { openApiRoutes } from './http/openapi.ts'
import { openServer } from './http/server.ts'
import { openMhealth } from './mhealth/mhealth.ts'
import { parseCriteria } from './search/parse.ts'
import { openCallers } from './storage/callers.ts'
import { type Connection, type Database, openDatabase } from './storage/database.ts'
import { openReadiness } from './storage/readiness.ts'
import { openStores } from './storage/resources.ts'

type AppOptions = {
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** A PostgreSQL with all migrations. */
  readonly databaseUrl: string
  readonly secretKey: Uint8Array
}

/** Everything put together: listen on it, or inject requests. Closing it closes its database connections too. */
export const buildApp = async ({ config, log, databaseUrl, secretKey }: AppOptions): Promise<FastifyInstance> => {
  const database = openDatabase(databaseUrl, { poolSize: config.poolSize })
  const dictionaryConnection = openDatabase(databaseUrl, { poolSize: 2 })
  const registry = loadRegistry()
  const server = await openServer({ config, log, xml: openXml(registry.structures) })
  const base = () => `${baseUrlOf(config, portOf(server) ?? config.port)}/fhir`
  const { omhSchemaDir, referentialIntegrity } = config
  const requiresReferences = referentialIntegrity === 'on'
  const { fhir, codeClasses } = await fhirOptions({
    registry,
    database,
    dictionaryConnection,
    secretKey,
    base,
    requiresReferences,
    ...(omhSchemaDir === undefined ? {} : { omhSchemaDir }),
  })

  server.addHook('onClose', async () => {
    await Promise.all([database.close(), dictionaryConnection.close()])
  })
  await server.register(healthRoutes, { isReady: await openReadiness(database) })
  for (const prefix of ['/', '/fhir']) {
    const { version } = packageJson
    await server.register(capabilityRoutes, { prefix, registry, codeClasses, requiresReferences, version, base })
  }
  await server.register(openApiRoutes, { registry, version: packageJson.version, base })
  await server.register(fhirRoutes, { prefix: '/fhir', ...fhir })
  return server
}

type FhirParts = {
  readonly registry: Registry
  readonly database: Database
  /** A connection of its own for what is committed at once. */
  readonly dictionaryConnection: Connection
  readonly omhSchemaDir?: string
  readonly requiresReferences: boolean
  readonly secretKey: Uint8Array
  /** Absolute FHIR base, without a slash at the end. */
  readonly base: () => string
}

/** Everything behind the FHIR routes, over one database: the registry, Open mHealth, the gate and the store. */
const fhirOptions = async (options: FhirParts) => {
  const { registry, database, dictionaryConnection, omhSchemaDir, secretKey, base } = options
  const codeClasses = openCodeClasses()
  const mhealth = openMhealth({ codeClasses, ...(omhSchemaDir === undefined ? {} : { schemaDir: omhSchemaDir }) })
  const storeOf = await openStores({
    database,
    dictionaryConnection,
    registry,
    classes: codeClasses,
    references: options.requiresReferences ? base : undefined,
  })
  const accessFor = (caller: Caller): Access =>
    accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query, { base: base() }))
  const fhir: FhirOptions = {
    registry,
    mhealth,
    findCaller: openCallers(database),
    accessFor,
    openStoreFor: (caller, access) =>
      storeOf({
        access,
        author: caller.principal,
        organizations: caller.organizations,
        choosesIds: caller.client.policies.has('everything'),
        choosesOwner: caller.administrator || caller.client.policies.has('everything'),
      }),
    base,
    secretKey,
  }
  return { fhir, codeClasses }
}
