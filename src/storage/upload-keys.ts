import { createHash } from 'node:crypto'
import type { Candidate } from './candidate.ts'
import type { Current } from './current.ts'
import type { Connection } from './database.ts'
import { type SqlFragment, sql } from './sql.ts'
import type { UploadKey } from './store.ts'

/** One Observation of a set, with the identity of its document. */
export type Entry = {
  readonly candidate: Candidate
  /** Same place, same document: the patient and the key; without a key, nothing but itself. */
  readonly place: string
  readonly key?: { readonly uuid: string; readonly digest: Buffer; readonly mapVersion: number }
}

export const entryOf = (candidate: Candidate, uploadKey: UploadKey | undefined): Entry => {
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

export type StoredUpload = { readonly pk: string; readonly digest: Buffer; readonly current: Current | undefined }

type KeyRow = { patient_id: number; key: string; pk: string; digest: Buffer }

/**
 * By place. The keys are locked, so that uploads of the same documents take turns; only a statement that begins with the
 * locks held sees what the turn before has written.
 */
export const storedUploads = async (
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
export const currentObservations = async (
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
export const takenKeys = async (connection: Connection, entries: readonly Entry[]): Promise<readonly Entry[]> => {
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
export const releaseKeys = async (connection: Connection, entries: readonly Entry[]): Promise<void> => {
  const keyed = entries.filter(({ key }) => key !== undefined)
  if (keyed.length === 0) return
  await connection.run(sql.fragment`
    DELETE FROM upload_key USING unnest(${columns(keyed)}) AS refused(patient_id, key)
    WHERE upload_key.patient_id = refused.patient_id AND upload_key.kind = ${documentKey}
      AND upload_key.key = refused.key`)
}

/** The key now stands for this content. */
export const renewKey = (connection: Connection, { candidate, key }: Entry): Promise<number> =>
  connection.run(sql.fragment`
    UPDATE upload_key
    SET digest = decode(${key?.digest.toString('hex') ?? ''}, 'hex'), map_version = ${key?.mapVersion ?? 0}
    WHERE patient_id = ${candidate.patientId} AND kind = ${documentKey} AND key = ${key?.uuid ?? ''}::uuid`)
