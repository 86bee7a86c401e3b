import type { Patient } from '@medplum/fhirtypes'
import { nameText } from '../../fhir/display-name.ts'
import { isolated } from '../../messages/isolated.ts'
import { findPatientPage, type PatientsAsked, type PatientsWanted } from '../../studies/patient/finding-patients.ts'
import { type Field, field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { lookedFor } from '../page/typed.ts'
import { vitalText } from './patient-facts.ts'

/** What was typed into a form that searches for patients. */
export const askedIn = (query: URLSearchParams): PatientsAsked => {
  const text = (name: string) => lookedFor(query, name)
  return { name: text('name'), birthDate: text('birthDate'), identifier: text('identifier'), email: text('email') }
}

/** The same in an address; empty if nothing was asked for. */
export const queryOfAsked = (asked: PatientsAsked): string =>
  new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== '')).toString()

type Found = Awaited<ReturnType<typeof findPatientPage>>

/** A value that cannot be read finds nobody; the form says what is wrong. */
export const findAsked = async (
  options: Parameters<typeof findPatientPage>[0],
  caller: Parameters<typeof findPatientPage>[1],
  asked: PatientsWanted,
  cursor: string | undefined,
): Promise<Found> => (canBeRead(asked) ? findPatientPage(options, caller, asked, { cursor }) : { patients: [] })

export const canBeRead = (asked: PatientsAsked): boolean =>
  birthDateProblem(asked) === undefined && identifierProblem(asked) === undefined

const birthDateProblem = ({ birthDate }: PatientsAsked): string | undefined =>
  birthDate === '' || isPartOfDate(birthDate)
    ? undefined
    : 'Enter a birth date as year, month and day, such as 1970-05-31, or the beginning of it'

const identifierProblem = ({ identifier }: PatientsAsked): string | undefined =>
  /^[\s|]+$/.test(identifier) ? 'Enter the number, or the URI of its system, a bar and the number' : undefined

const isPartOfDate = (text: string): boolean => {
  if (!/^\d{4}(-\d\d){0,2}$/.test(text) || text < '0001') return false
  const time = new Date(`${text}${'-01'.repeat(2 - (text.length - 4) / 3)}T00:00:00Z`)
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text)
}

/** `more`: what else can be asked for. */
export const patientSearchForm = (action: string, asked: PatientsAsked, more?: Html): Html => {
  const fields: readonly Field[] = [
    { name: 'name', label: 'Name', hint: 'Beginnings of names, in any order', value: asked.name, autocomplete: 'off' },
    {
      name: 'birthDate',
      label: 'Birth date',
      hint: 'Such as 1970-05-31, or 1970',
      value: asked.birthDate,
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
  ]
  return html`${problemList(fields)}
<form method="get" action="${action}" role="search" aria-label="Patients" novalidate>
<div class="row">${fields.map(one => html`<div class="col-sm-6">${field({ ...one, optional: true })}</div>`)}</div>
${more}
<button class="btn btn-outline-primary">Find</button>
</form>`
}

/** Who a patient is, in a line of a list. */
export const patientLine = (patient: Patient): Html => {
  const { name: [first] = [], birthDate, identifier = [] } = patient
  const known = [
    birthDate && `born ${birthDate}`,
    vitalText(patient),
    ...identifier.slice(0, 3).map(({ value = '' }) => isolated(value)),
  ]
  return html`${isolated(nameText(first)) || 'A patient without a name'} <span class="text-body-secondary">${known.filter(Boolean).join(', ')}</span>`
}
