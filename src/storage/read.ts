import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { findCurrent, wasVisible } from './current.ts'
import type { Connection } from './database.ts'
import { visibleVersion } from './history/history.ts'
import { sql } from './sql.ts'
import type { Stored } from './store.ts'
import { unknown, type Writing } from './write/write.ts'

/** Who asks, and what is known for every question: all that writing needs, but whose signature it bears. */
export type Reading = Omit<Writing, 'author' | 'principal' | 'linked' | 'newPatients'>

/** One resource by id. Throws `not-found`, or `deleted` for those who could see it. */
export const read = async (
  connection: Connection,
  asking: Reading,
  type: ResourceType,
  id: string,
): Promise<Stored> => {
  const current = await findCurrent(connection, asking, type, id, 'r')
  if (current !== undefined) return current
  const place = await connection.maybeOne<{ patientId: number; pk: string }>(sql.fragment`
    SELECT patient_id AS "patientId", pk FROM resource_identity
    WHERE type_id = ${asking.typeIds.get(type) ?? 0} AND id = ${id}`)
  if (place !== undefined && (await wasVisible(connection, asking, { type, id, ...place }, 'r')) !== undefined)
    throw new FhirError('deleted', `${type}/${id} was deleted`)
  throw unknown(type, id)
}

/** One version of it. */
export const vread = async (
  connection: Connection,
  asking: Reading,
  type: ResourceType,
  id: string,
  versionId: string,
): Promise<Stored> => {
  const version = await visibleVersion(connection, asking, { type, id }, versionId)
  if (version === undefined) throw new FhirError('not-found', `${type}/${id}/_history/${versionId} is not known`)
  if (version.content === undefined)
    throw new FhirError('deleted', `${type}/${id} was deleted with version ${versionId}`)
  return { ...version, content: version.content }
}
