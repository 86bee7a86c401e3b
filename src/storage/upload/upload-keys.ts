import { hash } from 'node:crypto'
import type { Connection } from '../database.ts'
import type { Candidate } from '../prepare/candidate.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'
import type { UploadKey } from '../store.ts'

/** One Observation of a set, with the identity of its document. */
export type Entry = {
  readonly candidate: Candidate
  /** The strongest first; empty if there is no document, or no patient. */
  readonly keys: readonly Key[]
  readonly digest: string
  readonly mapVersion: number
  /** In ms since 1970. */
  readonly revised: number | undefined
}

/** `kind`: as in the table `upload_key`. */
export type Key = { readonly kind: number; readonly uuid: string; readonly place: string }

/** The document's own identity, else its content; the vendor's record of it; what was measured. */
const kinds = { document: 1, record: 2, measurement: 3 } as const

export const entryOf = (candidate: Candidate, uploadKey: UploadKey | undefined): Entry => {
  // A patient without a number has nothing that it could meet.
  if (uploadKey === undefined || candidate.patientId <= 0)
    return { candidate, keys: [], digest: '', mapVersion: 0, revised: undefined }
  const { schema, digest, mapVersion, revised } = uploadKey
  const { key, record, measurement } = uploadKey
  const uuids = [
    [kinds.document, uuidOf(schema, key)],
    [kinds.record, record === undefined ? undefined : uuidOf(schema, record)],
    [kinds.measurement, measurement && timedUuidOf(measurement)],
  ] as const
  const keys = uuids.flatMap(([kind, uuid]): Key | readonly Key[] =>
    uuid === undefined ? [] : { kind, uuid, place: `${candidate.patientId}/${kind}/${uuid}` },
  )
  return { candidate, keys, digest, mapVersion, revised }
}

const uuidOf = (schema: string, key: string): string => uuidIn(hash('sha256', `${schema}|${key}`))

/** Measurements arrive in the order of their times. With the time in front so do their keys, and the index grows in one place. */
const timedUuidOf = ({ start, digest }: NonNullable<UploadKey['measurement']>): string => {
  const time = Math.min(Math.max(Math.trunc(start), 0), 2 ** 48 - 1)
  return uuidIn(time.toString(16).padStart(12, '0') + digest)
}

/** As much of a hash as a UUID has room for. */
export const uuidIn = (hex: string): string =>
  [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20, 32)].join('-')

/** Whether the key is made from what was measured, and not from what the header says. */
export const isMeasurement = ({ kind }: Key): boolean => kind === kinds.measurement
export const isDocument = ({ kind }: Key): boolean => kind === kinds.document

/**
 * Takes the keys for new documents before these are written: most documents are new, and then nothing has to be looked up. If several have a key in
 * common, the first gets it. Waits for a request that is just taking one of them. Answers how many keys were not free.
 */
export const takeKeys = async (connection: Connection, entries: readonly Entry[]): Promise<number> => {
  const keyed = entries.filter(({ keys }) => keys.length > 0)
  if (keyed.length === 0) return 0
  const ofKind = (kind: number) =>
    columnOf(keyed, ({ keys }) => keys.find(one => one.kind === kind)?.uuid ?? null, 'uuid')
  const taken = await connection.run(sql.fragment`
    INSERT INTO upload_key (patient_id, kind, key, pk, digest, map_version, revised)
    SELECT patient_id, key.kind, key.uuid, pk, decode(digest, 'hex'), map_version, revised
    FROM unnest(
      ${columnOf(keyed, ({ candidate }) => candidate.patientId, 'int4')},
      ${columnOf(keyed, ({ candidate }) => candidate.pk, 'int8')},
      ${columnOf(keyed, ({ digest }) => digest, 'text')},
      ${columnOf(keyed, ({ mapVersion }) => mapVersion, 'int4')},
      ${columnOf(keyed, ({ revised }) => timeOf(revised), 'timestamptz')},
      ${ofKind(kinds.document)}, ${ofKind(kinds.record)}, ${ofKind(kinds.measurement)})
      WITH ORDINALITY AS new(patient_id, pk, digest, map_version, revised, document, record, measurement, position)
    CROSS JOIN LATERAL (VALUES (${kinds.document}::smallint, document), (${kinds.record}::smallint, record),
      (${kinds.measurement}::smallint, measurement)) AS key(kind, uuid)
    WHERE key.uuid IS NOT NULL
    ORDER BY patient_id, key.kind, key.uuid, position
    ON CONFLICT DO NOTHING`)
  return keyed.reduce((sum, { keys }) => sum + keys.length, 0) - taken
}

