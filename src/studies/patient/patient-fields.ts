import type { Identifier, Patient } from '@medplum/fhirtypes'
import { invisibleTold } from '../../accounts/contact/invisible.ts'
import { emailProblem } from '../../accounts/sign-up/email.ts'
import { isBlank } from '../../fhir/blank.ts'
import { without } from '../../fhir/with-values.ts'
import { countryName } from '../../messages/country-name.ts'
import { toAddress } from '../../storage/account/user-account.ts'
import { mobileExample, type PhoneCountry, toMobile } from '../../storage/model/mobile-number.ts'

/** What was typed about a patient. */
export type PatientFields = Readonly<Record<PatientFieldName, string>>

export const patientFieldNames = [
  'given',
  'family',
  'birthDate',
  'identifiers',
  'email',
  'mobile',
  'gender',
  'language',
] as const
export type PatientFieldName = (typeof patientFieldNames)[number]

/** For each field that is wrong, a text that says what is accepted. */
export type PatientProblems = Readonly<Partial<Record<PatientFieldName, string>>>

/** What depends on the installation. */
export type Accepted = { readonly languages: readonly string[]; readonly phoneCountry: PhoneCountry }

type Read =
  | { readonly kind: 'read'; readonly patient: Patient }
  | { readonly kind: 'wrong'; readonly problems: PatientProblems }

/** The Patient that was typed in, without an organization yet; or all that is wrong with it. */
export const readPatientFields = (fields: PatientFields, accepted: Accepted): Read => {
  const found = Object.entries(problemOf).flatMap(([name, find]) => {
    const problem = find(fields[name as PatientFieldName].trim(), accepted)
    return problem === undefined ? [] : [[name, problem] as const]
  })
  if (found.length > 0) return { kind: 'wrong', problems: Object.fromEntries(found) }
  return { kind: 'read', patient: toPatient(fields) }
}

/** What is wrong with the fields that were changed. Fields that stay may be as registries elsewhere have them. */
export const problemsOfChange = (fields: PatientFields, before: PatientFields, accepted: Accepted): PatientProblems =>
  Object.fromEntries(
    patientFieldNames.flatMap(name => {
      const problem = isUnchanged(name, fields, before) ? undefined : problemOf[name](fields[name].trim(), accepted)
      return problem === undefined ? [] : [[name, problem]]
    }),
  )

export const isUnchanged = <Name extends PatientFieldName>(
  name: Name,
  fields: Pick<PatientFields, Name>,
  before: Pick<PatientFields, Name>,
): boolean => linesOf(fields[name]).join('\n') === linesOf(before[name]).join('\n')

const problemOf: Readonly<Record<PatientFieldName, (text: string, accepted: Accepted) => string | undefined>> = {
  given: text =>
    text.length > 100 || hasControl(inOneLine(text)) ? 'Enter given names of at most 100 characters' : undefined,
  family: text =>
    isBlank(text) || text.length > 100 || hasControl(inOneLine(text))
      ? 'Enter a family name of at most 100 characters'
      : undefined,
  birthDate: text =>
    isPastDay(text) ? undefined : 'Enter the birth date as year, month and day, such as 1970-05-31, not in the future',
  identifiers: text => {
    const lines = linesOf(text)
    if (lines.length > mostIdentifiers) return `Enter at most ${mostIdentifiers} identifiers`
    return lines.every(isIdentifier)
      ? undefined
      : 'Enter one identifier a line: a value of at most 100 characters, or the URI of its system, a bar and the value, such as urn:oid:1.2.3|4711'
  },
  email: text => {
    const problem = text === '' ? undefined : emailProblem(text)
    if (problem === undefined) return undefined
    return problem === 'invisible' ? invisibleTold : 'Enter an e-mail address, such as ana@example.org'
  },
  mobile: (text, { phoneCountry }) =>
    text === '' || toMobile(text) !== undefined
      ? undefined
      : `Enter the mobile number ${mobileAccepted(text, phoneCountry)}`,
  gender: text =>
    text === '' || genderIn(text) !== undefined ? undefined : `Enter one of ${genders.join(', ')}, or nothing`,
  language: (text, { languages }) =>
    text === '' || languages.includes(text) ? undefined : `Enter one of ${languages.join(', ')}, or nothing`,
}

