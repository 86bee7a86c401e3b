import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { type Html, html } from '../page/html.ts'
import { keepingBack } from '../patient/patient-back.ts'
import { peopleAskedIn, peopleUrl } from './people-asked.ts'

/** From where a page about somebody in a study was opened: the list of its people, as it was, or the page of their place. All its forms keep it. */
export const listQuery = (request: FastifyRequest, more: Readonly<Record<string, string>> = {}): string => {
  const query = queryOf(request)
  return isFromPlace(query) ? placeQuery(query, more) : peopleUrl('', peopleAskedIn(query), more)
}

/** That it was opened from the page of their place, and what that page leads back to. */
export const placeQuery = (query: URLSearchParams, more: Readonly<Record<string, string>> = {}): string =>
  keepingBack(query, { ...more, from: 'place' })

const isFromPlace = (query: URLSearchParams): boolean => query.get('from') === 'place'

/** The address from which it was opened, with what was done there. */
export const openedFrom = (
  request: FastifyRequest,
  study: string,
  subject: string,
  done: Readonly<Record<string, string>> = {},
): string => {
  const query = queryOf(request)
  return isFromPlace(query)
    ? `/studies/${study}/people/${subject}${keepingBack(query, done)}`
    : peopleUrl(`/studies/${study}`, peopleAskedIn(query), done)
}

/** Leads back to where it was opened, as that was. */
export const backToStudy = (request: FastifyRequest, study: string, subject: string): Html => {
  const text = isFromPlace(queryOf(request)) ? 'Back to this person' : 'Back to the study'
  return html`<p class="no-print"><a href="${openedFrom(request, study, subject)}">${text}</a></p>`
}
