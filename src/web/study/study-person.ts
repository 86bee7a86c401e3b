import type { ResearchStudy } from '@medplum/fhirtypes'
import { nameText } from '../../fhir/display-name.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import type { StudyState } from '../../storage/study/study-people.ts'
import { type EnrolledPerson, silentDays } from '../../studies/people/enrolled-people.ts'
import type { EndedStatus } from '../../studies/people/place-standing.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, moment } from '../page/time.ts'
import { dateShown } from '../page/typed-day.ts'
import { patientUrl, placeUrl } from '../patient/patient-back.ts'
import { vitalText } from '../patient/patient-facts.ts'

/** The name of somebody in a study, or their code if the reader may not know the name. */
export const nameOf = ({ patient, codes }: Pick<EnrolledPerson, 'patient' | 'codes'>): string => {
  const name = nameText(patient?.name?.[0])
  if (name !== '') return name
  if (codes.length > 0) return codes.join(', ')
  return patient === undefined ? 'Somebody whose name you may not see' : 'Somebody without a name'
}

/** For whom something is done, in a list of facts, with everything that tells them from others. */
export const whomFact = (one: Pick<EnrolledPerson, 'patient' | 'codes'>): Html => {
  const { patient, codes } = one
  const known = [
    isolated(nameOf(one)),
    patient?.birthDate && `born ${dateShown(patient.birthDate, wordsFor('en'))}`,
    ...(patient === undefined ? [] : codes),
  ]
  return html`<dt>Patient</dt><dd>${known.filter(Boolean).join(', ')}</dd>`
}

/** Says that they are not asked for anything any more, as far as the reader may know why; undefined if they are. */
export const notAsked = ({ patient }: Pick<EnrolledPerson, 'patient'>): string | undefined =>
  patient && vitalText(patient)

/** What they have answered, and the state of that. */
export const answered = ({ state, endedAs, isEarlier, isOnPaper, isByPaper, isLeftStanding }: EnrolledPerson): string =>
  [
    state === undefined ? 'You may not see what they answered.' : states[state],
    endedAs && `${endings[endedAs]}.`,
    isEarlier && 'They signed an earlier text, which holds until they sign the new one.',
    isByPaper && 'They signed on paper.',
    isOnPaper && 'What they signed on paper waits for somebody else to confirm it.',
    isLeftStanding &&
      'Their consent still stands, though it has no effect: they can be enrolled again only once it is ended.',
  ]
    .filter(Boolean)
    .join(' ')

const states: Readonly<Record<StudyState, string>> = {
  none: 'Has not answered yet.',
  all: 'Shares everything that the study asks for.',
  partly: 'Shares part of what the study asks for.',
  nothing: 'Shares nothing now: the time for which they share it is over, or has not begun.',
  declined: 'Has declined.',
  withdrawn: 'Has withdrawn.',
  ended: 'Their place in the study has ended.',
}

/** Why somebody's place ends, in the order in which staff are asked. */
export const endings: Readonly<Record<EndedStatus, string>> = {
  'not-registered': 'They were enrolled by mistake',
  ineligible: 'They do not fit the study',
  withdrawn: 'They do not want to take part',
  'off-study': 'Their part in the study is over',
}

/** When the newest reading came that the reader sees of them. */
export const arrived = ({ newest, isSilent }: EnrolledPerson): Html => {
  if (newest === undefined)
    return html`${isSilent ? 'Silent: you see no data of theirs yet.' : 'You see no data of theirs.'}`
  const measured = newest.measured && html`, measured ${dayOrMoment(newest.measured, wordsFor('en'))}`
  return html`${isSilent ? `Silent for ${silentDays} days: the` : 'The'} newest reading came ${moment(newest.arrived)}${measured}.`
}

/** The page of a patient or, for a reader who may not read the Patient, of their place in the study; it leads back to a list. */
export const personUrl = (study: ResearchStudy, { id, patient }: EnrolledPerson, back: string): string =>
  patient === undefined ? placeUrl(study, id, back) : patientUrl(patient.id ?? '', back)
