import type { Connection } from '../database.ts'
import { typeIdOf } from '../row.ts'
import { columnOf, type SqlFragment, sql } from '../sql.ts'
import type { HeaderDevice } from '../store.ts'
import type { Create } from '../write/write.ts'

/** A device as a document's header describes it, and the patient whose document it is. */
export type Described = {
  readonly patientId: number
  /** Id of the Patient. Two Patients of one human keep their own devices, even if their compartments are joined. */
  readonly patient: string
  readonly key: string
  readonly device: HeaderDevice
  readonly create: Create
}

/** Those that were made and are still there, by place. */
export const findDevices = async (
  connection: Connection,
  described: readonly Described[],
): Promise<ReadonlyMap<string, string>> => {
  const rows = await connection.any<{ patient_id: number; key: string; id: string }>(sql.fragment`
    SELECT known.patient_id, known.key, known.id
    FROM unnest(${placesOf(described)}) AS asked(patient_id, key)
    JOIN upload_device AS known ON known.patient_id = asked.patient_id AND known.key = asked.key
    JOIN resource_identity AS identity ON identity.id = known.id
      AND identity.type_id = ${typeIdOf('Device')}
    JOIN device ON device.patient_id = identity.patient_id AND device.pk = identity.pk`)
  return new Map(rows.map(({ patient_id, key, id }) => [`${patient_id}/${key}`, id]))
}

/** Each once. */
export const placesOf = (described: readonly Described[]): SqlFragment => {
  const once = [...new Map(described.map(one => [placeOf(one), one])).values()]
  return sql.fragment`
    ${columnOf(once, ({ patientId }) => patientId, 'int4')},
    ${columnOf(once, ({ key }) => key, 'uuid')}`
}

export const placeOf = ({ patientId, key }: Pick<Described, 'patientId' | 'key'>): string => `${patientId}/${key}`

/** What people call it. */
export const nameOf = ({ name, manufacturer, model }: HeaderDevice): string =>
  name ?? [manufacturer, model].filter(Boolean).join(' ')
