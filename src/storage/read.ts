import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { findCurrent, findPlace, wasVisible } from './current.ts'
import type { Connection } from './database.ts'
import { visibleVersion } from './history/history.ts'
import type { Stored } from './store.ts'
import { type Signed, unknown } from './write/write.ts'

/** Who asks, and what is known for every question: all that writing needs, but whose signature it bears. */
export type Reading = Omit<Signed, 'author' | 'principal'>

/** One resource by id. Throws `not-found`, or `deleted` for those who could see it. */
export const read = async (
  connection: Connection,
  asking: Reading,
  type: ResourceType,
  id: string,
): Promise<Stored> => {
  const current = await findCurrent(connection, asking, type, id, 'r')
  if (current !== undefined) return current
  const place = await findPlace(connection, asking, type, id)
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
