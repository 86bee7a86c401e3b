import type { Device } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { referenceKey } from '../index-rows.ts'
import { sql } from '../sql.ts'
import { findSourceDevices } from './device.ts'
import { each, namedId, type Projected, type ProjectionContext } from './projection.ts'

/** A patient's device says by `parent` from which source all comes that it has measured, also what is here before it says so. */
export const projectDevices = each<Device>(async (connection, change, context) => {
  const { patientId, versionId, resource } = change
  if (resource === undefined || patientId === 0 || context.isAccepted === true) return
  if (versionId === '1') return followSource(connection, change, context)
  const before = await connection.maybeOne<{ parent: string | null }>(sql.fragment`
    SELECT content #>> '{parent,reference}' AS parent FROM device_history
    WHERE patient_id = ${patientId} AND pk = ${change.pk} ORDER BY version DESC LIMIT 1`)
  if ((before?.parent ?? undefined) === resource.parent?.reference) return
  await forgetEverywhere(connection, patientId)
  context.dictionary.deviceSources.forget()
  await followSource(connection, change, context)
})

/** What servers remember of devices ends as by a joining, after every write that may still ask it. */
const forgetEverywhere = async (connection: Connection, patientId: number): Promise<void> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patient_compartment'))`)
  await connection.run(
    sql.fragment`INSERT INTO compartment_joining (earlier, later) VALUES (${patientId}, ${patientId})`,
  )
}

const followSource = async (
  connection: Connection,
  { patientId, id, resource }: Projected<Device>,
  { dictionary }: ProjectionContext,
): Promise<void> => {
  const parent = namedId(resource?.parent, 'Device')
  const isSource = parent !== undefined && (await findSourceDevices(connection, [parent])).has(parent)
  const source = isSource ? ((await dictionary.devices.idsOf([parent])).get(parent) ?? 0) : 0
  const key = referenceKey({ code: 'device' }, `Device/${id}`)
  await connection.run(sql.fragment`
    WITH measured AS (
      UPDATE observation SET device_id = ${source}
      WHERE patient_id = ${patientId} AND tokens @> ARRAY[${key.toString()}::bigint] AND device_id <> ${source}
        AND content #>> '{device,reference}' ~ ${`^Device/${id}(/_history/.*)?$`}
        AND NOT EXISTS (
          SELECT FROM jsonb_array_elements(content -> 'contained') AS one
          WHERE one ->> 'resourceType' = 'Observation' AND one #>> '{device,reference}' <> content #>> '{device,reference}')
      RETURNING patient_id, pk
    )
    UPDATE observation_code AS code SET device_id = ${source}
    FROM measured WHERE code.patient_id = measured.patient_id AND code.pk = measured.pk`)
}
