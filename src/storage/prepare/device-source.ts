import type { Connection } from '../database.ts'
import { hold, holdLater } from '../hold.ts'
import { exclusive, shared } from '../lock-keys.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

/** The number of a Device's source, and the patient to whom the Device belongs (0: it is a source itself). */
export type DeviceSource = { readonly deviceId: number; readonly patientId: number }

export type DeviceSources = {
  /** By the id of the Device. An unknown Device has no source, and neither has one whose source is unknown. */
  readonly of: (connection: Connection, ids: ReadonlySet<string>) => Promise<ReadonlyMap<string, DeviceSource>>
  /** To be called when the source or patient of a Device has changed: nothing is answered from memory then. */
  readonly forget: () => void
}

type Numbers = { readonly idsOf: (keys: Iterable<string>) => Promise<ReadonlyMap<string, number>> }

/** An app names the same few Devices in everything that it uploads, so those that were found are remembered for a moment. */
export const openDeviceSources = (devices: Numbers): DeviceSources => {
  let known = new Map<string, DeviceSource>()
  let forgetAt = 0
  const forget = () => {
    known = new Map()
    forgetAt = performance.now() + keptMs
  }
  return {
    of: async (connection, ids) => {
      if (performance.now() > forgetAt) forget()
      const remembered = known
      const unknown = [...ids].filter(id => !remembered.has(id))
      for (const [id, source] of await find(connection, devices, unknown)) remembered.set(id, source)
      return remembered
    },
    forget,
  }
}

const keptMs = 5000

const find = async (
  connection: Connection,
  devices: Numbers,
  ids: readonly string[],
): Promise<readonly (readonly [string, DeviceSource])[]> => {
  if (ids.length === 0) return []
  await holdLater(connection, 'device', shared(ids))
  const rows = await connection.any<{ id: string; patient_id: number; source: string }>(sql.fragment`
    SELECT device.id, device.patient_id, source.id AS source
    FROM resource_identity AS identity
    JOIN device ON device.patient_id = identity.patient_id AND device.pk = identity.pk
    JOIN device AS source ON source.patient_id = 0
      AND source.id = CASE device.patient_id WHEN 0 THEN device.id
        ELSE split_part(device.content #>> '{parent,reference}', '/', 2) END
    WHERE identity.type_id = ${typeIdOf('Device')}
      AND identity.id = ANY(${sql.array([...ids], 'text')})`)
  const numbers = await devices.idsOf(rows.map(({ source }) => source))
  return rows.map(({ id, patient_id, source }) => [id, { deviceId: numbers.get(source) ?? 0, patientId: patient_id }])
}

/**
 * To be called before a Device is stored under an id of its writer's own: waits for whoever is writing what it has measured, since that can be given its
 * source only once it is committed. Until the transaction ends, nobody else looks the Device up to write.
 */
export const holdDevice = (connection: Connection, id: string): Promise<void> =>
  hold(connection, 'device', exclusive([id]))
