import { v7 as uuidv7 } from 'uuid'
import { beginning } from '../../fhir/beginning.ts'
import type { Connection } from '../database.ts'
import { columnOf, sql } from '../sql.ts'
import type { RefusedUpload } from '../store.ts'
import { recordIngest } from '../upload/ingest.ts'
import type { Writing } from '../write/write.ts'
import { type Placed, placedDocuments } from './quarantine-place.ts'
import { type QuarantineRoom, roomIn, type Usage } from './quarantine-room.ts'
import type { Kept } from './refused-upload.ts'

/**
 * Keeps documents if the rules would let their sender write them, in the order in which they came. The same document from the same source for the
 * same patient is not kept twice, but counted again.
 */
export const keepRefused = async (
  connection: Connection,
  writing: Writing,
  room: QuarantineRoom,
  refused: readonly RefusedUpload[],
): Promise<readonly Kept[]> => {
  const { tokenHash } = writing
  if (tokenHash === undefined) return refused.map(() => ({ kind: 'not-theirs' }))
  const documents = await placedDocuments(connection, writing, refused)
  const theirs = documents.flatMap(one => one ?? [])
  if (theirs.length === 0) return refused.map(() => ({ kind: 'not-theirs' }))
  await lockSources(connection, theirs)
  const ids = await insertAll(connection, tokenHash, await thoseWithRoom(connection, room, theirs))
  await recordIngest(
    connection,
    writing,
    theirs.map(one => ({ ...one, fate: 'refused' as const })),
  )
  return documents.map((one): Kept => {
    if (one === undefined) return { kind: 'not-theirs' }
    const id = ids.get(one.place)
    return id === undefined ? { kind: 'full' } : { kind: 'kept', id, patientId: one.patientId, kindId: one.kindId }
  })
}

/** Until the commit, nobody else can keep anything of these sources, so the counts stay true. */
const lockSources = async (connection: Connection, documents: readonly Placed[]): Promise<void> => {
  const sources = [...new Set(documents.map(({ source }) => source))].sort()
  await connection.run(sql.fragment`
    SELECT pg_advisory_xact_lock(hashtextextended('quarantine/' || source, 0))
    FROM unnest(${sql.array(sources, 'text')}) AS source`)
}

type Wanted = Placed & { readonly times: number }

/** Each of them once; what is waiting already needs no more room. */
const thoseWithRoom = async (
  connection: Connection,
  room: QuarantineRoom,
  documents: readonly Placed[],
): Promise<readonly Wanted[]> => {
  const wanted = [...Map.groupBy(documents, ({ place }) => place).values()].flatMap(same => {
    const [first] = same
    return first === undefined ? [] : [{ ...first, times: same.length }]
  })
  const sources = sql.array([...new Set(wanted.map(({ source }) => source))], 'text')
  const waiting = await connection.any<{ place: string }>(sql.fragment`
    SELECT patient || '/' || source || '/' || encode(digest, 'hex') AS place
    FROM quarantined_document
    JOIN unnest(${texts(wanted, 'patient')}, ${texts(wanted, 'source')}, ${texts(wanted, 'digest')}) AS asked(patient, source, digest_hex)
      USING (patient, source)
    WHERE digest = decode(digest_hex, 'hex') AND state = 'waiting'`)
  const known = new Set(waiting.map(({ place }) => place))
  const used = await connection.any<Usage>(sql.fragment`
    SELECT source, patient, count(*)::integer AS documents, sum(size)::bigint AS bytes
    FROM quarantined_document WHERE state = 'waiting' AND source = ANY(${sources})
    GROUP BY source, patient`)
  const takeRoom = roomIn(room, used)
  return wanted.filter(one => known.has(one.place) || takeRoom({ ...one, bytes: sizeOf(one) }))
}

const sizeOf = ({ sent }: Placed): number => Buffer.byteLength(sent)

const texts = <Key extends 'patient' | 'source' | 'digest'>(documents: readonly Placed[], key: Key) =>
  columnOf(documents, one => one[key], 'text')

