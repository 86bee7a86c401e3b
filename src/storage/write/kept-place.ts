import type { ResearchSubject, Resource } from '@medplum/fhirtypes'
import { namedId } from '../../fhir/reference.ts'
import { type Asking, findCurrent } from '../current.ts'
import type { Connection } from '../database.ts'
import { asAnswered } from '../model/answered-subject.ts'
import { findNoted, type Noted, saysNote, withNoted } from '../model/noted-subject.ts'
import type { ProjectionContext } from '../model/projection.ts'

type Writing = Asking & Pick<ProjectionContext, 'newPatients' | 'turns'>

/** The place in a study as it is stored: what was answered, and what is noted of the Patient, is said by the server. */
export const keptPlace = async (
  connection: Connection,
  writing: Writing,
  subject: ResearchSubject,
  before: Resource | undefined,
): Promise<ResearchSubject> => {
  const answered = await asAnswered(connection, subject, writing)
  const noted = await findNoted(connection, answered)
  return withNoted(answered, noted, { isKnown: await isKnown(connection, writing, answered, noted, before) })
}

/** Whoever enrols somebody tells the study what they may read of them. A later write by somebody else, such as the patient who leaves, tells nothing new. */
const isKnown = async (
  connection: Connection,
  writing: Writing,
  { individual }: ResearchSubject,
  noted: Noted | undefined,
  before: Resource | undefined,
): Promise<boolean> => {
  if (before?.resourceType === 'ResearchSubject') return saysNote(before)
  const patient = namedId(individual, 'Patient')
  if (patient === undefined || noted?.isOwn !== false) return false
  return (await findCurrent(connection, writing, 'Patient', patient, 'r')) !== undefined
}
