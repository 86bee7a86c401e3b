import type { Observation, Resource } from '@medplum/fhirtypes'
import type { Connection, Database } from '../database.ts'
import type { Candidate } from '../prepare/candidate.ts'
import { columnOf, sql } from '../sql.ts'
import { putNext } from '../write/update.ts'
import { toStored } from '../write/write.ts'
import { recordReindex } from './reindex-record.ts'

/** How Observations gain elements from the documents in them: `Mhealth`, which this room does not import. */
export type Derivation = {
  /** What a stored Observation becomes by today's derivation; undefined if it stays as it is. */
  readonly derivedAnew: (observation: Resource) => Promise<Observation | undefined>
  readonly mapVersion: number
}

/**
 * Puts Observations that are derived anew in the place of the current ones, which go to the history. Whose they are and who sent them stays so. Their
 * rows must be locked, and those beside them gone. In the same commit it is recorded of each patient that the server did so.
 */
export const putDerived = async (connection: Connection, derived: readonly Candidate[]): Promise<void> => {
  if (derived.length === 0) return
  await putNext(connection, 'Observation', derived)
  const byPatient = Map.groupBy(derived, ({ patientId }) => patientId)
  const reindexed = [...byPatient].map(([patient, own]) => ({
    patient,
    kinds: new Set(own.flatMap(one => toStored(one).kindId ?? [])),
  }))
  await recordReindex(connection, 'Observation', reindexed)
}

/**
 * Whether an older version of the map derived something that was uploaded. Only the keys that lie first in their table are looked at: they are the
 * oldest, and once all are derived anew there is no older one.
 */
export const isAnyDerivedByOlder = async (connection: Connection, mapVersion: number): Promise<boolean> => {
  const { isAny } = await connection.one<{ isAny: boolean }>(sql.fragment`
    SELECT EXISTS (
      SELECT FROM (SELECT map_version FROM upload_key LIMIT ${partSize}) AS oldest WHERE map_version < ${mapVersion}) AS "isAny"`)
  return isAny
}

/** Notes that everything that was uploaded is derived by this version of the map, a part at a time: uploads of the same documents wait meanwhile. */
export const noteMapVersion = async (database: Database, mapVersion: number): Promise<void> => {
  for (let last: KeyRow | undefined = { patient_id: 0, kind: 0, key: noKey }; last !== undefined; ) {
    const rows: readonly KeyRow[] = await database.any<KeyRow>(sql.fragment`
      SELECT patient_id, kind, key FROM upload_key
      WHERE (patient_id, kind, key) > (${last.patient_id}::integer, ${last.kind}::smallint, ${last.key}::uuid)
        AND map_version < ${mapVersion}
      ORDER BY patient_id, kind, key LIMIT ${partSize}`)
    await database.run(sql.fragment`
      UPDATE upload_key SET map_version = ${mapVersion}
      FROM unnest(
        ${columnOf(rows, ({ patient_id }) => patient_id, 'int4')},
        ${columnOf(rows, ({ kind }) => kind, 'int2')},
        ${columnOf(rows, ({ key }) => key, 'uuid')}) AS done(patient_id, kind, key)
      WHERE upload_key.patient_id = done.patient_id AND upload_key.kind = done.kind AND upload_key.key = done.key
        AND upload_key.map_version < ${mapVersion}`)
    last = rows.at(-1)
  }
}

type KeyRow = { readonly patient_id: number; readonly kind: number; readonly key: string }
const noKey = '00000000-0000-0000-0000-000000000000'
const partSize = 5000