type PlaceRow = { patient_id: number; kind: number; key: string }

const placeOf = ({ patient_id, kind, key }: PlaceRow): string => `${patient_id}/${kind}/${key}`

export const timeOf = (ms: number | undefined): string | null => (ms === undefined ? null : new Date(ms).toISOString())

type Row = { readonly entry: Entry; readonly key: Key }

const columns = (rows: readonly Row[]): SqlFragment =>
  sql.fragment`
      ${columnOf(rows, ({ entry }) => entry.candidate.patientId, 'int4')},
      ${columnOf(rows, ({ key }) => key.kind, 'int2')},
      ${columnOf(rows, ({ key }) => key.uuid, 'uuid')}`

/** What is stored under a key: the Observation, and the content with which it was first stored. */
export type Keyed = {
  readonly patientId: number
  readonly pk: string
  readonly digest: string
  readonly revised: number | undefined
}

type KeyedRow = PlaceRow & { pk: string; digest: string; revised: Date | null }

/**
 * What is stored under the keys that others have, by place. The keys are locked, so that uploads of the same documents take turns. Only a statement
 * that begins once the locks are held sees what the upload before has written.
 */
export const lockKeys = async (
  connection: Connection,
  entries: readonly Entry[],
): Promise<ReadonlyMap<string, Keyed>> => {
  const asked = entries.flatMap(entry => entry.keys.map(key => ({ entry, key })))
  if (asked.length === 0) return new Map()
  const rows = await connection.any<KeyedRow>(sql.fragment`
    SELECT upload_key.patient_id, upload_key.kind, upload_key.key, upload_key.pk, encode(upload_key.digest, 'hex') AS digest,
      upload_key.revised
    FROM unnest(
      ${columns(asked)},
      ${columnOf(asked, ({ entry }) => entry.candidate.pk, 'int8')}) AS asked(patient_id, kind, key, pk)
    JOIN upload_key ON upload_key.patient_id = asked.patient_id AND upload_key.kind = asked.kind
      AND upload_key.key = asked.key AND upload_key.pk <> asked.pk
    ORDER BY upload_key.patient_id, upload_key.kind, upload_key.key
    FOR UPDATE OF upload_key`)
  return new Map(
    rows.map(row => [
      placeOf(row),
      { patientId: row.patient_id, pk: row.pk, digest: row.digest, revised: row.revised?.getTime() },
    ]),
  )
}

/** Gives up the keys of what was refused. */
export const releaseKeys = async (connection: Connection, rows: readonly Row[]): Promise<void> => {
  if (rows.length === 0) return
  await connection.run(sql.fragment`
    DELETE FROM upload_key USING unnest(${columns(rows)}) AS refused(patient_id, kind, key)
    WHERE upload_key.patient_id = refused.patient_id AND upload_key.kind = refused.kind
      AND upload_key.key = refused.key`)
}

/** Lets keys that were free lead to what was stored earlier under another key of the same document. */
export const leadKeys = async (
  connection: Connection,
  rows: readonly (Row & { readonly to: Keyed })[],
): Promise<void> => {
  if (rows.length === 0) return
  await connection.run(sql.fragment`
    UPDATE upload_key SET pk = led.pk, digest = decode(led.digest, 'hex'), revised = led.revised
    FROM unnest(
      ${columns(rows)},
      ${columnOf(rows, ({ to }) => to.pk, 'int8')},
      ${columnOf(rows, ({ to }) => to.digest, 'text')},
      ${columnOf(rows, ({ to }) => timeOf(to.revised), 'timestamptz')}) AS led(patient_id, kind, key, pk, digest, revised)
    WHERE upload_key.patient_id = led.patient_id AND upload_key.kind = led.kind AND upload_key.key = led.key`)
}
