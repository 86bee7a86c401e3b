import type { ContactDetail, Identifier, ResearchStudy } from '@medplum/fhirtypes'
import { isDay } from '../fhir/date.ts'

/** What a study says of itself, as it is typed: empty where nothing is said. */
export type StudyFacts = {
  readonly title: string
  readonly purpose: string
  readonly approval: string
  /** Days. */
  readonly start: string
  readonly end: string
  /** Whom its patients ask. */
  readonly contact: string
  readonly email: string
  readonly phone: string
}

export const factsOf = ({ title, description, identifier = [], period, contact: [first] = [] }: ResearchStudy) =>
  ({
    title: title ?? '',
    purpose: description ?? '',
    approval: identifier.find(isApproval)?.value ?? '',
    start: period?.start?.slice(0, 10) ?? '',
    end: period?.end?.slice(0, 10) ?? '',
    contact: first?.name ?? '',
    email: telecomOf(first, 'email'),
    phone: telecomOf(first, 'phone'),
  }) satisfies StudyFacts

/** The study with them. What else stands there stays. */
export const withFacts = (study: ResearchStudy, facts: StudyFacts): ResearchStudy => {
  const { title, purpose, approval, start, end } = facts
  const { description: _, identifier = [], period: __, contact: ___, ...rest } = study
  const identifiers = identifier.filter(one => !isApproval(one))
  if (approval !== '') identifiers.unshift({ use: 'official', type: { text: approvalText }, value: approval })
  const contacts = [...contactOf(facts), ...(study.contact ?? []).slice(1)]
  const period = { ...(start !== '' && { start }), ...(end !== '' && { end }) }
  return {
    ...rest,
    title,
    ...(purpose !== '' && { description: purpose }),
    ...(identifiers.length > 0 && { identifier: identifiers }),
    ...(Object.keys(period).length > 0 && { period }),
    ...(contacts.length > 0 && { contact: contacts }),
  }
}

export const factProblems = (facts: StudyFacts): Readonly<Partial<Record<keyof StudyFacts, string>>> => {
  const { title, purpose, start, end, email } = facts
  const long = (Object.keys(facts) as (keyof StudyFacts)[]).find(
    name => facts[name].length > (name === 'purpose' ? 5000 : 250),
  )
  return {
    ...(title === '' && { title: 'Give the study a title' }),
    ...(purpose === '' && { purpose: 'Say what the study is for: patients read it' }),
    ...(start !== '' && !isDay(start) && { start: 'Write the first day as 2026-01-31' }),
    ...(end !== '' && !isDay(end) && { end: 'Write the last day as 2026-01-31' }),
    ...(isDay(start) && isDay(end) && end < start && { end: 'The last day is before the first' }),
    ...(email !== '' && !/^[^\s@]+@[^\s@]+$/.test(email) && { email: 'Write an address as name@example.org' }),
    ...(long !== undefined && { [long]: `At most ${long === 'purpose' ? 5000 : 250} characters` }),
  }
}

const approvalText = 'Approval number'
const isApproval = ({ type }: Identifier): boolean => type?.text === approvalText

const telecomOf = (contact: ContactDetail | undefined, system: 'email' | 'phone'): string =>
  contact?.telecom?.find(one => one.system === system)?.value ?? ''

const contactOf = ({ contact, email, phone }: StudyFacts): readonly ContactDetail[] => {
  const telecom = [
    ...(email === '' ? [] : [{ system: 'email' as const, value: email }]),
    ...(phone === '' ? [] : [{ system: 'phone' as const, value: phone }]),
  ]
  const one = { ...(contact !== '' && { name: contact }), ...(telecom.length > 0 && { telecom }) }
  return Object.keys(one).length === 0 ? [] : [one]
}
