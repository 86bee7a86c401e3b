import type { FastifyBaseLogger, FastifyInstance } from 'fastify'
import packageJson from '../../package.json' with { type: 'json' }
import type { CodeClasses } from '../fhir/measured/code-class.ts'
import { asyncRoutes } from '../http/fhir/async-requests.ts'
import { capabilityRoutes } from '../http/fhir/capability.ts'
import { type FhirOptions, fhirRoutes } from '../http/fhir/fhir.ts'
import { openApiRoutes } from '../http/fhir/openapi.ts'
import type { Database } from '../storage/database.ts'
import { openAsync } from './async.ts'
import { faceRoutes } from './faces.ts'
import type { Jobs } from './work.ts'

type Parts = {
  readonly log: FastifyBaseLogger
  readonly database: Database
  readonly fhir: FhirOptions
  readonly codeClasses: CodeClasses
  readonly requiresReferences: boolean
  readonly isRegistrationOpen: boolean
  /** Of the server, without a slash at the end. */
  readonly address: () => string
}

/** What is served to programs: FHIR, its descriptions, and the other contracts. Some requests are answered later if the process has `jobs`. */
export const registerContracts = async (
  server: FastifyInstance,
  { log, database, fhir, requiresReferences, ...rest }: Parts,
  jobs: Jobs | undefined,
): Promise<{ readonly close: () => Promise<void> }> => {
  const { registry, base } = fhir
  const served = { ...rest, version: packageJson.version }
  for (const prefix of ['/', '/fhir'])
    await server.register(capabilityRoutes, { prefix, registry, requiresReferences, base, ...served })
  await server.register(openApiRoutes, { registry, version: served.version, base })
  const later = jobs && (await openAsync({ database, fhir, log }, jobs))
  await server.register(fhirRoutes, { prefix: '/fhir', ...fhir, asyncRequests: later?.requests })
  if (later !== undefined) await server.register(asyncRoutes, { prefix: '/fhir', ...fhir, database })
  await server.register(faceRoutes, { fhir, ...served })
  return { close: async () => later?.close() }
}
