import type { ResearchSubject } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { asAnswered } from '../model/answered-subject.ts'
import { takeTurn } from '../model/consent/turn.ts'
import { findNoted, saysNote, withNoted } from '../model/noted-subject.ts'
import { numbersOf } from '../model/reference.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { readsPatient } from './kept-place.ts'
import { holdPlaces, rewritePlaces } from './rewritten-places.ts'
import type { Writing } from './write.ts'

/**
 * Lets places say what follows from what was written until now: those of Patients whose gender or year of birth is another one, and those in studies
 * that were not there yet.
 */
export const renewPlaces = async (connection: Connection, writing: Writing): Promise<void> => {
  const [patients, studies] = [[...writing.corrected], [...writing.begun]]
  writing.corrected.clear()
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
  await holdPlaces(connection, writing, which)
  for (const patientId of await numbersOf(connection, patients)) await takeTurn(connection, patientId, writing)
  await rewritePlaces(connection, writing, await holdPlaces(connection, writing, which), async place =>
    withNoted(await asAnswered(connection, place, writing), await findNoted(connection, place), {
      isKnown: await isKnown(place),
    }),
  )
}
