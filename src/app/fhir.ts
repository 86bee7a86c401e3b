import { type Access, fullAccess } from '../access/access.ts'
import { oncePerCaller } from '../access/caller.ts'
import { accessOf } from '../access/rules.ts'
import type { ParseCriteria } from '../access/scope-criteria.ts'
import type { OpenStoreAs } from '../accounts/person.ts'
import { openCodeClasses } from '../fhir/measured/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import type { FhirOptions } from '../http/fhir.ts'
import { openMhealth } from '../mhealth/mhealth.ts'
import { parseCriteria } from '../search/parse.ts'
import type { Callers } from '../storage/authorization/callers.ts'
import type { Connection, Database } from '../storage/database.ts'
import { openStores } from '../storage/open-stores.ts'
import type { QuarantineRoom } from '../storage/quarantine/quarantine-room.ts'
import { criteriaFor } from '../subscriptions/serve.ts'
import type { Audit } from './auditing.ts'

/** Everything behind the FHIR routes, over one database: the registry, Open mHealth, the gate and the store. */
export const openFhir = async (options: FhirParts) => {
  const { registry, database, dictionaryConnection, omhSchemaDir, secretKey, base, refusalOf, pages, bounds } = options
  const codeClasses = openCodeClasses()
  const mhealth = openMhealth({ codeClasses, ...(omhSchemaDir === undefined ? {} : { schemaDir: omhSchemaDir }) })
  const parse: ParseCriteria = (type, query) => parseCriteria(registry, type, query, { base: base() })
  const accessFor = oncePerCaller((caller): Access => accessOf(caller, registry, parse))
  const storeOf = await openStores({
    database,
    dictionaryConnection,
    registry,
    classes: codeClasses,
    references: options.requiresReferences ? base : undefined,
    quarantine: options.quarantine,
    questionOf: subscriber => criteriaFor({ registry, accessFor, outbound: { refusalOf }, base }, subscriber),
  })
  const fhir: FhirOptions = {
    registry,
    mhealth,
    findCaller: options.callers.find,
    findRefused: options.callers.findRefused,
    pages,
    bounds,
    accessFor,
    openStoreFor: (caller, access, door) => {
      const store = storeOf({
        access,
        author: caller.principal,
        organizations: caller.organizations,
        ...(caller.unproven === undefined
          ? {}
          : { knows: new Set([`Patient/${caller.patient}`]), authorSince: caller.unproven.since }),
        choosesIds: caller.client.policies.has('everything'),
        client: caller.client.id,
        choosesOwner: caller.administrator || caller.client.policies.has('everything'),
        ...(caller.tokenHash === undefined ? {} : { tokenHash: caller.tokenHash }),
      })
      return options.audit.audited(store, caller, door)
    },
    trail: options.audit.trail,
    base,
    secretKey,
    mostLetters: options.maxBodyBytes,
    refusalOf,
  }
  const openStoreAs: OpenStoreAs = ({ principal, organizations = [] }) =>
    storeOf({ access: fullAccess, author: principal, organizations, choosesIds: false, choosesOwner: false })
  return { fhir, codeClasses, openStoreAs, parseCriteria: parse }
}

type FhirParts = {
  readonly registry: Registry
  readonly database: Database
  /** A connection of its own for what is committed at once. */
  readonly dictionaryConnection: Connection
  readonly audit: Audit
  readonly callers: Callers
  readonly omhSchemaDir?: string
  readonly requiresReferences: boolean
  readonly maxBodyBytes: number
  readonly quarantine: QuarantineRoom
  readonly secretKey: Uint8Array
  /** Absolute FHIR base, without a slash at the end. */
  readonly base: () => string
  readonly refusalOf: FhirOptions['refusalOf']
  readonly bounds: FhirOptions['bounds']
  readonly pages: FhirOptions['pages']
}
