import type { ResearchSubject } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { asAnswered } from '../model/answered-subject.ts'
import { renameInCareConsents } from '../model/consent/care-consent.ts'
import { takeTurn } from '../model/consent/turn.ts'
import { renameInPlaces } from '../model/enrolment.ts'
import { findNoted, saysNote, withNoted } from '../model/noted-subject.ts'
import { numbersOf } from '../model/reference.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { readsPatient } from './kept-place.ts'
import { holdPlaces, rewritePlaces } from './rewritten-places.ts'
import type { Writing } from './write.ts'

/**
 * Lets places say what follows from what was written until now: those of Patients whose gender or year of birth is another one, and those in studies
 * that were not there yet. Beside places and Consents stands what Patients are called by now.
 */
export const renewPlaces = async (connection: Connection, writing: Writing): Promise<void> => {
  const [patients, renamed, studies] = [[...writing.corrected], [...writing.renamed], [...writing.begun]]
  writing.corrected.clear()
  writing.renamed.clear()
  writing.begun.clear()
  // First, since of places that are corrected counts what they were told, and not what a client has sent.
  if (studies.length > 0)
    await renew(connection, writing, {
      which: sql.fragment`enrolment.study_id = ANY(${sql.array(studies, 'text')})`,
      patients: [],
      // What a place says in a study that was not here is what a client has sent: nobody was told anything by this server.
      isKnown: place => readsPatient(connection, writing, place),
    })
  if (patients.length > 0)
    await renew(connection, writing, {
      which: sql.fragment`enrolment.patient = ANY(${sql.array(patients, 'text')})`,
      patients,
      // Whoever corrects a Patient tells no study what it was not told before: they may read more than those who read the place.
      isKnown: async place => saysNote(place),
    })
  if (renamed.length > 0) await rename(connection, writing, renamed)
}

/**
 * Whoever writes a place or a Consent reads, in the turn of its patient, what they are called, and does not wait for whoever is changing that. So it is
 * written beside them in that turn, and after what else is locked: earlier, the two could wait for each other.
 */
const rename = async (connection: Connection, writing: Writing, patients: readonly string[]): Promise<void> => {
  for (const patientId of await numbersOf(connection, patients)) await takeTurn(connection, patientId, writing)
  await renameInPlaces(connection, patients)
  await renameInCareConsents(connection, patients)
}

type Renewed = {
  readonly which: SqlFragment
  readonly patients: readonly string[]
  readonly isKnown: (place: ResearchSubject) => Promise<boolean>
}

/** Places are locked before the turn of their patient is taken, as by whoever writes one; and those that were made until then, once more. */
const renew = async (
  connection: Connection,
  writing: Writing,
  { which, patients, isKnown }: Renewed,
): Promise<void> => {
  await holdPlaces(connection, which)
  for (const patientId of await numbersOf(connection, patients)) await takeTurn(connection, patientId, writing)
  await rewritePlaces(connection, writing, await holdPlaces(connection, which), async place =>
    withNoted(await asAnswered(connection, place, writing), await findNoted(connection, place), {
      isKnown: await isKnown(place),
    }),
  )
}
