import { languages } from '../../messages/catalogue.ts'
import { type PatientFields, type PatientProblems, patientFieldNames } from '../../studies/patient/patient-fields.ts'
import { selectField } from '../page/choice-field.ts'
import { type Field, field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { besideWhatItSays, nowItSays } from '../page/said-meanwhile.ts'
import { typed } from '../page/typed.ts'

/** Fields of a patient as they were typed. */
export const typedFields = (body: unknown): PatientFields =>
  Object.fromEntries(patientFieldNames.map(name => [name, typed(body, name)])) as PatientFields

/** `now`: what somebody else has saved meanwhile. */
export const patientFields = (fields: PatientFields, problems: PatientProblems, now = fields): Html =>
  html`${besideWhatItSays(lines(fields, problems), lines(now, {})).map(field)}${languageField(fields, problems, now)}`

const lines = (fields: PatientFields, problems: PatientProblems): readonly Field[] =>
  asked.map(one => ({ ...one, value: fields[one.name], problem: problems[one.name], autocomplete: 'off' }))

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
  problemList(patientFieldNames.map(name => ({ name, problem: problems[name] })))

type Asked = Omit<Field, 'autocomplete' | 'value' | 'problem'> & { readonly name: keyof PatientFields }

const asked: readonly Asked[] = [
  { name: 'given', label: 'Given names', hint: 'Optional', optional: true },
  { name: 'family', label: 'Family name', hint: 'Or the only name that somebody has' },
  { name: 'birthDate', label: 'Birth date', hint: 'Year, month and day, such as 1970-05-31' },
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
    hint: 'Optional, with its country code, such as +1 500 555 0006',
    optional: true,
  },
]
