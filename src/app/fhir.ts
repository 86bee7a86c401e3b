import { type Access, fullAccess } from '../access/access.ts'
import { type Caller, oncePerCaller } from '../access/caller.ts'
import { accessOf } from '../access/rules.ts'
import type { ParseCriteria } from '../access/scope-criteria.ts'
import type { OpenStoreAs } from '../accounts/person.ts'
import { quarantineRoomOf } from '../config/quarantine.ts'
import type { Config } from '../config.ts'
import { openCodeClasses } from '../fhir/measured/code-class.ts'
import type { Registry } from '../fhir/registry.ts'
import { type CallerTurns, openCallerTurns } from '../http/caller/caller-turns.ts'
import { type LimitInFlight, openInFlightLimits } from '../http/caller/in-flight.ts'
import type { Cookies } from '../http/caller/session.ts'
import type { FhirOptions } from '../http/fhir/fhir.ts'
import { openMhealth } from '../mhealth/mhealth.ts'
import { parseCriteria } from '../search/parse.ts'
import { findSessionCaller } from '../storage/account/session.ts'
import type { Callers } from '../storage/authorization/callers.ts'
import type { Connection, Database } from '../storage/database.ts'
import { openStores, type StoreCaller } from '../storage/open-stores.ts'
import { criteriaFor } from '../subscriptions/serve.ts'
import type { Audit } from './auditing.ts'

/** Everything behind the FHIR routes, over one database: the registry, Open mHealth, the gate and the store. */
export const openFhir = async (parts: FhirParts) => {
  const { config, registry, database, dictionaryConnection, audit, callers, secretKey, base, refusalOf } = parts
  const { omhSchemaDir } = config
  const codeClasses = openCodeClasses()
  const mhealth = openMhealth({ codeClasses, ...(omhSchemaDir === undefined ? {} : { schemaDir: omhSchemaDir }) })
  const parse: ParseCriteria = (type, query) => parseCriteria(registry, type, query, { base: base(), isOfItself: true })
  const accessFor = oncePerCaller((caller): Access => accessOf(caller, registry, parse))
  const storeOf = await openStores({
    database,
    dictionaryConnection,
    registry,
    classes: codeClasses,
    references: parts.requiresReferences ? base : undefined,
    quarantine: quarantineRoomOf(config),
    questionOf: subscriber => criteriaFor({ registry, accessFor, outbound: { refusalOf }, base }, subscriber),
  })
  const turns = openCallerTurns(config.poolSize)
  const fhir: FhirOptions = {
    registry,
    mhealth,
    findCaller: callers.find,
    findRefused: callers.findRefused,
    pages: pagesOf(parts),
    limitInFlight: limitInFlightOf(config, turns),
    turnsOf: turns.turnsOf,
    accessFor,
    openStoreFor: (caller, access, door, wait) => audit.audited(storeOf(asCaller(caller, access)), caller, door, wait),
    trail: audit.trail,
    base,
    secretKey,
    mostLetters: config.maxBodyBytes,
    refusalOf,
  }
  const openStoreAs: OpenStoreAs = ({ principal, organizations = [] }) =>
    storeOf({ access: fullAccess, author: principal, organizations, choosesIds: false, choosesOwner: false })
  return { fhir, codeClasses, openStoreAs, parseCriteria: parse }
}

type FhirParts = {
  readonly config: Config
  readonly registry: Registry
  readonly database: Database
  /** A connection of its own, for what is committed at once. */
  readonly dictionaryConnection: Connection
  readonly audit: Audit
  readonly callers: Callers
  readonly cookies: Cookies
  readonly requiresReferences: boolean
  readonly secretKey: Uint8Array
  /** Of the server, without a slash at the end. */
  readonly address: () => string
  /** Absolute FHIR base, without a slash at the end. */
  readonly base: () => string
  readonly refusalOf: FhirOptions['refusalOf']
}

const pagesOf = ({ cookies, database, address }: FhirParts): FhirOptions['pages'] => ({
  cookies,
  findCaller: cookie => findSessionCaller(database, cookie),
  origin: () => new URL(address()).origin,
})

const limitInFlightOf = ({ maxRequestsInFlight, maxUploadsInFlight }: Config, turns: CallerTurns): LimitInFlight => {
  const inFlight = openInFlightLimits({ most: maxRequestsInFlight, mostLarge: maxUploadsInFlight })
  return server => {
    inFlight(server)
    turns.limitInFlight(server)
  }
}

const asCaller = (caller: Caller, access: Access): StoreCaller => ({
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
