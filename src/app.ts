import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import packageJson from '../package.json' with { type: 'json' }
import { accessOf } from './access/rules.ts'
import { baseUrlOf, type Config } from './config.ts'
import { openCodeClasses } from './fhir/code-class.ts'
import { loadRegistry } from './fhir/registry.ts'
import { capabilityRoutes } from './http/capability.ts'
import { fhirRoutes } from './http/fhir.ts'
import { healthRoutes } from './http/health.ts'
import { openServer, portOf } from './http/server.ts'
import { openMhealth } from './mhealth/mhealth.ts'
import { parseCriteria } from './search/parse.ts'
import { openDatabase } from './storage/database.ts'
import { openReadiness } from './storage/readiness.ts'
import { openStores } from './storage/resources.ts'
import { findCaller } from './storage/token.ts'

type Options = {
  readonly config: Config
  readonly log: FastifyBaseLogger
  /** A PostgreSQL with all migrations. */
  readonly databaseUrl: string
  readonly secretKey: Buffer
}

/** Everything put together: listen on it, or inject requests. Closing it closes its connections too. */
export const buildApp = async ({ config, log, databaseUrl, secretKey }: Options): Promise<FastifyInstance> => {
  const database = openDatabase(databaseUrl, { poolSize: config.poolSize })
  const dictionaryConnection = openDatabase(databaseUrl, { poolSize: 2 })
  const registry = loadRegistry()
  const codeClasses = openCodeClasses()
  const mhealth = openMhealth({
    codeClasses,
    ...(config.omhSchemaDir === undefined ? {} : { schemaDir: config.omhSchemaDir }),
  })
  const storeFor = await openStores({ database, dictionaryConnection, registry, classes: codeClasses })
  const server = await openServer({ config, log })
  const base = () => `${baseUrlOf(config, portOf(server) ?? config.port)}/fhir`

  server.addHook('onClose', async () => {
    await Promise.all([database.close(), dictionaryConnection.close()])
  })
  await server.register(healthRoutes, { isReady: await openReadiness(database) })
  for (const prefix of ['/', '/fhir']) {
    await server.register(capabilityRoutes, { prefix, registry, codeClasses, version: packageJson.version, base })
  }
  await server.register(fhirRoutes, {
    prefix: '/fhir',
    registry,
    mhealth,
    findCaller: bearer => findCaller(database, bearer),
    accessFor: caller => accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query)),
    openStoreFor: (caller, access) =>
      storeFor({
        access,
        author: caller.principal,
        organizations: caller.organizations ?? [],
        choosesIds: caller.client.policies.has('everything'),
      }),
    base,
    secretKey,
  })
  return server
}
