import type { Patient } from '@medplum/fhirtypes'
import { nameText } from '../../fhir/display-name.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import { type PhoneCountry, toMobile } from '../../storage/model/mobile-number.ts'
import {
  findPatientPage,
  type PatientOrder,
  type PatientsAsked,
  type PatientsWanted,
} from '../../studies/patient/finding-patients.ts'
import { mobileAccepted } from '../../studies/patient/patient-fields.ts'
import { type Field, field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderField, orderProblem, orderQuery } from '../page/list-order.ts'
import { lookedFor } from '../page/typed.ts'
import { dateAsked, dateShown } from '../page/typed-day.ts'
import { vitalText } from './patient-facts.ts'

/** What was typed into a form that searches for patients. */
export const askedIn = (query: URLSearchParams): PatientsAsked => {
  const text = (name: string) => lookedFor(query, name)
  return {
    name: text('name'),
    birthDate: dateAsked(text('birthDate')),
    identifier: text('identifier'),
    email: text('email'),
    mobile: text('mobile'),
  }
}

/** The same in an address, with the order of the list. */
export const queryOfAsked = (asked: PatientsAsked, order: ListOrder<PatientOrder>): string =>
  new URLSearchParams([
    ...Object.entries(asked).filter(([, value]) => value !== ''),
    ...Object.entries(orderQuery(order)),
  ]).toString()

export const isNarrowed = (asked: PatientsAsked): boolean => Object.values(asked).some(value => value !== '')

export const patientOrders: Readonly<Record<PatientOrder, string>> = {
  name: 'Name',
  'birth-date': 'Birth date, earliest first',
  '-birth-date': 'Birth date, latest first',
  registered: 'Last registered first',
  changed: 'Last changed first',
}

type Found = Awaited<ReturnType<typeof findPatientPage>>

/** What the installation accepts. */
type Here = { readonly phoneCountry: PhoneCountry }

/** A value that cannot be read finds nobody; the form says what is wrong. */
export const findAsked = async (
  options: Parameters<typeof findPatientPage>[0],
  caller: Parameters<typeof findPatientPage>[1],
  asked: PatientsWanted,
  place: Parameters<typeof findPatientPage>[3],
): Promise<Found> => (canBeRead(asked, options) ? findPatientPage(options, caller, asked, place) : { patients: [] })

export const canBeRead = (asked: PatientsAsked, here: Here): boolean =>
  [birthDateProblem, identifierProblem, mobileProblem].every(problemOf => problemOf(asked, here) === undefined)

const birthDateProblem = ({ birthDate }: PatientsAsked): string | undefined =>
  birthDate === '' || isPartOfDate(birthDate)
    ? undefined
    : 'Enter a birth date with its month as a word, such as 31 May 1970, or the month and year, or the year alone'

const identifierProblem = ({ identifier }: PatientsAsked): string | undefined =>
  /^[\s|]+$/.test(identifier) ? 'Enter the number, or the URI of its system, a bar and the number' : undefined

const mobileProblem = ({ mobile }: PatientsAsked, { phoneCountry }: Here): string | undefined =>
  mobile === '' || toMobile(mobile, phoneCountry) !== undefined
    ? undefined
    : `Enter the mobile number ${mobileAccepted(mobile, phoneCountry)}`

const isPartOfDate = (text: string): boolean => {
  if (!/^\d{4}(-\d\d){0,2}$/.test(text) || text < '0001') return false
  const time = new Date(`${text}${'-01'.repeat(2 - (text.length - 4) / 3)}T00:00:00Z`)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}

/** `more`: what else can be asked for. */
export const patientSearchForm = (
  here: Here,
  action: string,
  asked: PatientsAsked,
  order: ListOrder<PatientOrder>,
  more?: Html,
): Html => {
  const fields: readonly Field[] = [
    { name: 'name', label: 'Name', hint: 'Beginnings of names, in any order', value: asked.name, autocomplete: 'off' },
    {
      name: 'birthDate',
      label: 'Birth date',
      hint: 'Such as 31 May 1970, or 1970',
      value: dateShown(asked.birthDate, wordsFor('en')),
      problem: birthDateProblem(asked),
      autocomplete: 'off',
    },
    {
      name: 'identifier',
      label: 'Identifier',
      value: asked.identifier,
      problem: identifierProblem(asked),
      autocomplete: 'off',
    },
    { name: 'email', label: 'E-mail address', value: asked.email, autocomplete: 'off' },
    {
      name: 'mobile',
      label: 'Mobile number',
      hint: `Written ${mobileAccepted('', here.phoneCountry)}`,
      value: asked.mobile,
      problem: mobileProblem(asked, here),
      autocomplete: 'off',
    },
  ]
  return html`${problemList([...fields, orderProblem(order)])}
<form method="get" action="${action}" role="search" aria-label="Patients" novalidate>
<div class="row align-items-end">${fields.map(one => html`<div class="col-sm-6 col-lg-4">${field({ ...one, optional: true })}</div>`)}
<div class="col-sm-6 col-lg-4">${orderField(order)}</div></div>
${more}
<button class="btn btn-outline-primary">Find</button>
</form>`
}

/** Who a patient is, in a line of a list. The space stands with what follows the name, so that no link underlines it. */
export const patientLine = (patient: Patient): Html =>
  html`${nameOrNone(patient)}<span class="text-body-secondary"> ${knownOf(patient)}</span>`

/** The same where only text can stand. */
export const patientText = (patient: Patient): string =>
  [nameOrNone(patient), knownOf(patient)].filter(Boolean).join(', ')

const nameOrNone = ({ name: [first] = [] }: Patient): string => isolated(nameText(first)) || 'A patient without a name'

const knownOf = (patient: Patient): string => {
  const { birthDate, identifier = [] } = patient
  const known = [
    birthDate && `born ${dateShown(birthDate, wordsFor('en'))}`,
    vitalText(patient),
    ...identifier.slice(0, 3).map(({ value = '' }) => isolated(value)),
  ]
  return known.filter(Boolean).join(', ')
}
