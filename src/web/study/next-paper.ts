import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { mayWithdrawIn } from '../../studies/consent/withdrawal-by-staff.ts'
import { findEnrolledPeople } from '../../studies/people/enrolled-people.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { sessionOf } from '../page/signed-in.ts'
import { confirmersOf } from './paper-confirmers.ts'
import { peopleAskedIn, peopleUrl } from './people-asked.ts'
import type { ReadStudy } from './read-study.ts'
import { nameOf } from './study-person.ts'

/**
 * How many papers wait for the reader, who cannot confirm those that they have recorded, and a way on to the next, in the order of the list from which
 * they came, and of the people that were looked for there; nothing if they confirm none. Nothing else leads on: no paper is confirmed by a button that is pressed twice.
 */
export const nextPaper = async (
  request: FastifyRequest,
  options: PageOptions,
  { caller, study, seesAnswers }: ReadStudy,
): Promise<Html | undefined> => {
  const { id = '' } = study
  const { practitioner = '' } = caller
  if (!(seesAnswers && (await mayWithdrawIn(options, sessionOf(request).person, id)))) return undefined
  const asked = peopleAskedIn(queryOf(request))
  const waiting = (offset: number) =>
    findEnrolledPeople(options, caller, study, {
      state: 'paper',
      notRecordedBy: practitioner,
      text: asked.text,
      sort: asked.order.by,
      offset,
      limit: 1,
      seesAnswers,
    })
  const turn = Math.max(0, confirmersOf(study).indexOf(practitioner))
  const far = await waiting(turn * apart)
  const { people, total } = far.people.length === 0 && far.total > 0 ? await waiting(turn % far.total) : far
  const [next] = people
  const of = asked.text === '' ? '' : ` of the people found by “${asked.text}”`
  if (next === undefined) return html`<p class="mt-2 mb-0">No other paper${of} waits for you to confirm it.</p>`
  const url = peopleUrl(`/studies/${id}/people/${next.id}/paper`, { ...asked, state: 'paper' })
  return html`<p class="mt-2 mb-0">${total === 1 ? `One paper${of} waits` : `${total.toLocaleString('en')} papers${of} wait`} for you to confirm. <a href="${url}">Check the next: ${nameOf(next)}</a></p>`
}

/** Several who confirm the same list at once begin so far from each other: otherwise all of them would look at the same scan. */
const apart = 20
