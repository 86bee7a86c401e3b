import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { ProjectionContext } from './projection.ts'

/**
 * Refuses to delete a source that Consents, studies or patients' devices name: without it, what was measured would have no source, and would not be
 * covered by Consents that name it. Nobody else may write meanwhile. Throws `conflict`.
 */
export const refuseNamedSource = async (
  connection: Connection,
  id: string,
  { dictionary }: ProjectionContext,
): Promise<void> => {
  const number = (await dictionary.devices.find([id])).get(id)
  const uses: readonly (readonly [what: string, from: SqlFragment])[] = [
    ...(number === undefined
      ? []
      : ([
          ['is named by Consents', sql.fragment`study_group_observation_consents WHERE device_id = ${number}`],
          ['is asked for by studies', sql.fragment`study_requested_data WHERE device_id = ${number}`],
        ] as const)),
    ['is the parent of patients’ devices', sql.fragment`device WHERE patient_id <> 0 AND ${namesParent(id)}`],
  ]
  for (const [what, from] of uses)
    if ((await connection.maybeOne(sql.fragment`SELECT FROM ${from} LIMIT 1`)) !== undefined)
      throw new FhirError('conflict', `The source ${what}: it is retired, by status=inactive, and not deleted`)
}

/** Patients' devices that say that their data comes from this source. */
export const devicesOfSource = (connection: Connection, id: string) =>
  connection.any<{ id: string; patientId: number }>(
    sql.fragment`SELECT id, patient_id AS "patientId" FROM device WHERE patient_id <> 0 AND ${namesParent(id)}`,
  )

const namesParent = (id: string): SqlFragment =>
  sql.fragment`split_part(content #>> '{parent,reference}', '/', 2) = ${id}`
