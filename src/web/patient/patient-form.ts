import { languages, wordsFor } from '../../messages/catalogue.ts'
import { mobileText, type PhoneCountry } from '../../storage/model/mobile-number.ts'
import {
  genders,
  mobileAccepted,
  type PatientFields,
  type PatientProblems,
  patientFieldNames,
} from '../../studies/patient/patient-fields.ts'
import { selectField } from '../page/choice-field.ts'
import { type Field, field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { besideWhatItSays, nowItSays } from '../page/said-meanwhile.ts'
import { ticked, typed } from '../page/typed.ts'
import { dayAsked, dayShown } from '../page/typed-day.ts'

/**
 * Fields of a patient as they were typed; a mobile number in its international form, for comparing. `before`: what a field has that the form did
 * not, since an earlier version of this server showed it. A number that stays is read as it was, without the country that is assumed here.
 */
export const typedFields = (
  body: unknown,
  phoneCountry: PhoneCountry,
  { gender, mobile }: Pick<PatientFields, 'gender' | 'mobile'> = { gender: '', mobile: '' },
): PatientFields => {
  const fields = Object.fromEntries(patientFieldNames.map(name => [name, typed(body, name)])) as PatientFields
  const read = {
    ...fields,
    birthDate: dayAsked(fields.birthDate),
    mobile: fields.mobile === mobile ? mobile : mobileText(fields.mobile, phoneCountry),
  }
  return ticked(body, 'gender').length === 0 ? { ...read, gender } : read
}

/** `now`: what somebody else has saved meanwhile. */
export const patientFields = (
  phoneCountry: PhoneCountry,
  fields: PatientFields,
  problems: PatientProblems,
  now = fields,
): Html =>
  html`${besideWhatItSays(lines(phoneCountry, fields, problems), lines(phoneCountry, now, {})).map(field)}${genderField(fields, problems, now)}${languageField(fields, problems, now)}`

const lines = (phoneCountry: PhoneCountry, fields: PatientFields, problems: PatientProblems): readonly Field[] =>
  askedIn(phoneCountry).map(one => ({
    ...one,
    value: one.name === 'birthDate' ? dayShown(fields.birthDate, wordsFor('en')) : fields[one.name],
    problem: problemToRead(one.name, problems),
    autocomplete: 'off',
  }))

const genderField = ({ gender }: PatientFields, problems: PatientProblems, now: PatientFields): Html =>
  selectField({
    name: 'gender',
    label: 'Gender',
    value: gender,
    hint:
      gender === now.gender
        ? 'As records have it. A study that knows people by a code sees it.'
        : nowItSays(recorded.find(({ value }) => value === now.gender)?.label ?? now.gender),
    problem: problems.gender,
    choices: recorded,
  })

const recorded = [
  { value: '', label: 'Not recorded' },
  ...genders.map(one => ({ value: one, label: `${one.slice(0, 1).toUpperCase()}${one.slice(1)}` })),
]

const languageField = ({ language }: PatientFields, problems: PatientProblems, now: PatientFields): Html =>
  selectField({
    name: 'language',
    label: 'Language',
    value: language,
    hint:
      language === now.language ? 'The language in which we write to the patient.' : nowItSays(nameOf(now.language)),
    problem: problems.language,
    choices: written,
  })

const written = [
  { value: '', label: 'Not known' },
  ...languages.map(({ code, name }) => ({ value: code, label: name, language: code === 'en' ? undefined : code })),
]

const nameOf = (language: string): string => written.find(({ value }) => value === language)?.label ?? language

export const patientProblemList = (problems: PatientProblems): Html | undefined =>
  problemList(patientFieldNames.map(name => ({ name, problem: problemToRead(name, problems) })))

/** A form reads more ways to write a day than a list. */
const problemToRead = (name: keyof PatientFields, problems: PatientProblems): string | undefined =>
  name === 'birthDate' && problems.birthDate !== undefined
    ? 'Enter a birth date that exists and is not in the future, with its month as a word, such as 31 May 1970'
    : problems[name]

type Asked = Omit<Field, 'autocomplete' | 'value' | 'problem'> & { readonly name: keyof PatientFields }

const askedIn = (phoneCountry: PhoneCountry): readonly Asked[] => [
  { name: 'given', label: 'Given names', hint: 'Optional', optional: true },
  { name: 'family', label: 'Family name', hint: 'Or the only name that somebody has' },
  { name: 'birthDate', label: 'Birth date', hint: 'Such as 31 May 1970' },
  {
    name: 'identifiers',
    label: 'Identifiers',
    hint: 'Optional, one per line: a number such as 4711, or with the URI of its system, such as urn:oid:1.2.3|4711',
    rows: 2,
    optional: true,
  },
  { name: 'email', label: 'E-mail address', type: 'email', hint: 'Optional. Invitations go there.', optional: true },
  {
    name: 'mobile',
    label: 'Mobile number',
    hint: `Optional, ${mobileAccepted('', phoneCountry)}`,
    optional: true,
  },
]
