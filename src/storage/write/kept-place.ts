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

/**
 * Whoever enrols somebody tells the study what they may read of them. A later write by somebody else, such as the patient who leaves, tells nothing new.
 * What was noted in another study does not count: there it may be what a client has sent.
 */
const isKnown = async (
  connection: Connection,
  writing: Writing,
  subject: ResearchSubject,
  noted: Noted | undefined,
  before: Resource | undefined,
): Promise<boolean> => {
  if (before?.resourceType === 'ResearchSubject' && studyOf(before) === studyOf(subject)) return saysNote(before)
  return noted?.isOwn === false && readsPatient(connection, writing, subject)
}

const studyOf = ({ study }: ResearchSubject): string | undefined => namedId(study, 'ResearchStudy')

/** Whether whoever writes may read the Patient of the place. */
export const readsPatient = async (
  connection: Connection,
  writing: Asking,
  { individual }: ResearchSubject,
): Promise<boolean> => {
  const patient = namedId(individual, 'Patient')
  if (patient === undefined) return false
  return (await findCurrent(connection, writing, 'Patient', patient, 'r')) !== undefined
}
