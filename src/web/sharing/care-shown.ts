import type { FastifyReply } from 'fastify'
import { inactivationReason } from '../../access/vocabulary.ts'
import { extensionOf } from '../../fhir/extension.ts'
import type { Words } from '../../messages/catalogue.ts'
import { whyEndedByJoining } from '../../storage/model/consent/left-consents.ts'
import type { CareAsked, OfPerson } from '../../studies/consent/care-asked.ts'
import type { Carer } from '../../studies/consent/care-draft.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendTranslatedPage } from '../page/translated-page.ts'
import { careAddress, careForm, careHidden, carePath, saysNo } from './care-form.ts'
import { type ChoiceState, hasProblem } from './sharing-choice.ts'
import { textShown } from './sharing-facts.ts'
import { copyLink } from './sharing-standing.ts'

export type CareChanges = {
  /** Whether what is said of the grantee, or the text that is signed, has changed. */
  readonly isChanged?: boolean
  /** Whether they have given another answer, or one of theirs has ended. */
  readonly isOtherAnswer?: boolean
  /** Whether that page was in another language. */
  readonly isOtherLanguage?: boolean
}

type Shown = CareChanges & {
  readonly state: ChoiceState
  readonly isNothing?: boolean
  readonly name?: string
  readonly done?: string
  readonly isKept?: boolean
}

/** With whom they would share, what they share with them now, and what they can choose. */
export const sendCare = (reply: FastifyReply, asked: CareAsked, words: Words, shown: Shown): FastifyReply => {
  const { grantee, text, whose } = asked
  const { say } = words
  const who = grantee.name
  const { isNothing = false, name = '', state } = shown
  const problems = problemsOf(shown, who, words)
  const title = say('care.title', { who })
  return sendTranslatedPage(reply, words, {
    title,
    isProblem: reply.statusCode >= 400 || isNothing || hasProblem(state) || problems.length > 0,
    content: html`<h1>${title}</h1>
${problems.length > 0 && notice('problem', html`${problems.map(one => html`<p>${one}</p>`)}`)}
${careStanding(asked, words, shown.done)}
${grantee.isActive && html`<p>${say(`care.lead-${grantee.kind}`, { who })}</p>`}
<dl>
${whose !== undefined && html`<dt>${say('care.of')}</dt><dd>${whose}</dd>`}
${careFacts(asked, words)}
</dl>
${
  grantee.isActive
    ? html`<p>${say('care.sure')}</p>
<h2>${say('study.text')}</h2>
${textShown(text.attachment)}
<h2>${say('choose.title')}</h2>
${careForm(asked, state, words, { token: ownToken(reply), isNothing, name })}`
    : stopOnly(asked, words, ownToken(reply))
}
<p class="no-print"><a href="/sharing">${say('sharing.title')}</a></p>`,
  })
}

const careFacts = ({ grantee, registrar }: CareAsked, { say, list }: Words): Html => {
  const { kind, name, contacts, organizations } = grantee
  return html`<dt>${say('care.who')}</dt><dd>${name}</dd>
${organizations.length > 0 && html`<dt>${say('care.works-at')}</dt><dd>${list(organizations)}</dd>`}
${contacts.length > 0 && html`<dt>${say('care.reach')}</dt>${contacts.map(one => html`<dd class="plain-text">${one}</dd>`)}`}
<dt>${say('care.sees')}</dt><dd>${kind === 'organization' ? say('care.everybody', { organization: name }) : html`${name}, ${say('care.moves')}`}</dd>
<dt>${say('care.known')}</dt><dd>${say('care.known-name')}</dd>
${registrar !== undefined && html`<dd>${say('study.known-registered', { organization: registrar })}</dd>`}
<dt>${say('care.stops')}</dt><dd>${say('care.stops-text')}</dd>`
}