/** How a mobile number is written: `with its country code, such as …`, of the country that the text names, if any. */
export const mobileAccepted = (text: string, country: PhoneCountry): string => {
  const abroad = `with its country code, such as ${mobileExample(text, country).abroad}`
  return country === undefined
    ? abroad
    : `${abroad}, or as it is dialled within the country (${countryName(country, 'en')}), such as ${mobileExample('', country).local}`
}

/** https://hl7.org/fhir/R4/valueset-administrative-gender.html */
export const genders = ['female', 'male', 'other', 'unknown'] as const

/** Spreadsheets write the first letter of a cell large. */
const genderIn = (text: string): (typeof genders)[number] | undefined =>
  genders.find(one => one === text.trim().toLowerCase())

/** With the gender, if one was chosen. */
export const withGender = (patient: Patient, text: string): Patient => {
  const gender = genderIn(text)
  return gender === undefined ? without(patient, 'gender') : { ...patient, gender }
}

const mostIdentifiers = 5

/** Text that is pasted from a table has tabs. */
export const inOneLine = (text: string): string => text.trim().replace(/\s+/g, ' ')

const hasControl = (text: string): boolean => /\p{Cc}/u.test(text)

const isPastDay = (text: string): boolean => {
  if (!/^\d{4}-\d\d-\d\d$/.test(text) || text < '1850-01-01') return false
  const time = new Date(`${text}T00:00:00Z`)
  // Somewhere on earth it is already tomorrow.
  return !Number.isNaN(time.getTime()) && time.toISOString().startsWith(text) && time.getTime() < Date.now() + dayMs
}
const dayMs = 24 * 60 * 60 * 1000

/** In the file of a list, the identifiers of a patient are separated by semicolons. */
const linesOf = (text: string): readonly string[] =>
  text
    .split(/[\r\n]+|(?<![^\S\r\n])[^\S\r\n]+;\s+/)
    .map(line => line.trim())
    .filter(line => line !== '')

const isIdentifier = (line: string): boolean => {
  const { system, value } = toIdentifier(line)
  const isUri = system === undefined || /^[a-z][a-z0-9+.-]*:\S+$/i.test(system)
  return isUri && value !== undefined && value !== '' && value.length <= 100 && !hasControl(value)
}

export const identifiersIn = (text: string): readonly Identifier[] => linesOf(text).map(toIdentifier)

const toIdentifier = (line: string): Identifier => {
  const bar = line.lastIndexOf('|')
  return bar < 0 ? { value: line } : { system: line.slice(0, bar).trim(), value: line.slice(bar + 1).trim() }
}

/** Those that can be seen. */
export const givenNames = (text: string): string[] => text.split(/\s+/).filter(name => !isBlank(name))

const toPatient = (fields: PatientFields): Patient => {
  const { given, family, birthDate, identifiers, email, mobile, gender, language } = fields
  const names = givenNames(given)
  const identifier = [...identifiersIn(identifiers)]
  const number = toMobile(mobile.trim())
  const telecom: NonNullable<Patient['telecom']> = [
    ...(email.trim() === '' ? [] : [{ system: 'email' as const, value: toAddress(email) }]),
    ...(number === undefined ? [] : [{ system: 'phone' as const, use: 'mobile' as const, value: number }]),
  ]
  const coding = [{ system: 'urn:ietf:bcp:47', code: language.trim() }]
  const patient: Patient = {
    resourceType: 'Patient',
    active: true,
    ...(identifier.length > 0 && { identifier }),
    name: [{ family: inOneLine(family), ...(names.length > 0 && { given: names }) }],
    ...(telecom.length > 0 && { telecom }),
    birthDate: birthDate.trim(),
    ...(language.trim() !== '' && { communication: [{ language: { coding }, preferred: true }] }),
  }
  return withGender(patient, gender)
}
