import type { Observation } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { holdLater } from '../hold.ts'
import { exclusive, shared } from '../lock-keys.ts'
import { typeIdOf } from '../row.ts'
import { rowPlaces, type SqlFragment, sql } from '../sql.ts'
import type { Projected, Projection } from './projection.ts'

/** What Observations were derived from. Nearly all are new and derived from nothing, and cost nothing. */
export const projectDerivations: Projection<Observation> = async (connection, changes) => {
  const changed = changes.filter(({ versionId, resource }) => versionId !== '1' || isDerived(resource))
  if (changed.length === 0) return
  for (const table of ['derived_from', 'derived_awaited'])
    await connection.run(sql.fragment`
      DELETE FROM ${sql.identifier([table])} AS derived USING ${rowPlaces(changed)}
      WHERE derived.patient_id = place.patient_id AND derived.pk = place.pk`)
  for (const change of changed) if (isDerived(change.resource)) await insertSources(connection, change)
}

/**
 * A new Observation, whose id its writer chose: others that were derived from it may have come before it. Until it was there, they were shown to nobody
 * but its patient.
 */
export const meetSource = async (connection: Connection, { patientId, id }: Source): Promise<void> => {
  await holdLater(connection, 'source', shared([patientId]))
  await meet(connection, patientId, sql.fragment`= ${id}`)
}

/** To be called once compartments were joined: what was derived from the other's Observations. Nobody else may be writing. */
export const meetSources = (connection: Connection, patientId: number): Promise<void> =>
  meet(
    connection,
    patientId,
    sql.fragment`IN (SELECT id FROM resource_identity WHERE patient_id = ${patientId} AND type_id = ${typeIdOf('Observation')})`,
  )

/** Sources that were awaited, and are here now, become known ones. An Observation that awaits no other source loses its unknown one. */
const meet = async (connection: Connection, patientId: number, isHere: SqlFragment): Promise<void> => {
  await connection.run(sql.fragment`
    WITH met AS (
      DELETE FROM derived_awaited WHERE patient_id = ${patientId} AND source_id ${isHere} RETURNING pk, source_id
    ),
    known AS (
      INSERT INTO derived_from (patient_id, pk, source_pk)
      SELECT ${patientId}, met.pk, identity.pk FROM met
      JOIN resource_identity AS identity ON identity.id = met.source_id AND identity.type_id = ${typeIdOf('Observation')}
    )
    DELETE FROM derived_from AS derived
    WHERE patient_id = ${patientId} AND pk IN (SELECT pk FROM met) AND source_pk = 0 AND NOT EXISTS (
      SELECT FROM derived_awaited AS awaited
      WHERE awaited.patient_id = ${patientId} AND awaited.pk = derived.pk AND NOT awaited.source_id ${isHere})`)
}

type Source = Pick<Projected, 'patientId' | 'id'>

const isDerived = (resource: Observation | undefined): boolean => (resource?.derivedFrom?.length ?? 0) > 0

/**
 * A source is an Observation of the same patient; anything else is kept as an unknown source, 0. What is not here yet is awaited: whoever is writing it
 * at this moment either is waited for, or waits and finds it awaited.
 */
const insertSources = async (connection: Connection, { patientId, pk, resource }: Projected<Observation>) => {
  const ids = (resource?.derivedFrom ?? []).map(reference => namedId(reference, 'Observation') ?? '')
  await holdLater(connection, 'source', exclusive([patientId]))
  await connection.run(sql.fragment`
    WITH named AS MATERIALIZED (
      SELECT DISTINCT source.id, identity.pk AS source_pk
      FROM unnest(${sql.array(ids, 'text')}) AS source(id)
      LEFT JOIN resource_identity AS identity ON identity.id = source.id AND identity.patient_id = ${patientId}
        AND identity.type_id = ${typeIdOf('Observation')}
    ),
    awaited AS (
      INSERT INTO derived_awaited (patient_id, pk, source_id)
      SELECT ${patientId}::integer, ${pk}::bigint, id FROM named WHERE source_pk IS NULL
    )
    INSERT INTO derived_from (patient_id, pk, source_pk)
    SELECT DISTINCT ${patientId}::integer, ${pk}::bigint, coalesce(source_pk, 0) FROM named`)
}
