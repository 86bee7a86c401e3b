import { isDeepStrictEqual } from 'node:util'
import type { ResearchSubject } from '@medplum/fhirtypes'
import { fullAccess } from '../../access/access.ts'
import { parseJson } from '../../fhir/json.ts'
import type { Connection } from '../database.ts'
import { type Answer, findAnswer, noAnswer, type Placed, withAnswer } from '../model/answered-subject.ts'
import { prepare } from '../prepare/prepare.ts'
import { typeIdOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Write, Written } from '../store.ts'
import { typeWritten } from '../type-written.ts'
import { numberAllowed } from './number-allowed.ts'
import { allOrNothing } from './savepoint.ts'
import { replaceAll } from './update.ts'
import type { Writing } from './write.ts'

/**
 * Locked before the patient's turn is taken, and before the study, as by whoever writes a place, so that the two never wait for each other. Answers the
 * ids of those that were there.
 */
export const holdAnsweredPlaces = (connection: Connection, { patientId, study }: Placed): Promise<readonly string[]> =>
  hold(connection, sql.fragment`enrolment.patient_id = ${patientId} AND enrolment.study_id = ${study}`)

const hold = async (connection: Connection, which: SqlFragment): Promise<readonly string[]> => {
  const held = await connection.any<{ id: string }>(sql.fragment`
    SELECT identity.id FROM enrolment
    JOIN resource_identity AS identity ON identity.type_id = ${typeIdOf('ResearchSubject')} AND identity.id = enrolment.id
    WHERE ${which} ORDER BY identity.id FOR UPDATE OF identity`)
  return held.map(({ id }) => id)
}

/**
 * Lets the places say what the patient's Consents to the study say by now: a next version of each that says something else. To be called in the patient's
 * turn.
 */
export const followAnswer = async (connection: Connection, writing: Writing, placed: Placed): Promise<void> => {
  const places = await holdAnsweredPlaces(connection, placed)
  const answer = places.length === 0 ? undefined : await findAnswer(connection, placed)
  if (answer !== undefined) await rewrite(connection, writing, places, answer)
}

/** Who is in the study, and until when, stays as it is, so that nothing else follows from it. The places must be locked. */
const rewrite = async (
  connection: Connection,
  writing: Writing,
  ids: readonly string[],
  answer: Answer,
): Promise<void> => {
  const ours = { ...writing, access: fullAccess }
  const stored = await readPlaces(connection, ids)
  // Patients who are being joined have numbers that only this transaction knows.
  const drafts = stored.flatMap(({ content, version, ...place }) => {
    const before = parseJson(content) as ResearchSubject
    const resource = withAnswer(before, answer)
    if (isDeepStrictEqual(resource, before)) return []
    return { ...place, resource, version: version + 1, author: writing.author }
  })
  if (drafts.length === 0) return
  const prepared = await prepare(connection, ours, drafts, new Date())
  await replaceAll(connection, await numberAllowed(connection, ours, prepared, 'u'))
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

/**
 * Writes a study. Once only its staff read it, its places say nothing any more of what people have answered: whoever registers people for it goes on
 * reading the places.
 */
export const withNarrowedPlaces = async (
  connection: Connection,
  writing: Writing,
  write: Write,
  change: () => Promise<Written>,
): Promise<Written> => {
  if (write.kind === 'create' || write.kind === 'delete' || typeWritten(write) !== 'ResearchStudy') return change()
  if ((await findAccess(connection, write.id)) !== 'organization') return change()
  try {
    return await allOrNothing(connection, async () => {
      const written = await change()
      if ((await findAccess(connection, write.id)) === 'staff') throw narrowed
      return written
    })
  } catch (error) {
    if (error !== narrowed) throw error
  }
  return narrow(connection, writing, write.id, change)
}

/** Only a write that goes through shows that a study is narrowed. It is undone, and done again once the places are locked, which come before the study. */
const narrowed = new Error('Only staff read the study by now')

const narrow = async (
  connection: Connection,
  writing: Writing,
  study: string,
  change: () => Promise<Written>,
): Promise<Written> => {
  const isOfStudy = sql.fragment`enrolment.study_id = ${study}`
  await hold(connection, isOfStudy)
  const written = await change()
  // With those of people who were enrolled until the study was locked.
  const places = await hold(connection, isOfStudy)
  for (let first = 0; first < places.length; first += batchSize)
    await rewrite(connection, writing, places.slice(first, first + batchSize), noAnswer)
  return written
}

/** So many are held in memory at once. */
const batchSize = 500

/** Who reads the study. */
const findAccess = async (connection: Connection, study: string): Promise<string | undefined> =>
  (await connection.maybeOne<{ access: string }>(sql.fragment`SELECT access FROM study WHERE id = ${study}`))?.access
