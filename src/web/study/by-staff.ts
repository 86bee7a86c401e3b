import type { ResearchStudy } from '@medplum/fhirtypes'
import { allowsPaper } from '../../studies/definition/paper-allowed.ts'
import type { EnrolledPerson } from '../../studies/people/enrolled-people.ts'
import { type Html, html } from '../page/html.ts'
import { nameOf } from './study-person.ts'

type Shown = {
  readonly study: ResearchStudy
  /** The query that leads back to where it is shown. */
  readonly back: string
  /** Whether the reader asks people for their consent, and so ends it for them. */
  readonly asks: boolean
  /** Whether the reader may write their place in the study, and so end it. */
  readonly enrols: boolean
}

/** What staff can do for somebody who does not do it themselves. */
export const byStaff = (person: EnrolledPerson, { study, back, asks, enrols }: Shown): Html => {
  const at = `/studies/${study.id}/people/${person.id}`
  const link = (path: string, text: string) =>
    html`<a href="${at}/${path}${back}" aria-label="${text}: ${nameOf(person)}">${text}</a>`
  const asked = asks ? consentByStaff(person, study) : undefined
  return html`${asked && link(...asked)}
${asks && person.isByPaper && link('paper', 'See what they signed on paper')}
${enrols && !person.hasEnded && link('end', 'End their place')}`
}

const consentByStaff = (
  { state, isLeftStanding, isOnPaper, hasEnded }: EnrolledPerson,
  study: ResearchStudy,
): readonly [path: string, text: string] | undefined => {
  if (isConsenting(state)) return ['withdrawal', 'Withdraw for this patient']
  if (isLeftStanding) return ['withdrawal', 'End their consent']
  if (isOnPaper) return ['paper', 'Check what they signed on paper']
  return allowsPaper(study) && !hasEnded ? ['paper', 'Record a consent on paper'] : undefined
}

/** Whether a consent of theirs is in force, though it may give nothing at this moment. */
export const isConsenting = (state: EnrolledPerson['state']): boolean =>
  state === 'all' || state === 'partly' || state === 'nothing'
