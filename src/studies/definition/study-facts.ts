import type { ContactDetail, ContactPoint, Identifier, ResearchStudy } from '@medplum/fhirtypes'
import { hasInvisible, invisibleTold } from '../../accounts/contact/invisible.ts'
import { isPhoneNumber } from '../../accounts/contact/phone-number.ts'
import { emailProblem } from '../../accounts/sign-up/email.ts'
import { isBlank } from '../../fhir/blank.ts'
import { isDay } from '../../fhir/date.ts'
import { languageName } from '../../fhir/language.ts'
import { withText } from '../../fhir/translation.ts'
import { withValues } from '../../fhir/with-values.ts'
import { asDay, firstDayOf, lastDayOf } from './period-day.ts'
import {
  furtherLanguages,
  translatedPurpose,
  translatedTitle,
  withTranslatedPurpose,
  withTranslatedTitle,
} from './study-words.ts'

/** What a study says of itself, as it is typed into a form; empty if nothing is said. */
export type StudyFacts = Readonly<Record<FactName, string>>

export type FactName =
  | 'title'
  | 'purpose'
  /** In a further language, by its code. */
  | `${'title' | 'purpose'}-${string}`
  | 'approval'
  /** Days. */
  | 'start'
  | 'end'
  /** Whom its patients ask. */
  | 'contact'
  | 'email'
  | 'phone'

export const factsOf = (study: ResearchStudy): StudyFacts => {
  const { title, description, identifier = [], period = {}, contact: [first] = [] } = study
  return {
    title: title ?? '',
    purpose: description ?? '',
    ...Object.fromEntries(
      furtherLanguages(study).flatMap(language => [
        [`title-${language}`, translatedTitle(study, language)],
        [`purpose-${language}`, translatedPurpose(study, language)],
      ]),
    ),
    approval: identifier.find(isApproval)?.value ?? '',
    start: firstDayOf(period),
    end: lastDayOf(period),
    contact: first?.name ?? '',
    email: telecomOf(first, 'email'),
    phone: telecomOf(first, 'phone'),
  }
}

/**
 * The study with these facts. What extensions say of a value goes once that is changed. Everything else stays, also the time of day of a period, or
 * that only its month is said: a study that ended at noon does not go on until midnight.
 */
export const withFacts = (study: ResearchStudy, facts: StudyFacts): ResearchStudy => {
  const { title, purpose, approval } = facts
  const { identifier = [], period: _, contact: __, ...rest } = study
  const contacts = [...contactOf(facts, study.contact?.[0]), ...(study.contact ?? []).slice(1)]
  const before = factsOf(study)
  const identifiers = approval === before.approval ? identifier : approvedBy(approval, identifier)
  const edgeOf = (edge: 'start' | 'end') => (facts[edge] === before[edge] ? study.period?.[edge] : facts[edge])
  const [start, end] = [edgeOf('start') || undefined, edgeOf('end') || undefined]
  const period = withValues(study.period ?? {}, { start, end })
  const inEach = (name: 'title' | 'purpose') =>
    furtherLanguages(study).map(language => ({ language, text: facts[`${name}-${language}`] ?? '' }))
  const next: ResearchStudy = {
    ...withText(withText(rest, 'title', title), 'description', purpose),
    ...(identifiers.length > 0 && { identifier: [...identifiers] }),
    ...(Object.keys(period).length > 0 && { period }),
    ...(contacts.length > 0 && { contact: contacts }),
  }
  return withTranslatedPurpose(withTranslatedTitle(next, inEach('title')), inEach('purpose'))
}

export const factProblems = (facts: StudyFacts): Readonly<Partial<Record<FactName, string>>> => {
  const { title, purpose, start, end, email, phone } = facts
  const long = (Object.keys(facts) as FactName[]).filter(name => (facts[name] ?? '').length > mostOf(name))
  return {
    ...(isBlank(title) && { title: 'Give the study a title' }),
    ...(isBlank(purpose) && { purpose: 'Say what the study is for: patients read it' }),
    ...(start !== '' && !isDay(start) && { start: `Enter a first day ${asDay}` }),
    ...(end !== '' && !isDay(end) && { end: `Enter a last day ${asDay}` }),
    ...(isDay(start) && isDay(end) && end < start && { end: 'The last day is before the first' }),
    ...(email !== '' &&
      (hasInvisible(email) || emailProblem(email) !== undefined) && {
        email: hasInvisible(email) ? invisibleTold : 'Write an address as name@example.org',
      }),
    ...(phone !== '' &&
      !isPhoneNumber(phone) && {
        phone: hasInvisible(phone)
          ? invisibleTold
          : 'Write one phone number in digits, such as +1 500 555 0006 or +1 500 555 0006 ext. 12',
      }),
    ...Object.fromEntries(long.map(name => [name, `At most ${mostOf(name)} characters for ${calledOf(name)}`])),
  }
}

/** As a part of a sentence, with the language of a translation. */
const calledOf = (name: FactName): string => {
  const [of = '', language] = name.split(/-(.*)/)
  return `${called[of] ?? of}${language === undefined ? '' : ` in ${languageName(language)}`}`
}

const called: Readonly<Record<string, string>> = {
  title: 'the title',
  purpose: 'the purpose',
  approval: 'the approval number',
  start: 'the first day',
  end: 'the last day',
  contact: 'the contact',
  email: 'the contact’s e-mail address',
  phone: 'the contact’s phone number',
}

const mostOf = (name: FactName): number => (name.startsWith('purpose') ? 5000 : 250)

const approvedBy = (approval: string, before: readonly Identifier[]): readonly Identifier[] => {
  const others = before.filter(one => !isApproval(one))
  return approval === '' ? others : [{ use: 'official', type: { text: approvalText }, value: approval }, ...others]
}

const approvalText = 'Approval number'
const isApproval = ({ type }: Identifier): boolean => type?.text === approvalText

const telecomOf = (contact: ContactDetail | undefined, system: 'email' | 'phone'): string =>
  contact?.telecom?.find(one => one.system === system)?.value ?? ''

const contactOf = (
  { contact, email, phone }: StudyFacts,
  { telecom: before = [], ...rest }: ContactDetail = {},
): readonly ContactDetail[] => {
  const telecom = withTelecom(withTelecom(before, 'email', email), 'phone', phone)
  const one = { ...withValues(rest, { name: contact || undefined }), ...(telecom.length > 0 && { telecom }) }
  return Object.keys(one).length === 0 ? [] : [one]
}

/** With this value in place of the first one of the system. */
const withTelecom = (telecom: readonly ContactPoint[], system: 'email' | 'phone', value: string): ContactPoint[] => {
  const first = telecom.find(one => one.system === system)
  if (first === undefined) return value === '' ? [...telecom] : [...telecom, { system, value }]
  return telecom.flatMap(one => (one === first ? (value === '' ? [] : withValues(one, { value })) : one))
}
