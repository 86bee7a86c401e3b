import type { Current } from '../current.ts'
import type { Connection } from '../database.ts'
import { rowPlaces, sql } from '../sql.ts'

type Place = { readonly patientId: number; readonly pk: string }
type Row = {
  patient_id: number
  pk: string
  id: string
  version: number
  last_updated: Date
  owner: string | null
  content: string
}

/** By pk, whoever may see them. */
export const currentObservations = async (
  connection: Connection,
  places: readonly Place[],
): Promise<ReadonlyMap<string, Current>> => {
  if (places.length === 0) return new Map()
  const rows = await connection.any<Row>(sql.fragment`
    SELECT row.patient_id, row.pk, row.id, row.version, row.last_updated, row.owner, row.content::text AS content
    FROM ${rowPlaces(places)}
    JOIN observation AS row ON row.patient_id = place.patient_id AND row.pk = place.pk`)
  return new Map(rows.map(row => [row.pk, toCurrent(row)]))
}

const toCurrent = ({ patient_id, pk, id, version, last_updated, owner, content }: Row): Current => ({
  type: 'Observation',
  id,
  patientId: patient_id,
  pk,
  owner,
  versionId: String(version),
  lastUpdated: last_updated,
  content,
})
