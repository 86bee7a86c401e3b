import type { Connection } from '../database.ts'
import { findAnswer, noAnswer, type Placed, withAnswer } from '../model/answered-subject.ts'
import { sql } from '../sql.ts'
import type { Write, Written } from '../store.ts'
import { typeWritten } from '../type-written.ts'
import { holdPlaces, rewritePlaces } from './rewritten-places.ts'
import { allOrNothing } from './savepoint.ts'
import type { Writing } from './write.ts'

/**
 * Locked before the patient's turn is taken, and before the study, as by whoever writes a place, so that the two never wait for each other. Answers the
 * ids of those that were there.
 */
export const holdAnsweredPlaces = (
  connection: Connection,
  writing: Writing,
  { patientId, study }: Placed,
): Promise<readonly string[]> =>
  holdPlaces(connection, writing, sql.fragment`enrolment.patient_id = ${patientId} AND enrolment.study_id = ${study}`)

/**
 * Lets the places say what the patient's Consents to the study say by now: a next version of each that says something else. To be called in the patient's
 * turn.
 */
export const followAnswer = async (connection: Connection, writing: Writing, placed: Placed): Promise<void> => {
  const places = await holdAnsweredPlaces(connection, writing, placed)
  const answer = places.length === 0 ? undefined : await findAnswer(connection, placed)
  if (answer !== undefined) await rewritePlaces(connection, writing, places, place => withAnswer(place, answer))
}

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
  await holdPlaces(connection, writing, isOfStudy)
  const written = await change()
  // With those of people who were enrolled until the study was locked.
  const places = await holdPlaces(connection, writing, isOfStudy)
  for (let first = 0; first < places.length; first += batchSize)
    await rewritePlaces(connection, writing, places.slice(first, first + batchSize), place =>
      withAnswer(place, noAnswer),
    )
  return written
}

/** So many are held in memory at once. */
const batchSize = 500

/** Who reads the study. */
const findAccess = async (connection: Connection, study: string): Promise<string | undefined> =>
  (await connection.maybeOne<{ access: string }>(sql.fragment`SELECT access FROM study WHERE id = ${study}`))?.access
