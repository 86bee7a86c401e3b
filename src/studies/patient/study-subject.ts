import { randomInt } from 'node:crypto'
import type { Patient, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { chosenIn } from '../../storage/model/study.ts'

/** The place in a study of somebody who has not answered yet. If the study knows people by code, they get one. */
export const subjectOf = (study: ResearchStudy, patient: Pick<Patient, 'id'>): ResearchSubject => ({
  resourceType: 'ResearchSubject',
  ...(chosenIn(study, 'identity') === 'coded' && { identifier: [{ value: newCode() }] }),
  status: 'candidate',
  study: { reference: `ResearchStudy/${study.id}` },
  individual: { reference: `Patient/${patient.id}` },
})

/** Of letters and digits that are not mistaken for each other. Among ten thousand people, two get the same code in one of twenty thousand studies. */
const newCode = (): string => {
  const code = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('')
  return `${code.slice(0, 4)}-${code.slice(4)}`
}
const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
