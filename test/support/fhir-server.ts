import fastify, { type FastifyInstance } from 'fastify'
import type { Caller } from '../../src/access/caller.ts'
import { parseScopes } from '../../src/access/scope.ts'
import { fhirOptions } from '../../src/app.ts'
import { FhirError } from '../../src/fhir/error.ts'
import { toOperationOutcome } from '../../src/fhir/operation-outcome.ts'
import { capabilityRoutes } from '../../src/http/capability.ts'
import { fhirRoutes } from '../../src/http/fhir.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { issueToken, type TokenRequest } from '../../src/storage/token.ts'
import { withDatabase } from './database.ts'

/** The FHIR routes over a database of their own; a few callers are known by name, all others by token. */
export const fhirServer = async (): Promise<FastifyInstance> => (await fhirWorld()).server

/** The same, with what a test needs to make tokens and to look behind. */
export const fhirWorld = async () => {
  const { url, close } = await withDatabase()
  const database = openDatabase(url)
  const dictionaryConnection = openDatabase(url, { poolSize: 1 })
  const server: FastifyInstance = fastify({ logger: false })
  server.setErrorHandler(async (error, _request, reply) => {
    const known = error instanceof FhirError
    if (!known) process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`)
    const fhirError = known ? error : new FhirError('exception', String(error))
    return reply
      .code(fhirError.status)
      .type('application/fhir+json')
      .send(JSON.stringify(toOperationOutcome(fhirError.issues)))
  })
  const base = () => 'http://localhost:8080/fhir'
  const secretKey = new Uint8Array(32).fill(7)
  const { fhir, registry, codeClasses } = await fhirOptions({ database, dictionaryConnection, secretKey, base })
  await server.register(fhirRoutes, {
    prefix: '/fhir',
    ...fhir,
    findCaller: async bearer => callers[bearer] ?? fhir.findCaller(bearer),
  })
  for (const prefix of ['/fhir', '/'])
    await server.register(capabilityRoutes, { prefix, registry, codeClasses, version: '0.1.0', base })
  server.addHook('onClose', async () => {
    await database.close()
    await dictionaryConnection.close()
    await close()
  })
  const token = (request: Partial<TokenRequest> & Pick<TokenRequest, 'subject' | 'scope'>) =>
    issueToken(database, { client: 'cli', ttlSeconds: 3600, ...request })
  return { server, database, token }
}

const client = (scopes: string, id = 'importer'): Caller => ({
  principal: { kind: 'client', id },
  client: { id, policies: new Set(['everything']) },
  administrator: false,
  organizations: [],
  scopes: parseScopes(scopes),
})

const callers: Readonly<Record<string, Caller>> = {
  everything: client('system/*.cruds'),
  other: client('system/*.cruds', 'other'),
  reader: client('system/Patient.r'),
}
