import type { Resource, ResourceType } from '@medplum/fhirtypes'
import { parseJson } from '../../fhir/json.ts'
import type { CodeClasses } from '../../fhir/measured/code-class.ts'
import type { Registry } from '../../fhir/registry.ts'
import type { Connection, Database } from '../database.ts'
import { takeTurnOfEverybody } from '../model/consent/turn.ts'
import { project } from '../model/projections.ts'
import { entryTables } from '../prepare/candidate.ts'
import { openDictionary } from '../prepare/dictionary.ts'
import { openDurations } from '../prepare/duration.ts'
import { numberAll, type Preparing, prepare } from '../prepare/prepare.ts'
import { tableName, tableOf, typeIdOf } from '../row.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'
import { dropSideRows, factsSetOf, sideRows } from '../write/side-rows.ts'
import { toProjected } from '../write/write.ts'
import { answerPlaces } from './answer-places.ts'
import { type Derivation, noteMapVersion, putDerived } from './derive-anew.ts'
import { notingReindex } from './reindex-begun.ts'

type Options = {
  readonly database: Database
  /** A connection of its own for dictionary entries, which are committed at once. */
  readonly dictionaryConnection: Connection
  readonly registry: Registry
  readonly classes: CodeClasses
  /** Absent if Observations are to stay as they were derived from their documents. */
  readonly derivation?: Derivation
  readonly onProgress?: (progress: Progress) => void
}

/** `derived`: how many Observations got a next version, since today's derivation gives them other elements. */
export type Progress = { readonly done: number; readonly total: number; readonly derived: number }

/**
 * Rebuilds, from nothing but the stored resources, what the tables hold beside them: tokens and index rows, the facts and classes of Observations,
 * compartments, and the model's projections. Observations to which today's derivation gives other elements get a next version, and so do places in
 * studies that say something else of the answers than the Consents. The server may be running meanwhile. If it is cut short, each resource is either as it
 * was or as it will be, and another one does them all.
 */
export const reindex = (options: Options): Promise<Progress> =>
  notingReindex(options.database, () => reindexAll(options))

const reindexAll = async ({ database, dictionaryConnection, derivation, onProgress, ...given }: Options) => {
  const preparing: Preparing = {
    registry: given.registry,
    classes: given.classes,
    dictionary: openDictionary(dictionaryConnection),
    durations: openDurations(dictionaryConnection),
  }
  await database.writing((connection, joinings) => {
    preparing.dictionary.renew(joinings)
    return projectAnew(connection, preparing)
  })
  const types = await countedTypes(database, given.registry.resourceTypes)
  const total = types.reduce((sum, { count }) => sum + count, 0)
  let [done, derived] = [0, 0]
  for (const { type } of types)
    for (let last = first; ; ) {
      const batch = await database.writing((connection, joinings) => {
        preparing.dictionary.renew(joinings)
        return reindexBatch(connection, { ...preparing, derivation }, type, last)
      })
      // What is derived anew comes once more in its new place.
      done += batch.places.length - batch.derived
      derived += batch.derived
      onProgress?.({ done, total, derived })
      const end = batch.places.at(-1)
      if (end === undefined) break
      last = end
    }
  if (derivation !== undefined) await noteMapVersion(database, derivation.mapVersion)
  await answerPlaces({ database, dictionaryConnection, ...given })
  return { done, total, derived }
}

/**
 * Writes have to wait meanwhile, and nobody reads half of it. What patients take turns for otherwise is locked as a whole: PostgreSQL has room for the
 * turns of some ten thousand. Whoever writes a Consent or a place waits for that turn, and not for a study, which would turn out to be gone.
 */
const projectAnew = async (connection: Connection, preparing: Preparing): Promise<void> => {
  await takeTurnOfEverybody(connection)
  await connection.run(sql.fragment`
    LOCK TABLE enrolment, consent_grantee, study_group_observation_consents IN SHARE ROW EXCLUSIVE MODE`)
  for (const table of projected) await connection.run(sql.fragment`DELETE FROM ${sql.identifier([table])}`)
  const context = { ...preparing, isAccepted: true }
  for (const type of projectedTypes)
    for (let last = '0'; ; ) {
      const rows = await nextRows(connection, type, last)
      await project(connection, type, rows.map(rowToProjected), context)
      const end = rows.at(-1)
      if (end === undefined) break
      last = end.pk
    }
}

const projected = [
  'organization_node',
  'organization_ancestor',
  'membership',
  'privacy_officer',
  'person_practitioner',
  'person_patient',
  'barred_person',
  'study',
  'study_grantee',
  'study_staff',
  'study_requested_data',
  'study_text',
  'enrolment',
  'care_consent',
  'consent_grantee',
  'study_group_observation_consents',
]

/** In an order in which each type only needs those before it. */
const projectedTypes: readonly ResourceType[] = [
  'Organization',
  'PractitionerRole',
  'Person',
  'ResearchStudy',
  'ResearchSubject',
  'Consent',
]

type Row = {
  readonly patient_id: number
  readonly pk: string
  readonly id: string
  readonly version: number
  readonly last_updated: Date
  readonly owner: string | null
  readonly author: number
  readonly content: string
}

const nextRows = (connection: Connection, type: ResourceType, last: string): Promise<readonly Row[]> =>
  connection.any<Row>(sql.fragment`
    SELECT ${columns} FROM ${tableOf(type)} WHERE pk > ${last}::bigint ORDER BY pk LIMIT ${batchSize} FOR UPDATE`)
