import { randomInt } from 'node:crypto'
import type { Extension, Patient, ResearchStudy, ResearchSubject } from '@medplum/fhirtypes'
import { extensions } from '../../fhir/canonical.ts'
import { chosenIn } from '../../storage/model/study.ts'

/** The place in a study of somebody who has not answered yet. If the study knows people by code, it says what such a study may know of them. */
export const subjectOf = (
  study: ResearchStudy,
  patient: Pick<Patient, 'id' | 'gender' | 'birthDate'>,
): ResearchSubject => ({
  resourceType: 'ResearchSubject',
  ...(chosenIn(study, 'identity') === 'coded' && byCode(patient)),
  status: 'candidate',
  study: { reference: `ResearchStudy/${study.id}` },
  individual: { reference: `Patient/${patient.id}` },
})

const byCode = ({
  gender,
  birthDate,
}: Pick<Patient, 'gender' | 'birthDate'>): Pick<ResearchSubject, 'identifier' | 'extension'> => {
  const noted: Extension[] = [
    ...(gender === undefined ? [] : [{ url: extensions.gender, valueCode: gender }]),
    ...(birthDate === undefined ? [] : [{ url: extensions.birthYear, valueDate: birthDate.slice(0, 'YYYY'.length) }]),
  ]
  return { identifier: [{ value: newCode() }], ...(noted.length > 0 && { extension: noted }) }
}

/** Of letters and digits that are not mistaken for each other. Among ten thousand people, two get the same code in one of twenty thousand studies. */
const newCode = (): string => {
  const code = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('')
  return `${code.slice(0, 4)}-${code.slice(4)}`
}
const letters = 'ABCDEFGHJKLMNPQRSTUVWXYZ23456789'
