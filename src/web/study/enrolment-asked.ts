import type { PatientsAsked, PatientsWanted } from '../../studies/patient/finding-patients.ts'
import type { EnrollingStudy } from '../../studies/patient/registering.ts'
import { box } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { orderIn } from '../page/list-order.ts'
import { typed } from '../page/typed.ts'
import { askedIn, patientOrders, queryOfAsked } from '../patient/patient-search.ts'

/** `outside` is `yes` for only those who are not in the study yet. */
type EnrolmentAsked = PatientsAsked & { readonly outside: string }

export const enrolmentAskedIn = (query: URLSearchParams): EnrolmentAsked => ({
  ...askedIn(query),
  outside: query.get('outside') === 'yes' ? 'yes' : '',
})

export const wantedBy = ({ outside, ...asked }: EnrolmentAsked, { id }: EnrollingStudy): PatientsWanted => ({
  ...asked,
  ...(outside === 'yes' && { notIn: id }),
})

export const outsideBox = ({ outside }: EnrolmentAsked): Html =>
  html`<div class="mb-4">${box({ type: 'checkbox', name: 'outside', value: 'yes', label: 'Only those who are not in the study yet', isChosen: outside === 'yes' })}</div>`

/** What was asked for on the page of the form. */
export const askedAgain = (body: unknown): EnrolmentAsked =>
  enrolmentAskedIn(
    new URLSearchParams(
      ['name', 'birthDate', 'identifier', 'email', 'mobile', 'outside'].map(name => [name, typed(body, name)]),
    ),
  )

/** The parameters of the page of the list from which they were chosen. */
export const listAgain = (body: unknown): URLSearchParams => {
  const order = orderIn(new URLSearchParams({ sort: typed(body, 'sort') }), patientOrders)
  const again = new URLSearchParams(queryOfAsked(askedAgain(body), order))
  const page = typed(body, 'page')
  if (page !== '') again.set('page', page)
  return again
}
