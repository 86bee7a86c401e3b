import type { EnrolledPerson } from '../studies/enrolled-people.ts'
import { nameText, vitalText } from './patient-facts.ts'

/** How staff call somebody in a study: by name, or by code where they may not know it. */
export const nameOf = ({ patient, codes }: Pick<EnrolledPerson, 'patient' | 'codes'>): string => {
  const name = nameText(patient?.name?.[0] ?? {})
  if (name !== '') return name
  return codes.length === 0 ? 'Somebody without a code' : codes.join(', ')
}

/** That nobody is asked for anything any more, as far as the reader may know why; undefined where they are. */
export const notAsked = ({ patient }: Pick<EnrolledPerson, 'patient'>): string | undefined =>
  patient && vitalText(patient)
