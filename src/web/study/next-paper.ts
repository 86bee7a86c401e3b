import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { mayWithdrawIn } from '../../studies/consent/withdrawal-by-staff.ts'
import { type EnrolledPerson, findEnrolledPeople } from '../../studies/people/enrolled-people.ts'
import type { PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { sessionOf } from '../page/signed-in.ts'
import { confirmersOf } from './paper-confirmers.ts'
import { type PeopleAsked, peopleAskedIn, peopleUrl } from './people-asked.ts'
import { type OfSubject, type ReadStudy, readStudyOf } from './read-study.ts'
import { nameOf } from './study-person.ts'

/**
 * How many papers wait for the reader, who cannot confirm those that they have recorded, and a way on to the next, in the order of the list from which
 * they came, and of the people that were looked for there; nothing if they confirm none. Nothing else leads on: no paper is confirmed by a button that is pressed twice.
 */
export const nextPaper = async (
  request: FastifyRequest,
  options: PageOptions,
  read: ReadStudy,
): Promise<Html | undefined> => {
  const asked = peopleAskedIn(queryOf(request))
  const found = await findNext(request, options, read, asked)
  if (found === undefined) return undefined
  const { next, total } = found
  const of = asked.text === '' ? '' : ` of the people found by “${asked.text}”`
  if (next === undefined) return html`<p class="mt-2 mb-0">No other paper${of} waits for you to confirm it.</p>`
  return html`<p class="mt-2 mb-0">${total === 1 ? `One paper${of} waits` : `${total.toLocaleString('en')} papers${of} wait`} for you to confirm. ${next}</p>`
}

/** A way on from a paper that is left as it is, such as one that only a colleague can judge: what was left comes again after all others. */
export const paperAfter = async (
  request: FastifyRequest<OfSubject>,
  options: PageOptions,
): Promise<Html | undefined> => {
  const asked = peopleAskedIn(queryOf(request))
  if (asked.state !== 'paper') return undefined
  const at = asked.at === undefined ? undefined : asked.at + 1
  const read = await readStudyOf(request, options)
  const found = await findNext(request, options, read, { ...asked, at }, request.params.subject)
  return found?.next && html`<p>Or leave it for later. ${found.next}</p>`
}

type Next = { readonly next: Html | undefined; readonly total: number }

/** The next of the papers from where the reader is among them, other than that of the given ResearchSubject; undefined if the reader confirms none. */
const findNext = async (
  request: FastifyRequest,
  options: PageOptions,
  { caller, study, seesAnswers }: ReadStudy,
  asked: PeopleAsked,
  subject?: string,
): Promise<Next | undefined> => {
  const { id = '' } = study
  const { practitioner = '' } = caller
  if (!(seesAnswers && (await mayWithdrawIn(options, sessionOf(request).person, id)))) return undefined
  // One at a time: whoever is found is recorded as looked at.
  const from = async (offset: number): Promise<Next> => {
    const { people, total } = await findEnrolledPeople(options, caller, study, {
      state: 'paper',
      notRecordedBy: practitioner,
      text: asked.text,
      sort: asked.order.by,
      offset,
      limit: 1,
    })
    const [next] = people
    if (next !== undefined && next.id === subject) return from(offset + 1)
    return { total, next: next && link(next, offset) }
  }
  const link = (next: EnrolledPerson, at: number) => {
    const url = peopleUrl(`/studies/${id}/people/${next.id}/paper`, { ...asked, state: 'paper', at })
    return html`<a href="${url}">Check the next: ${nameOf(next)}</a>`
  }
  const turn = Math.max(0, confirmersOf(study).indexOf(practitioner))
  const found = await from(asked.at ?? turn * apart)
  if (found.next !== undefined || found.total === 0) return found
  // At the end of the list, it goes on from its beginning.
  const near = turn % found.total
  const again = near === 0 || asked.at !== undefined ? undefined : await from(near)
  return again?.next === undefined ? from(0) : again
}

/** Several who confirm the same list at once begin so far from each other: otherwise all of them would look at the same scan. */
const apart = 20
