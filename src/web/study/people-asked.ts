import type { StudyPeopleAsked } from '../../storage/study/study-people.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderIn, orderQuery } from '../page/list-order.ts'
import { pageNumberIn } from '../page/page-number.ts'
import { lookedFor } from '../page/typed.ts'

/** Which people of a study a page shows, from its address. */
export type PeopleAsked = Pick<StudyPeopleAsked, 'text'> & {
  readonly state: StudyPeopleAsked['state'] | undefined
  readonly order: ListOrder<PeopleOrder>
  /** From 1 on. */
  readonly page: number
  /** Where among the papers that wait the reader confirms them, from 0 on; undefined if they have not begun. */
  readonly at: number | undefined
}

type PeopleOrder = StudyPeopleAsked['sort']

/** Somebody who may not know the answers cannot ask for their order. */
export const peopleAskedIn = (query: URLSearchParams, { seesAnswers } = { seesAnswers: true }): PeopleAsked =>
  seesAnswers ? peopleInOrder(query, peopleOrders) : peopleInOrder(query, ordersWithoutAnswers)

/** The same in a list with other orders. A state in the address that there is not is ignored. */
export const peopleInOrder = <Order extends PeopleOrder>(
  query: URLSearchParams,
  orders: Readonly<Record<Order, string>>,
): PeopleAsked => {
  const [state, at] = [query.get('state') ?? '', query.get('at') ?? '']
  return {
    state: Object.hasOwn(peopleStates, state) ? (state as PeopleAsked['state']) : undefined,
    order: orderIn(query, orders),
    text: lookedFor(query, 'find'),
    page: pageNumberIn(query),
    at: /^\d{1,6}$/.test(at) ? Number(at) : undefined,
  }
}

/** The page of the list that it asks for, of so many people. */
export const pageWanted = ({ state, text, order, page }: PeopleAsked, size: number) => ({
  state,
  text,
  sort: order.by,
  offset: (page - 1) * size,
  limit: size,
})

export const peopleStates: Readonly<Record<NonNullable<PeopleAsked['state']>, string>> = {
  none: 'No answer yet',
  all: 'Share everything',
  partly: 'Share part',
  nothing: 'Share nothing now',
  silent: 'Silent',
  earlier: 'Signed an earlier text',
  paper: 'On paper, to be confirmed',
  declined: 'Declined',
  withdrawn: 'Withdrawn',
  ended: 'Place has ended',
}

const peopleOrders = {
  arrival: 'Newest data first',
  answer: 'Last answer first',
  name: 'Name or code',
  enrolment: 'Last enrolled first',
} as const

const { answer: _answers, ...ordersWithoutAnswers } = peopleOrders

/** The address of the same page with other values. */
export const peopleUrl = (
  path: string,
  { state, order, text, page, at }: PeopleAsked,
  more: Readonly<Record<string, string>> = {},
): string => {
  const query = new URLSearchParams({
    ...(state !== undefined && { state }),
    ...orderQuery(order),
    ...(text !== '' && { find: text }),
    ...(state === 'paper' && at !== undefined && { at: String(at) }),
    ...more,
    ...(page > 1 && { page: String(page) }),
  })
  return query.size === 0 ? path : `${path}?${query}`
}

/** Links to the pages before and after this one; nothing if there is only one. If the page is after the last one, that is said. */
export const pagesAround = (
  total: number,
  size: number,
  asked: PeopleAsked,
  urlOf: (asked: PeopleAsked) => string,
): Html | undefined => {
  const last = Math.max(1, Math.ceil(total / size))
  if (last === 1 && asked.page === 1) return undefined
  const at = (page: number) => urlOf({ ...asked, page })
  if (asked.page > last)
    return html`<nav aria-label="Pages"><p>There is no page ${asked.page}. <a href="${at(last)}">Go to page ${last}, the last</a></p></nav>`
  return html`<nav aria-label="Pages"><p>Page ${asked.page} of ${last}.
${asked.page > 1 && html`<a href="${at(asked.page - 1)}">Previous page</a>`}
${asked.page < last && html`<a href="${at(asked.page + 1)}">Next page</a>`}</p></nav>`
}
