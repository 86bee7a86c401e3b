import fastify from 'fastify'
import type { Caller } from '../../src/access/caller.ts'
import { accessOf } from '../../src/access/rules.ts'
import { parseScopes } from '../../src/access/scope.ts'
import { openCodeClasses } from '../../src/fhir/code-class.ts'
import { FhirError } from '../../src/fhir/error.ts'
import { toOperationOutcome } from '../../src/fhir/operation-outcome.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { capabilityRoutes } from '../../src/http/capability.ts'
import { fhirRoutes } from '../../src/http/fhir.ts'
import { openMhealth } from '../../src/mhealth/mhealth.ts'
import { parseCriteria } from '../../src/search/parse.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { openStores } from '../../src/storage/resources.ts'
import { withDatabase } from './database.ts'

/** The FHIR routes over a database of their own, with callers that are known by their tokens' names. */
export const fhirServer = async () => {
  const server = fastify({ logger: false })
  const { url, close } = await withDatabase()
  const [database, dictionaryConnection] = [openDatabase(url), openDatabase(url, { poolSize: 2 })]
  const registry = loadRegistry()
  const codeClasses = openCodeClasses()
  const openStore = await openStores({ database, dictionaryConnection, registry, classes: codeClasses })
  server.setErrorHandler((error, _request, reply) => {
    const fhirError = error instanceof FhirError ? error : new FhirError('exception', (error as Error).stack ?? '')
    return reply
      .code(fhirError.status)
      .type('application/fhir+json')
      .send(JSON.stringify(toOperationOutcome(fhirError.issues)))
  })
  const base = () => 'http://localhost:8080/fhir'
  await server.register(fhirRoutes, {
    prefix: '/fhir',
    registry,
    mhealth: openMhealth({ codeClasses }),
    findCaller: async bearer => callers[bearer],
    accessFor: caller => accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query)),
    openStoreFor: (caller, access) =>
      openStore({
        access,
        author: caller.principal,
        organizations: [],
        choosesIds: caller.client.policies.has('everything'),
      }),
    base,
    secretKey: new Uint8Array(32).fill(7),
  })
  for (const prefix of ['/fhir', '/']) {
    await server.register(capabilityRoutes, { prefix, registry, codeClasses, version: '0.1.0', base })
  }
  server.addHook('onClose', async () => {
    await Promise.all([database.close(), dictionaryConnection.close()])
    await close()
  })
  return server
}

const client = (scopes: string, id = 'importer'): Caller => ({
  principal: { kind: 'client', id },
  client: { id, policies: new Set(['everything']) },
  administrator: false,
  scopes: parseScopes(scopes),
})

const callers: Readonly<Record<string, Caller>> = {
  everything: client('system/*.cruds'),
  other: client('system/*.cruds', 'other'),
  reader: client('system/Patient.r'),
}
