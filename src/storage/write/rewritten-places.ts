import { isDeepStrictEqual } from 'node:util'
import type { ResearchSubject } from '@medplum/fhirtypes'
import { fullAccess } from '../../access/access.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Connection } from '../database.ts'
import { exclusive } from '../lock-keys.ts'
import { prepare } from '../prepare/prepare.ts'
import { typeIdOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { numberAllowed } from './number-allowed.ts'
import { replaceAll } from './update.ts'
import type { Writing } from './write.ts'

/**
 * Next versions of places in studies, of those that are to say something else. Who is in the study, and until when, has to stay as it is, so that nothing
 * else follows from it. The places must be locked.
 */
export const rewritePlaces = async (
  connection: Connection,
  writing: Writing,
  ids: readonly string[],
  next: (place: ResearchSubject) => ResearchSubject | Promise<ResearchSubject>,
): Promise<void> => {
  const ours = { ...writing, access: fullAccess }
  const drafts = []
  for (const { content, version, ...place } of await readPlaces(connection, ids)) {
    const before = parseJson(content) as ResearchSubject
    const resource = await next(before)
    // Patients who are being joined have numbers that only this transaction knows.
    if (!isDeepStrictEqual(resource, before))
      drafts.push({ ...place, resource, version: version + 1, author: writing.author })
  }
  if (drafts.length === 0) return
  const prepared = await prepare(connection, ours, drafts, new Date())
  await replaceAll(connection, await numberAllowed(connection, ours, prepared, 'u'))
  for (const { id } of drafts) writing.rewritten.add(`ResearchSubject/${id}`)
}

type Stored = {
  readonly id: string
  readonly pk: string
  readonly patientId: number
  readonly version: number
  readonly owner: string | null
  readonly content: string
}

const readPlaces = (connection: Connection, ids: readonly string[]): Promise<readonly Stored[]> =>
  connection.any<Stored>(sql.fragment`
    SELECT identity.id, place.pk, place.patient_id AS "patientId", place.version, place.owner, place.content::text AS content
    FROM resource_identity AS identity
    JOIN research_subject AS place ON place.patient_id = identity.patient_id AND place.pk = identity.pk
    WHERE identity.type_id = ${typeIdOf('ResearchSubject')} AND identity.id = ANY(${sql.array([...ids], 'text')})`)

/** Locks places until the transaction ends, in the order of their ids, which it answers. `which`: a condition on the rows of `enrolment`. */
export const holdPlaces = async (
  connection: Connection,
  { typeId }: Pick<Writing, 'typeId'>,
  which: SqlFragment,
): Promise<readonly string[]> => {
  const places = sql.fragment`
    SELECT identity.id FROM enrolment
    JOIN resource_identity AS identity ON identity.type_id = ${typeIdOf('ResearchSubject')} AND identity.id = enrolment.id
    WHERE ${which}`
  const there = await connection.any<{ id: string }>(places)
  if (there.length === 0) return []
  const keys = exclusive(there.map(({ id }) => `${typeId('ResearchSubject')}/${id}`))
  const held = await connection.take('place', keys, () =>
    connection.any<{ id: string }>(sql.fragment`${places} ORDER BY identity.id FOR UPDATE OF identity`),
  )
  return held.map(({ id }) => id)
}
