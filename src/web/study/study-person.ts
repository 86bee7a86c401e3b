import { isolated } from '../../messages/isolated.ts'
import type { EnrolledPerson } from '../../studies/people/enrolled-people.ts'
import { type Html, html } from '../page/html.ts'
import { nameText, vitalText } from '../patient/patient-facts.ts'

/** The name of somebody in a study, or their code if the reader may not know the name. */
export const nameOf = ({ patient, codes }: Pick<EnrolledPerson, 'patient' | 'codes'>): string => {
  const name = nameText(patient?.name?.[0] ?? {})
  if (name !== '') return name
  return codes.length === 0 ? 'Somebody without a code' : codes.join(', ')
}

/** For whom something is done, in a list of facts, with everything that tells them from others. */
export const whomFact = (one: Pick<EnrolledPerson, 'patient' | 'codes'>): Html => {
  const { patient, codes } = one
  const known = [
    isolated(nameOf(one)),
    patient?.birthDate && `born ${patient.birthDate}`,
    ...(patient === undefined ? [] : codes),
  ]
  return html`<dt>Patient</dt><dd>${known.filter(Boolean).join(', ')}</dd>`
}

/** Says that they are not asked for anything any more, as far as the reader may know why; undefined if they are. */
export const notAsked = ({ patient }: Pick<EnrolledPerson, 'patient'>): string | undefined =>
  patient && vitalText(patient)