/** Answers the ids by place; none if the token with which they came no longer exists. */
const insertAll = async (
  connection: Connection,
  tokenHash: Buffer,
  documents: readonly Wanted[],
): Promise<ReadonlyMap<string, string>> => {
  if (documents.length === 0) return new Map()
  const rows = await connection.any<{ id: string; place: string }>(sql.fragment`
    WITH kept AS (
      INSERT INTO quarantined_document AS known (id, pk, patient, source, organization, digest, size, sent, face, if_none_exist,
        interaction, target, version, is_lost, issues, rule, pointer, schema, times, hash, kind, person_id, patient_id, client_id, scope, context, grant_id)
      SELECT new.id, new.pk, new.patient, new.source, new.organization, decode(new.digest, 'hex'), new.size, new.sent, new.face,
        new.if_none_exist, new.interaction, new.target, new.version, new.is_lost, new.issues, new.rule, new.pointer, new.schema, new.times, token.hash, token.kind, token.person_id,
        token.patient_id, token.client_id, token.scope, token.context, token.grant_id
      FROM token, json_to_recordset(${JSON.stringify(documents.map(toRow))}::json) AS new(id uuid, pk bigint, patient text,
        source text, organization text, digest text, size integer, sent text, face text, if_none_exist text, interaction text,
        target text, version integer, is_lost boolean, issues text, rule text, pointer text, schema text, times integer)
      WHERE token.hash = ${sql.binary(tokenHash)}
      ON CONFLICT (patient, source, digest) DO UPDATE SET times = known.times + excluded.times, last_at = now(),
        first_at = CASE known.state WHEN 'waiting' THEN known.first_at ELSE now() END, state = 'waiting',
        tried_at = NULL, refusal = NULL, settled_by = NULL, observation = NULL,
        organization = excluded.organization, sent = excluded.sent, face = excluded.face, if_none_exist = excluded.if_none_exist,
        interaction = excluded.interaction, target = excluded.target, version = excluded.version, is_lost = excluded.is_lost,
        issues = excluded.issues, rule = excluded.rule, pointer = excluded.pointer, schema = excluded.schema,
        hash = excluded.hash, kind = excluded.kind, person_id = excluded.person_id, patient_id = excluded.patient_id,
        client_id = excluded.client_id, scope = excluded.scope, context = excluded.context, grant_id = excluded.grant_id
      RETURNING id, patient || '/' || source || '/' || encode(digest, 'hex') AS place
    )
    SELECT id, place FROM kept`)
  const ids = new Map(rows.map(({ place, id }) => [place, id]))
  await tellStudies(connection, documents, ids)
  return ids
}

/** The studies with which the patient shares such data now, and no longer any others: these must not learn how often it comes. */
const tellStudies = async (
  connection: Connection,
  documents: readonly Wanted[],
  ids: ReadonlyMap<string, string>,
): Promise<void> => {
  const pairs = documents.flatMap(({ place, studies }) =>
    studies.map(study => ({ study, id: ids.get(place) })).filter(({ id }) => id !== undefined),
  )
  await connection.run(sql.fragment`
    DELETE FROM quarantined_for AS told WHERE told.id = ANY(${sql.array([...ids.values()], 'uuid')}) AND NOT EXISTS (
      SELECT FROM json_to_recordset(${JSON.stringify(pairs)}::json) AS pair(study text, id uuid)
      WHERE pair.id = told.id AND pair.study = told.study_id)`)
  await connection.run(sql.fragment`
    INSERT INTO quarantined_for (study_id, id)
    SELECT study, id FROM json_to_recordset(${JSON.stringify(pairs)}::json) AS pair(study text, id uuid)
    ON CONFLICT DO NOTHING`)
}

const toRow = (one: Wanted) => ({
  id: uuidv7(),
  pk: one.pk,
  patient: one.patient,
  source: one.source,
  organization: one.organization,
  digest: one.digest,
  size: sizeOf(one),
  // PostgreSQL's texts cannot contain the character U+0000; in JSON it is escaped.
  sent: one.sent,
  face: JSON.stringify(one.face),
  if_none_exist: one.ifNoneExist,
  interaction: one.update === undefined ? 'create' : 'update',
  target: one.update?.id,
  version: one.version,
  is_lost: one.isLost ?? false,
  issues: JSON.stringify(one.issues),
  rule: one.rule,
  pointer: shortened(one.pointer),
  schema: shortened(one.schema),
  times: one.times,
})

const shortened = (text: string): string => beginning(text.replaceAll('\0', '\ufffd'), 200)
