import { createHash } from 'node:crypto'
import type { Resource } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import type { Candidate } from './candidate.ts'
import { replace } from './change.ts'
import { type Current, lockPlace } from './current.ts'
import type { Connection } from './database.ts'
import { type SqlFragment, sql } from './sql.ts'
import type { UploadKey, Written } from './store.ts'
import { type UploadRights, uploadRights } from './upload-rights.ts'
import { type Create, candidatesOf, insertAll, refusal, type Writing } from './write.ts'

/**
 * Observations as a set. A document that is stored already is found by its key: the same again changes nothing, another
 * content is the next version, and of several with one key the last in order wins.
 */
export const uploadAll = async (
  connection: Connection,
  writing: Writing,
  creates: readonly Create[],
): Promise<readonly Written[]> => {
  const candidates = await candidatesOf(connection, writing, creates)
  const entries = candidates.map((candidate, index) => entryOf(candidate, creates[index]?.uploadKey))
  const lastByKey = new Map(entries.map(entry => [entry.place, entry]))
  const last = [...lastByKey.values()]
  const taken = await takenKeys(connection, last)
  const stored = await storedUploads(connection, taken)
  if (stored.size < taken.length)
    throw new FhirError('transient', 'The same documents are being deleted by another request')
  const outcomes = new Map<string, Written>()

  const fresh = last.filter(({ place }) => !stored.has(place))
  const inserted = await insertAll(
    connection,
    writing,
    fresh.map(({ candidate }) => candidate),
  )
  fresh.forEach((entry, index) => {
    const outcome = inserted[index]
    if (outcome !== undefined) outcomes.set(entry.place, outcome)
  })
  await releaseKeys(
    connection,
    fresh.filter(({ place }) => outcomes.get(place)?.outcome !== 'created'),
  )
  const met = last.flatMap(entry => {
    const found = stored.get(entry.place)
    return found === undefined ? [] : [{ entry, candidate: entry.candidate, found, current: found.current }]
  })
  const rights = await uploadRights(connection, writing, met)
  for (const { entry, candidate, found } of met) {
    const may = rights.get(candidate.pk)
    const outcome: Written = may?.isKnown
      ? await meetAgain(connection, writing, entry, found, may)
      : { outcome: 'refused', error: refusal(candidate) }
    outcomes.set(entry.place, outcome)
  }
  return entries.map(entry => outcomeOf(entry, lastByKey, outcomes))
}

type Entry = {
  readonly candidate: Candidate
  /** Same place, same document: the patient and the key; without a key, nothing but itself. */
  readonly place: string
  readonly key?: { readonly uuid: string; readonly digest: Buffer; readonly mapVersion: number }
}

const entryOf = (candidate: Candidate, uploadKey: UploadKey | undefined): Entry => {
  if (uploadKey === undefined || candidate.patientId === 0) return { candidate, place: candidate.pk }
  const uuid = uuidOf(uploadKey)
  return {
    candidate,
    place: `${candidate.patientId}/${uuid}`,
    key: { uuid, digest: Buffer.from(uploadKey.digest, 'hex'), mapVersion: uploadKey.mapVersion },
  }
}

const uuidOf = ({ schema, key }: UploadKey): string => {
  const hex = createHash('sha256').update(`${schema}|${key}`).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')
}

/** `upload_key.kind`: the identity that the document's header gives, or its content. */
const documentKey = 1

type StoredUpload = { readonly pk: string; readonly digest: Buffer; readonly current: Current | undefined }

type KeyRow = { patient_id: number; key: string; pk: string; digest: Buffer }

/**
 * By place. The keys are locked, so that uploads of the same documents take turns; only a statement that begins with the
 * locks held sees what the turn before has written.
 */
const storedUploads = async (
  connection: Connection,
  entries: readonly Entry[],
): Promise<ReadonlyMap<string, StoredUpload>> => {
  const keyed = entries.filter(({ key }) => key !== undefined)
  if (keyed.length === 0) return new Map()
  const rows = await connection.any<KeyRow>(sql.fragment`
    SELECT upload_key.patient_id, upload_key.key, upload_key.pk, upload_key.digest
    FROM unnest(${columns(entries)}) AS asked(patient_id, key)
    JOIN upload_key ON upload_key.patient_id = asked.patient_id AND upload_key.kind = ${documentKey}
      AND upload_key.key = asked.key
    ORDER BY upload_key.patient_id, upload_key.key
    FOR UPDATE OF upload_key`)
  const currents = await currentObservations(connection, rows)
  return new Map(
    rows.map(({ patient_id, key, pk, digest }) => [
      `${patient_id}/${key}`,
      { pk, digest, current: currents.get(`${patient_id}/${pk}`) },
    ]),
  )
}

type Place = { readonly patient_id: number; readonly pk: string }
type Row = Place & { id: string; version: number; last_updated: Date; owner: string | null; content: string }

/** By `patient_id/pk`. */
const currentObservations = async (
  connection: Connection,
  places: readonly Place[],
): Promise<ReadonlyMap<string, Current>> => {
  if (places.length === 0) return new Map()
  const patientIds = sql.array(
    places.map(({ patient_id }) => patient_id),
    'int4',
  )
  const pks = sql.array(
    places.map(({ pk }) => pk),
    'int8',
  )
  const rows = await connection.any<Row>(sql.fragment`
    SELECT row.patient_id, row.pk, row.id, row.version, row.last_updated, row.owner, row.content::text AS content
    FROM unnest(${patientIds}, ${pks}) AS place(patient_id, pk)
    JOIN observation AS row ON row.patient_id = place.patient_id AND row.pk = place.pk`)
  return new Map(rows.map(row => [`${row.patient_id}/${row.pk}`, toCurrent(row)]))
}

