import type { Device } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { each, namedId } from './projection.ts'

/** The source of each Device: itself where it names no patient, else what it is a part of. */
export const projectDevices = each<Device>(async (connection, { id, patientId, resource }) => {
  await connection.run(sql.fragment`DELETE FROM known_device WHERE id = ${id}`)
  if (resource === undefined) return
  const source = resource.patient === undefined ? id : (namedId(resource.parent, 'Device') ?? null)
  await connection.run(sql.fragment`
    INSERT INTO known_device (id, source, patient_id) VALUES (${id}, ${source}, ${patientId})`)
})

/**
 * Ids of the source Devices by id of the Device that Observations of the patient name. Absent: no source that is known;
 * another patient's device is none.
 */
export const findSources = async (
  connection: Connection,
  named: readonly { readonly device: string; readonly patientId: number }[],
): Promise<(device: string, patientId: number) => string | undefined> => {
  const rows = await connection.any<{ id: string; source: string; patient_id: number }>(sql.fragment`
    SELECT device.id, source.id AS source, device.patient_id
    FROM known_device AS device JOIN known_device AS source ON source.id = device.source AND source.source = source.id
    WHERE device.id = ANY(${sql.array([...new Set(named.map(({ device }) => device))], 'text')})`)
  const byId = new Map(rows.map(row => [row.id, row]))
  return (device, patientId) => {
    const found = byId.get(device)
    return found?.patient_id === 0 || found?.patient_id === patientId ? found.source : undefined
  }
}

/** Which of the Devices are sources. */
export const findSourceDevices = async (
  connection: Connection,
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (ids.length === 0) return new Set()
  const rows = await connection.any<{ id: string }>(sql.fragment`
    SELECT id FROM known_device WHERE source = id AND id = ANY(${sql.array([...ids], 'text')})`)
  return new Set(rows.map(({ id }) => id))
}
