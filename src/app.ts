import type { Access } from './access/access.ts'
import type { Caller } from './access/caller.ts'
import { accessOf } from './access/rules.ts'
import { openCodeClasses } from './fhir/code-class.ts'
import { loadRegistry } from './fhir/registry.ts'
import type { FhirOptions } from './http/fhir.ts'
import { openMhealth } from './mhealth/mhealth.ts'
import { parseCriteria } from './search/parse.ts'
import type { Connection, Database } from './storage/database.ts'
import { openStores } from './storage/resources.ts'
import { findCaller } from './storage/token.ts'

type Options = {
  readonly database: Database
  /** A connection of its own for what is committed at once. */
  readonly dictionaryConnection: Connection
  readonly omhSchemaDir?: string
  readonly secretKey: Uint8Array
  /** Absolute FHIR base, without a slash at the end. */
  readonly base: () => string
}

/** Everything behind the FHIR routes, over one database: the registry, Open mHealth, the gate and the store. */
export const fhirOptions = async (options: Options) => {
  const { database, dictionaryConnection, omhSchemaDir, secretKey, base } = options
  const registry = loadRegistry()
  const codeClasses = openCodeClasses()
  const mhealth = openMhealth({ codeClasses, ...(omhSchemaDir === undefined ? {} : { schemaDir: omhSchemaDir }) })
  const storeOf = await openStores({ database, dictionaryConnection, registry, classes: codeClasses })
  const accessFor = (caller: Caller): Access =>
    accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query, { base: base() }))
  const fhir: FhirOptions = {
    registry,
    mhealth,
    findCaller: bearer => findCaller(database, bearer),
    accessFor,
    openStoreFor: (caller, access) =>
      storeOf({
        access,
        author: caller.principal,
        organizations: caller.organizations,
        choosesIds: caller.client.policies.has('everything'),
      }),
    base,
    secretKey,
  }
  return { fhir, registry, codeClasses }
}
