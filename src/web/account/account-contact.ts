import type { FastifyReply, FastifyRequest } from 'fastify'
import { type PostalProblems, problemsOfPostal } from '../../accounts/contact/postal-address.ts'
import type { Unshown } from '../../accounts/sign-in/shown-again.ts'
import { emailProblem } from '../../accounts/sign-up/email.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { countryName } from '../../messages/country-name.ts'
import { findSecondFactor } from '../../storage/account/second-factor.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import { mobileExample, mobileText, type PhoneCountry, toMobile } from '../../storage/model/mobile-number.ts'
import {
  changeOwnContacts,
  findOwnContacts,
  type OwnAddresses,
  type OwnContacts,
} from '../../studies/patient/own-contacts.ts'
import type { PatientContacts } from '../../studies/patient/patient-contacts.ts'
import { isUnchanged } from '../../studies/patient/patient-fields.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Field, form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { notFound } from '../page/not-found.ts'
import { isOvertaken } from '../page/overtaken.ts'
import { seldom } from '../page/page-limits.ts'
import { postalFields, typedPostal } from '../page/postal-fields.ts'
import { besideWhatItSays } from '../page/said-meanwhile.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed, typedSecret } from '../page/typed.ts'
import { hasPassword, sendNoPassword } from '../sign-in/no-password.ts'
import { codeField, currentPasswordField } from '../sign-in/person-fields.ts'
import { recordTitle, signInElsewhere } from './account-contacts.ts'

type OfRecord = { readonly Params: { readonly record: string } }

/** Where patients change where studies write to them, in one of their records; for everybody else there is no such page. */
export const accountContactPage: AddPage = (server, options) => {
  const { database } = options.accounts
  const { phoneCountry } = options
  const at = '/account/contacts/:record'
  const find = async (request: FastifyRequest<OfRecord>): Promise<OwnContacts> =>
    (await findOwnContacts(options, sessionOf(request).person, request.params.record)) ?? notFound()
  const send = async (reply: FastifyReply, shown: Shown): Promise<FastifyReply> => {
    const { person } = sessionOf(reply.request)
    const { authenticator } = await findSecondFactor(database, person)
    const account = (await findAccountOf(database, person))?.email
    return sendForm(reply, { ...shown, phoneCountry, account, hasCode: authenticator !== undefined })
  }
  server.get<OfRecord>(at, { onRequest: requireSession }, async (request, reply) => {
    const record = await find(request)
    if (!(await hasPassword(database, sessionOf(request).person))) return sendNoPassword(request, reply)
    return send(reply, { record, typed: record.contacts, version: record.version })
  })
  server.post<OfRecord>(at, { onRequest: requireSession, config: { rateLimit: seldom } }, async (request, reply) => {
    const record = await find(request)
    if (!(await hasPassword(database, sessionOf(request).person))) return sendNoPassword(request, reply)
    const refused = await change(request, record)
    if (refused === undefined) return reply.redirect('/account/contacts?done=changed', 303)
    return send(reply.code(statusOf(refused)), refused)
  })
  /** Undefined if it is done. */
  const change = async (request: FastifyRequest<OfRecord>, record: OwnContacts): Promise<Shown | undefined> => {
    const { body, params } = request
    const mobile = mobileIn(body, record.contacts, phoneCountry)
    const sent = { email: typed(body, 'email'), mobile, ...typedPostal(body, record.contacts) }
    const again = { password: typedSecret(body, 'password'), code: typed(body, 'code') }
    const shown = { record, typed: sent, version: typed(body, 'version') }
    const problems = problemsOf(sent, record.contacts)
    const postalProblems = problemsOfPostal(sent, record.contacts)
    if (Object.keys({ ...problems, ...postalProblems }).length > 0)
      return { ...shown, problems, postalProblems, ...(again.password === '' && { unshown: noPassword }) }
    const { version } = shown
    try {
      const asked = { patient: params.record, version, contacts: sent }
      const unshown = await changeOwnContacts(options, sessionOf(request), asked, again)
      return unshown && { ...shown, unshown }
    } catch (error) {
      if (!isOvertaken(error)) throw error
      const now = await find(request)
      return { record: now, typed: sent, version: now.version, isOvertaken: true }
    }
  }
}

const statusOf = ({ isOvertaken, unshown }: Shown): number =>
  isOvertaken ? 409 : unshown?.answer === 'too-often' ? 429 : 422

const noPassword: Unshown = { field: 'password', answer: 'missing' }

type Problems = Readonly<Partial<Record<keyof PatientContacts, Key>>>