const batchSize = 500
const columns: SqlFragment = sql.fragment`patient_id, pk, id, version, last_updated, owner, author, content::text AS content`

const rowToProjected = ({ patient_id, pk, id, version, content }: Row) => ({
  patientId: patient_id,
  pk,
  id,
  versionId: String(version),
  resource: parseJson(content) as Resource,
})

const countedTypes = async (connection: Connection, types: readonly ResourceType[]) => {
  const counted = []
  for (const type of types) {
    const { count } = await connection.one<{ count: number }>(sql.fragment`
      SELECT (CASE WHEN first.count < ${mostCounted} THEN first.count ELSE greatest(known.reltuples, first.count) END)::float8 AS count
      FROM (SELECT count(*) FROM (SELECT FROM ${tableOf(type)} LIMIT ${mostCounted}) AS found) AS first,
        (SELECT reltuples FROM pg_class WHERE oid = to_regclass(${tableName(type)})) AS known`)
    if (count > 0) counted.push({ type, count })
  }
  return counted
}

/** Of more, PostgreSQL knows about how many there are: counting them reads the whole table, beside which everybody's commits wait for the disk. */
const mostCounted = 10_000

type Place = { readonly patient_id: number; readonly pk: string; readonly id: string; readonly at: string }
const first: Place = { patient_id: 0, pk: '0', id: '', at: '-infinity' }

/**
 * In the order of their last change, for which every table has an index. Observations have no index by pk alone; and in the order of compartments,
 * those would be skipped that are joined to one that is done already.
 */
const nextPlaces = (connection: Connection, type: ResourceType, { at, pk }: Place): Promise<readonly Place[]> =>
  connection.any<Place>(sql.fragment`
    SELECT patient_id, pk, id, last_updated::text AS at FROM ${tableOf(type)}
    WHERE (last_updated, pk) > (${at}::timestamptz, ${pk}::bigint) ORDER BY last_updated, pk LIMIT ${batchSize}`)

/**
 * As they are once nobody else can change them: whoever changes a resource locks its identity first (`lockPlace`), in this order if there are
 * several, and drops the rows beside it before its own. What is changed meanwhile comes again in its new place.
 */
const lockRows = async (
  connection: Connection,
  type: ResourceType,
  places: readonly Place[],
): Promise<readonly Row[]> => {
  await connection.any(sql.fragment`
    SELECT FROM resource_identity WHERE type_id = ${typeIdOf(type)} AND id = ANY(${sql.array(
      places.map(({ id }) => id),
      'text',
    )})
    ORDER BY id FOR UPDATE`)
  return connection.any<Row>(sql.fragment`
    SELECT ${columns} FROM ${tableOf(type)}
    WHERE (patient_id, pk) IN (SELECT * FROM unnest(
      ${columnOf(places, ({ patient_id }) => patient_id, 'int4')},
      ${columnOf(places, ({ pk }) => pk, 'int8')}))
    ORDER BY pk`)
}

/** Answers the places of those that it has done; none after the last. */
const reindexBatch = async (
  connection: Connection,
  { derivation, ...preparing }: Preparing & { readonly derivation: Derivation | undefined },
  type: ResourceType,
  last: Place,
): Promise<{ readonly places: readonly Place[]; readonly derived: number }> => {
  const places = await nextPlaces(connection, type, last)
  const rows = await lockRows(connection, type, places)
  if (rows.length === 0) return { places, derived: 0 }
  const drafts = await Promise.all(rows.map(row => toDraft(type, row, derivation)))
  const prepared = await prepare(connection, preparing, drafts, new Date())
  const candidates = await numberAll(connection, preparing, prepared)
  const pks = rows.map(({ pk }) => pk)
  const isDone = sql.fragment`pk = ANY(${sql.array(pks, 'int8')})`
  await dropSideRows(connection, type, isDone)
  if (type === 'Observation')
    for (const table of ['derived_from', 'derived_awaited'])
      await connection.run(sql.fragment`DELETE FROM ${sql.identifier([table])} WHERE ${isDone}`)
  const isDerived = new Set(drafts.flatMap(one => ('lastUpdated' in one ? [] : one.pk)))
  const standing = candidates.filter(({ pk }) => !isDerived.has(pk))
  if (standing.length > 0)
    await connection.run(sql.fragment`
      WITH ${sql.join([entryTables(standing), ...sideRows(standing, sql.fragment`entry`)], sql.fragment`, `)}
      UPDATE ${tableOf(type)} AS row SET tokens = entry.tokens ${factsSetOf(type)}
      FROM entry WHERE row.patient_id = entry.patient_id AND row.pk = entry.pk`)
  await putDerived(
    connection,
    candidates.filter(({ pk }) => isDerived.has(pk)),
  )
  if (type === 'Observation') await project(connection, type, candidates.map(toProjected), preparing)
  return { places, derived: isDerived.size }
}

/** As the row is stored; or, without a time, as its next version. */
const toDraft = async (type: ResourceType, { content, last_updated, ...row }: Row, derivation?: Derivation) => {
  const resource = parseJson(content) as Resource
  const derived = type === 'Observation' ? await derivation?.derivedAnew(resource) : undefined
  if (derived !== undefined) return { ...row, version: row.version + 1, resource: derived }
  return {
    ...row,
    lastUpdated: last_updated,
    ...(type === 'Provenance' ? { patientId: row.patient_id } : {}),
    resource,
  }
}
