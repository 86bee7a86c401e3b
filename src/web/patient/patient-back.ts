import type { ResearchStudy } from '@medplum/fhirtypes'
import { type Html, html } from '../page/html.ts'

/**
 * The list from which staff have opened a patient: all patients, those of a study or of its invitations, or those who share with them, with its page, what was looked for, and
 * how it is sorted. Or one patient, or what somebody shares with them.
 */
export const backIn = (query: URLSearchParams): string | undefined => {
  const text = query.get('back') ?? ''
  return /^\/(?:patients(?:\/[A-Za-z0-9.-]{1,64})?|shared(?:\/[A-Za-z0-9.-]{1,64})?|studies\/[A-Za-z0-9.-]{1,64}(?:\/(?:arrivals|completeness|invitations))?)(?:\?[^#\\\s]{1,1500})?$/.test(
    text,
  )
    ? text
    : undefined
}

/** The address of a patient that leads back to a list. */
export const patientUrl = (patient: string, back: string): string =>
  back === allPatients ? `/patients/${patient}` : `/patients/${patient}?${new URLSearchParams({ back })}`

/** The page of what somebody shares with a study, whether or not their name is known. */
export const placeUrl = ({ id }: ResearchStudy, subject: string, back: string): string =>
  `/studies/${id}/people/${subject}?${new URLSearchParams({ back })}`

/** The same list in the address of another page of the patient, with what else is in it. */
export const keepingBack = (query: URLSearchParams, others: Readonly<Record<string, string>> = {}): string => {
  const back = backIn(query)
  const kept = new URLSearchParams({ ...others, ...(back !== undefined && { back }) })
  return kept.size === 0 ? '' : `?${kept}`
}

export const backLink = (back = allPatients): Html =>
  html`<p class="mt-4 no-print"><a href="${back}">${backText(back)}</a></p>`

const backText = (back: string): string => {
  if (/^\/studies\/[^/]+\/invitations/.test(back)) return 'Back to the invitations'
  if (back.startsWith('/studies/')) return 'Back to the study'
  if (back.startsWith('/patients/')) return 'Back to the patient'
  if (back.startsWith('/shared/')) return 'Back to what they share'
  return back.startsWith('/shared') ? 'Back to all who share with you' : 'Back to the patients'
}

const allPatients = '/patients'