const toCurrent = ({ patient_id, pk, id, version, last_updated, owner, content }: Row): Current => ({
  type: 'Observation',
  id,
  patientId: patient_id,
  pk,
  owner,
  versionId: String(version),
  lastUpdated: last_updated,
  content,
})

const columns = (entries: readonly Entry[]): SqlFragment =>
  sql.fragment`${sql.array(
    entries.map(({ candidate }) => candidate.patientId),
    'int4',
  )}, ${sql.array(
    entries.map(({ key }) => key?.uuid ?? ''),
    'uuid',
  )}`

/**
 * Takes the keys of new documents for them, before they are written: most documents are new, and then nothing need be
 * looked up. Answers the entries whose keys others have; of another request that has one at this moment the end is awaited.
 */
const takenKeys = async (connection: Connection, entries: readonly Entry[]): Promise<readonly Entry[]> => {
  const keyed = entries.filter(({ key }) => key !== undefined)
  if (keyed.length === 0) return []
  const kept = await connection.any<{ pk: string }>(sql.fragment`
    INSERT INTO upload_key (patient_id, kind, key, pk, digest, map_version)
    SELECT patient_id, ${documentKey}, key, pk, decode(digest, 'hex'), map_version
    FROM unnest(${columns(keyed)}, ${sql.array(
      keyed.map(({ candidate }) => candidate.pk),
      'int8',
    )}, ${sql.array(
      keyed.map(({ key }) => key?.digest.toString('hex') ?? ''),
      'text',
    )}, ${sql.array(
      keyed.map(({ key }) => key?.mapVersion ?? 0),
      'int4',
    )}) AS new(patient_id, key, pk, digest, map_version)
    ORDER BY patient_id, key
    ON CONFLICT DO NOTHING
    RETURNING pk`)
  const pks = new Set(kept.map(({ pk }) => pk))
  return keyed.filter(({ candidate }) => !pks.has(candidate.pk))
}

/** What was refused leaves no key behind. */
const releaseKeys = async (connection: Connection, entries: readonly Entry[]): Promise<void> => {
  const keyed = entries.filter(({ key }) => key !== undefined)
  if (keyed.length === 0) return
  await connection.run(sql.fragment`
    DELETE FROM upload_key USING unnest(${columns(keyed)}) AS refused(patient_id, key)
    WHERE upload_key.patient_id = refused.patient_id AND upload_key.kind = ${documentKey}
      AND upload_key.key = refused.key`)
}

/** A document whose key is stored. */
const meetAgain = async (
  connection: Connection,
  writing: Writing,
  { candidate, key }: Entry,
  { pk, digest, current: found }: StoredUpload,
  { isReadable, isChangeable }: UploadRights,
): Promise<Written> => {
  if (found === undefined) return goneSince
  if (key !== undefined && digest.equals(key.digest))
    return { outcome: 'unchanged', ...(isReadable ? found : asSent(candidate, found)) }
  if (!isChangeable) return { outcome: 'refused', error: refusal(candidate) }
  const current = await lockCurrent(connection, writing, found)
  if (current === undefined) return goneSince
  return refusedWhereThrown(async () => {
    const written = await replace(connection, writing, current, candidate.resource as Resource, 'c')
    await connection.run(sql.fragment`
      UPDATE upload_key SET digest = ${sql.binary(key?.digest ?? digest)}, map_version = ${key?.mapVersion ?? 0}
      WHERE patient_id = ${candidate.patientId} AND kind = ${documentKey} AND key = ${key?.uuid ?? ''}::uuid AND pk = ${pk}`)
    return written
  })
}

const refusedWhereThrown = async (run: () => Promise<Written>): Promise<Written> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof FhirError && error.issues[0].code !== 'transient') return { outcome: 'refused', error }
    throw error
  }
}

/** Who may not read what is stored, which somebody may have added to, is answered their own words. */
const asSent = ({ resource }: Candidate, current: Current): Current => {
  const { id, versionId, lastUpdated } = current
  const meta = { ...resource.meta, versionId, lastUpdated: lastUpdated.toISOString() }
  return { ...current, content: JSON.stringify({ ...resource, id, meta }) }
}

const goneSince: Written = {
  outcome: 'refused',
  error: new FhirError('deleted', 'This document was uploaded before, and then deleted'),
}

/** As it is once nobody else is changing it. */
const lockCurrent = async (connection: Connection, writing: Writing, { id, patientId, pk }: Current) => {
  await lockPlace(connection, writing, 'Observation', id)
  const currents = await currentObservations(connection, [{ patient_id: patientId, pk }])
  return currents.get(`${patientId}/${pk}`)
}

/** An earlier entry with the key of a later one was overtaken: it answers with what is stored now, as unchanged. */
const outcomeOf = (
  entry: Entry,
  lastByKey: ReadonlyMap<string, Entry>,
  outcomes: ReadonlyMap<string, Written>,
): Written => {
  const outcome = outcomes.get(entry.place)
  if (outcome === undefined) throw new Error('an upload without an outcome')
  if (outcome.outcome === 'refused' || outcome.outcome === 'deleted' || lastByKey.get(entry.place) === entry)
    return outcome
  return { ...outcome, outcome: 'unchanged' }
}