/** What stays may be as registries elsewhere have it. */
const problemsOf = (sent: PatientContacts, before: PatientContacts): Problems => ({
  ...(!isUnchanged('email', sent, before) && emailProblemOf(sent.email)),
  ...(!isUnchanged('mobile', sent, before) && !isMobileOrNothing(sent.mobile) && { mobile: 'contacts.mobile-problem' }),
})

const emailProblemOf = (text: string): Problems => {
  switch (emailProblem(text)) {
    case 'no-address':
      return { email: 'contacts.email-problem' }
    case 'invisible':
      return { email: 'field.email-invisible' }
    default:
      return {}
  }
}

const isMobileOrNothing = (text: string): boolean => text.trim() === '' || toMobile(text.trim()) !== undefined

/** In its international form, for comparing; a number that stays is read as it was, without the country that is assumed here. */
const mobileIn = (body: unknown, before: PatientContacts, country: PhoneCountry): string => {
  const text = typed(body, 'mobile')
  return text === before.mobile ? text : mobileText(text, country)
}

type Shown = {
  readonly record: OwnContacts
  readonly typed: OwnAddresses
  readonly version: string
  readonly problems?: Problems
  readonly postalProblems?: PostalProblems
  readonly unshown?: Unshown
  readonly isOvertaken?: true
}

type Asker = {
  readonly phoneCountry: PhoneCountry
  readonly account: string | undefined
  readonly hasCode: boolean
}

const sendForm = (reply: FastifyReply, shown: Shown & Asker): FastifyReply => {
  const { record, version, isOvertaken = false, account } = shown
  const words = wordsOf(reply.request)
  const { say } = words
  const title = say('contacts.change-title')
  const fields = fieldsOf(shown, words)
  return sendTranslatedPage(reply, words, {
    title,
    isProblem: isOvertaken || fields.some(({ problem }) => problem !== undefined),
    content: html`<h1>${title}</h1>
${isOvertaken && notice('problem', html`<p>${say('contacts.meanwhile')}</p>`)}
<p><strong>${recordTitle(record, words)}</strong></p>
<p>${say('contacts.change-text')}</p>
${signInElsewhere(words)}
${form({
  action: `/account/contacts/${record.patient.id}`,
  token: ownToken(reply),
  hidden: { version },
  problemTitle: say('check'),
  account,
  fields,
  button: say('own.save'),
})}
<p class="mt-4"><a href="/account/contacts">${say('contacts.back')}</a></p>`,
  })
}

const fieldsOf = (shown: Shown & Asker, words: Words): readonly Field[] => {
  const { record, phoneCountry, problems = {}, postalProblems = {}, unshown, isOvertaken, hasCode } = shown
  const problemOf = (field: Unshown['field']) => (unshown?.field === field ? unshown.answer : undefined)
  const fieldsFor = (addresses: OwnAddresses, wrong: Problems, wrongPostal: PostalProblems) => [
    ...contactFields({ ...addresses, phoneCountry }, wrong, words),
    ...postalFields(addresses, wrongPostal, words),
  ]
  const fields = fieldsFor(shown.typed, problems, postalProblems)
  return [
    ...(isOvertaken ? besideWhatItSays(fields, fieldsFor(record.contacts, {}, {}), words) : fields),
    { ...currentPasswordField(words, problemOf('password')), hint: words.say('contacts.password-why') },
    ...(hasCode ? [codeField(words, problemOf('code'))] : []),
  ]
}

type Contacts = PatientContacts & Pick<Asker, 'phoneCountry'>

const contactFields = (
  { email, mobile, phoneCountry }: Contacts,
  problems: Problems,
  words: Words,
): readonly Field[] => [
  {
    name: 'email',
    label: words.say('field.email'),
    type: 'email',
    value: email,
    hint: words.say('contacts.email-hint'),
    problem: problems.email && words.say(problems.email),
    autocomplete: 'email',
    optional: true,
  },
  {
    name: 'mobile',
    label: words.say('contacts.mobile'),
    value: mobile,
    hint: mobileAsked('hint', '', phoneCountry, words),
    problem: problems.mobile && mobileAsked('problem', mobile, phoneCountry, words),
    autocomplete: 'tel',
    optional: true,
  },
]

const mobileAsked = (what: 'hint' | 'problem', text: string, country: PhoneCountry, { say, code }: Words): string => {
  const { abroad } = mobileExample(text, country)
  if (country === undefined) return say(`contacts.mobile-${what}`, { abroad })
  const { local } = mobileExample('', country)
  return say(`contacts.mobile-${what}-here`, { abroad, country: countryName(country, code), local })
}
