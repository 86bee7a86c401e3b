import type { Device } from '@medplum/fhirtypes'
import { parseJson } from '../../fhir/json.ts'
import { namedId } from '../../fhir/reference.ts'
import type { Connection } from '../database.ts'
import { referenceKey } from '../prepare/index-rows.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { takeTurnAlone } from '../write/turn-to-join.ts'
import { devicesOfSource, refuseNamedSource } from './named-source.ts'
import { each, type Projected, type ProjectionContext } from './projection.ts'
import { findSourceDevices } from './source-device.ts'

/**
 * A patient's device says by `parent` from which source comes whatever it has measured, including what is stored already. A device that is deleted
 * is unknown, and so has no source.
 */
export const projectDevices = each<Device>(async (connection, change, context) => {
  const { patientId, versionId, resource } = change
  if (context.isAccepted === true) return
  if (patientId === 0) return projectSource(connection, change, context)
  if (versionId === '1') return followSource(connection, change, context)
  if (resource !== undefined && (await isAsBefore(connection, change, resource.parent?.reference))) return
  await forgetEverywhere(connection, patientId)
  context.dictionary.deviceSources.forget()
  await followSource(connection, change, context)
})

/** To be called once compartments were joined: what a device had measured under the other number has its source now. */
export const followDevices = async (
  connection: Connection,
  patientId: number,
  context: Pick<ProjectionContext, 'dictionary'>,
): Promise<void> => {
  const devices = await connection.any<{ id: string; content: string }>(
    sql.fragment`SELECT id, content::text AS content FROM device WHERE patient_id = ${patientId} ORDER BY pk`,
  )
  for (const { id, content } of devices)
    await followSource(connection, { patientId, id, resource: parseJson(content) as Device }, context)
}

/** Only a source that nothing depends on is deleted. One that is there for the first time, or again, is the source of whatever has named it already. */
const projectSource = async (connection: Connection, change: Projected<Device>, context: ProjectionContext) => {
  const { id, pk, versionId, resource } = change
  context.dictionary.deviceSources.forget()
  if (resource === undefined) return refuseNamedSource(connection, id, context)
  if (versionId !== '1' && !(await wasDeleted(connection, pk))) return
  await takeTurnAlone(connection)
  const source = await numberOf(id, context)
  await moveMeasured(connection, sql.fragment`TRUE`, id, source)
  for (const device of await devicesOfSource(connection, id))
    await moveMeasured(connection, sql.fragment`patient_id = ${device.patientId}`, device.id, source)
}

const wasDeleted = async (connection: Connection, pk: string): Promise<boolean> => {
  const before = await connection.maybeOne<{ isDeletion: boolean }>(sql.fragment`
    SELECT content IS NULL AS "isDeletion" FROM device_history
    WHERE patient_id = 0 AND pk = ${pk} ORDER BY version DESC LIMIT 1`)
  return before?.isDeletion === true
}

/** Whether its parent is the same as before. If it was deleted before, that cannot be said: what it had measured may still have the source of that time. */
const isAsBefore = async (
  connection: Connection,
  { patientId, pk }: Projected<Device>,
  parent: string | undefined,
): Promise<boolean> => {
  const before = await connection.maybeOne<{ parent: string | null; isDeletion: boolean }>(sql.fragment`
    SELECT content #>> '{parent,reference}' AS parent, content IS NULL AS "isDeletion" FROM device_history
    WHERE patient_id = ${patientId} AND pk = ${pk} ORDER BY version DESC LIMIT 1`)
  return before?.isDeletion === false && (before.parent ?? undefined) === parent
}

/** Makes every server forget what it remembers of the patient's devices, as a joining does, once the writes are done that may still use it. */
const forgetEverywhere = async (connection: Connection, patientId: number): Promise<void> => {
  await takeTurnAlone(connection)
  await connection.run(
    sql.fragment`INSERT INTO compartment_joining (earlier, later) VALUES (${patientId}, ${patientId})`,
  )
}

const followSource = async (
  connection: Connection,
  { patientId, id, resource }: Pick<Projected<Device>, 'patientId' | 'id' | 'resource'>,
  context: Pick<ProjectionContext, 'dictionary'>,
): Promise<void> => {
  const parent = namedId(resource?.parent, 'Device')
  const isSource = parent !== undefined && (await findSourceDevices(connection, [parent])).has(parent)
  const source = isSource ? await numberOf(parent, context) : 0
  await moveMeasured(connection, sql.fragment`patient_id = ${patientId}`, id, source)
}

const numberOf = async (id: string, { dictionary }: Pick<ProjectionContext, 'dictionary'>): Promise<number> =>
  (await dictionary.devices.idsOf([id])).get(id) ?? 0

/** What the device has measured of these patients is from the source `source` from now on. */
const moveMeasured = async (connection: Connection, ofWhom: SqlFragment, id: string, source: number): Promise<void> => {
  const key = referenceKey({ code: 'device' }, `Device/${id}`)
  await connection.run(sql.fragment`
    WITH measured AS (
      UPDATE observation SET device_id = ${source}
      WHERE ${ofWhom} AND tokens @> ARRAY[${key.toString()}::bigint] AND device_id <> ${source}
        AND content #>> '{device,reference}' ~ ${`^Device/${id}(/_history/.*)?$`}
        AND NOT EXISTS (
          SELECT FROM jsonb_array_elements(content -> 'contained') AS one
          WHERE one ->> 'resourceType' = 'Observation' AND one #>> '{device,reference}' <> content #>> '{device,reference}')
      RETURNING patient_id, pk
    )
    UPDATE observation_code AS code SET device_id = ${source}
    FROM measured WHERE code.patient_id = measured.patient_id AND code.pk = measured.pk`)
}
