import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

/** Those of the Devices that are sources, which name no patient. */
export const findSourceDevices = async (
  connection: Connection,
  ids: readonly string[],
): Promise<ReadonlySet<string>> => {
  if (ids.length === 0) return new Set()
  const rows = await connection.any<{ id: string }>(sql.fragment`
    SELECT device.id
    FROM resource_identity AS identity
    JOIN device ON device.patient_id = identity.patient_id AND device.pk = identity.pk
    WHERE identity.type_id = ${typeIdOf('Device')}
      AND identity.id = ANY(${sql.array([...ids], 'text')}) AND NOT device.content ? 'patient'`)
  return new Set(rows.map(({ id }) => id))
}
