import type { Observation } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { rowPlaces, sql } from '../sql.ts'
import type { Projected, Projection } from './projection.ts'

/** What Observations were derived from. Nearly all are new and derived from nothing, and cost nothing. */
export const projectDerivations: Projection<Observation> = async (connection, changes) => {
  const changed = changes.filter(({ versionId, resource }) => versionId !== '1' || isDerived(resource))
  if (changed.length === 0) return
  await connection.run(sql.fragment`
    DELETE FROM derived_from USING ${rowPlaces(changed)}
    WHERE derived_from.patient_id = place.patient_id AND derived_from.pk = place.pk`)
  for (const change of changed) if (isDerived(change.resource)) await insertSources(connection, change)
}

const isDerived = (resource: Observation | undefined): boolean => (resource?.derivedFrom?.length ?? 0) > 0

/** A source is an Observation of the same patient; anything else is kept as an unknown source, 0. */
const insertSources = (connection: Connection, { patientId, pk, resource }: Projected<Observation>) => {
  const ids = (resource?.derivedFrom ?? []).map(reference => namedId(reference, 'Observation') ?? '')
  return connection.run(sql.fragment`
    INSERT INTO derived_from (patient_id, pk, source_pk)
    SELECT DISTINCT ${patientId}::integer, ${pk}::bigint, coalesce(identity.pk, 0)
    FROM unnest(${sql.array(ids, 'text')}) AS source(id)
    LEFT JOIN resource_identity AS identity ON identity.id = source.id AND identity.patient_id = ${patientId}
      AND identity.type_id = ${typeIdOf('Observation')}`)
}