const problemsOf = (shown: Shown, who: string, { say }: Words): readonly string[] => [
  ...(shown.isKept ? [say('study.kept')] : []),
  ...(shown.isOtherLanguage ? [say('study.other-language')] : []),
  ...(shown.isChanged ? [say('care.words-changed', { who })] : []),
  ...(shown.isOtherAnswer ? [say('study.answer-changed')] : []),
  ...(shown.done === 'overtaken' ? [say('study.overtaken')] : []),
]

/** What they have answered, or what has become of it. `done`: what they did a moment ago. */
const careStanding = (asked: CareAsked, words: Words, done = ''): Html | undefined => {
  const { consent, grantee, isSignedEarlier, lines } = asked
  const { say } = words
  const who = grantee.name
  const key = standingOf(asked, done)
  if (consent === undefined || key === undefined) return undefined
  const isMeasured = lines.some(({ newest }) => newest !== undefined)
  const told = html`<p>${say(key, { who })}</p>
${consent.status === 'inactive' && whyEnded(asked, words)}
${asked.signed !== undefined && copyLink(careAddress(asked, {}, '/copy'), consent, words)}
${key === 'care.signed' && !isMeasured && html`<p>${say('study.then-connect')} <a href="/account/apps">${say('sharing.apps')}</a></p>`}`
  const kind = consent.status === 'proposed' ? 'standing' : 'settled'
  return html`${notice(done === '' ? kind : 'done', told)}
${grantee.isActive ? isSignedEarlier && notice('standing', html`<p>${say('study.changed')}</p>`) : notice('standing', html`<p>${say('care.closed', { who })} ${consent.status === 'active' && say('care.goes-on')}</p>`)}`
}

const standingOf = ({ consent, sharings }: CareAsked, done: string) => {
  switch (consent?.status) {
    case 'active':
      if (!sharings.some(({ lines }) => lines.length > 0)) return 'care.idle'
      return done === 'signed' ? 'care.signed' : 'care.now'
    case 'proposed':
      return 'care.proposed'
    case 'inactive':
      return 'care.ended'
    case 'rejected':
      return 'care.refused'
    default:
      return undefined
  }
}

const whyEnded = ({ consent, grantee }: CareAsked, { say }: Words): Html | false => {
  const reason = extensionOf(consent ?? {}, inactivationReason)?.valueCodeableConcept?.text
  if (consent !== undefined && whyEndedByJoining(consent) === 'refused')
    return html`<p>${say('care.ended-refused', { who: grantee.name })}</p>`
  return reason !== undefined && html`<p>${say('care.ended-because', { reason })}</p>`
}

/** With somebody who is not here any more nothing new is shared. */
const stopOnly = (asked: CareAsked, words: Words, token: string): Html | undefined => {
  const no = saysNo(asked, words)
  return no === undefined
    ? undefined
    : postForm(
        { action: `${carePath(asked.grantee)}/decline`, token, hidden: careHidden(asked, words) },
        html`<button class="btn btn-primary">${no}</button>`,
      )
}

/** Whose readings they are, if the person acts for several. */
export const sendWhose = (
  reply: FastifyReply,
  carer: Carer,
  words: Words,
  people: readonly OfPerson[],
): FastifyReply => {
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('care.whose'),
    content: html`<h1>${say('care.whose')}</h1>
<p>${say('care.whose-text')}</p>
<ul class="list-group list-group-flush mb-4">${people.map(({ patient, name }) => html`<li class="list-group-item px-0 py-3"><a href="${carePath(carer)}?${new URLSearchParams({ record: patient }).toString()}">${name}</a></li>`)}</ul>
<p class="no-print"><a href="/sharing">${say('sharing.title')}</a></p>`,
  })
}

/** The same for whoever is unknown, is not here any more or may not be seen, and for people who are no patients. */
export const sendNobody = (reply: FastifyReply, words: Words): FastifyReply => {
  const { say } = words
  return sendTranslatedPage(reply.code(404), words, {
    title: say('care.nobody'),
    content: html`<h1>${say('care.nobody')}</h1>
<p>${say('care.nobody-text')}</p>
<p><a href="/sharing">${say('sharing.title')}</a></p>`,
  })
}
