import type { Attachment, ResearchStudy } from '@medplum/fhirtypes'
import type { Words } from '../../messages/catalogue.ts'
import type { StudyAsked } from '../../studies/consent/own-study.ts'
import { type PatientText, withdrawalSigned } from '../../studies/consent/patient-text.ts'
import { betweenParts, cutInParts } from '../../studies/definition/text-part.ts'
import { type Html, html } from '../page/html.ts'
import { isOfPage, langOf, worded } from '../page/wording.ts'
import { studyDays } from './study-days.ts'

/** The main points of a study, before its text. */
export const studyFacts = (asked: StudyAsked, words: Words): Html => {
  const { study, purpose, organization, lines } = asked
  const { say } = words
  return html`<h2>${say('study.facts')}</h2>
<dl>
<dt>${say('study.who')}</dt><dd>${organization.name}</dd>
${purpose && html`<dt>${say('study.what-for')}</dt><dd class="as-written"${langOf(purpose, words)}>${purpose.text}</dd>`}
<dt>${say('study.until')}</dt>${studyDays(study, words)}
<dt>${say('study.asked')}</dt>${lines.map(({ what, reason }) => html`<dd class="as-written">${what}${reason && html`. <bdi>${worded(reason, words)}</bdi>`}</dd>`)}
${(asked.isEnrolled || asked.isToCome) && whatFollows(asked, words)}
<dt>${say('study.contact')}</dt><dd>${whomToAsk(asked)}</dd>
</dl>`
}

/** What it means to share with the study: nothing of it holds any more for those who have left. */
const whatFollows = (asked: StudyAsked, words: Words): Html => {
  const { text, isIdentified, registrar } = asked
  const { say } = words
  return html`<dt>${say('study.readers')}</dt>${readers(asked, words).map(one => html`<dd>${one}</dd>`)}
<dt>${say('study.known')}</dt><dd>${say(isIdentified ? 'study.known-identified' : 'study.known-coded')}</dd>
${registrar !== undefined && html`<dd>${say('study.known-registered', { organization: registrar })}</dd>`}
${text && html`<dt>${say('study.withdrawal')}</dt>${withdrawal(asked, text, words).map(one => html`<dd>${one}</dd>`)}`}`
}

/** As long as a newer text is not signed, a withdrawal does what the signed one says. */
const withdrawal = (asked: StudyAsked, latest: PatientText, { say }: Words): readonly string[] => {
  const signed = withdrawalSigned(asked) ?? latest.withdrawal
  const now = say(`study.withdrawal-${signed}`)
  if (signed === latest.withdrawal) return [now]
  return [
    say('study.withdrawal-signed', { what: now }),
    say('study.withdrawal-new', { what: say(`study.withdrawal-${latest.withdrawal}`) }),
  ]
}

const readers = (
  { isOrganizations, organization: { name: organization }, services }: StudyAsked,
  { say, list }: Words,
): readonly string[] => {
  const people = services.length === 0 ? 'study.readers-staff' : 'study.readers-staff-people'
  return [
    say(isOrganizations ? 'study.readers-organization' : people, { organization }),
    ...(services.length === 0
      ? []
      : [say('study.readers-services', { organization, services: list(services.map(({ name }) => name)) })]),
  ]
}

/** Whom to ask: the organization that runs it, and how it is reached, if the study names nobody. */
export const whomToAsk = ({ study, organization }: Pick<StudyAsked, 'study' | 'organization'>): string =>
  contactOf(study) || [organization.name, ...organization.contacts].join(', ')

const contactOf = ({ contact = [] }: ResearchStudy): string =>
  contact
    .map(({ name, telecom = [] }) => [name, ...telecom.map(({ value }) => value)].filter(Boolean).join(', '))
    .join('; ')

/** What is signed, with a note where its readers do not have it in their own language; undefined if it cannot be shown. */
export const textToSign = (attachment: Attachment | undefined, words: Words): Html | undefined => {
  const text = textShown(attachment)
  const { language = words.code } = attachment ?? {}
  if (text === undefined || isOfPage({ language }, words)) return text
  return html`<p>${words.say('study.text-elsewhere')}</p>
${text}`
}

/** Only plain text is shown: undefined for anything else. `level`: that of its headings. */
export const textShown = (attachment: Attachment | undefined, level = 3): Html | undefined => {
  const { contentType, data, language } = attachment ?? {}
  if (data === undefined || !(contentType ?? 'text/plain').startsWith('text/plain')) return undefined
  const text = Buffer.from(data, 'base64').toString('utf8')
  return html`<div class="as-written border rounded p-3 mb-4"${language && html` lang="${language}"`}>${withHeadings(text, level, language)}</div>`
}

/** The very same text, in which screen readers find the headings: what is signed is plain, and has capitals only. */
const withHeadings = (text: string, level: number, language = 'en'): readonly (Html | string)[] =>
  cutInParts(text, language).flatMap(({ heading, rest }, index) => [
    index > 0 ? betweenParts : '',
    heading === '' ? '' : html`<span role="heading" aria-level="${level}">${heading}</span>`,
    rest,
  ])
