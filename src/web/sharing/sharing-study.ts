import type { Consent } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { inactivationReason } from '../../access/vocabulary.ts'
import { isBlank } from '../../accounts/blank.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { joiningReasons, whyEndedByJoining } from '../../storage/model/consent/left-consents.ts'
import { declineConsent, isStanding, signConsent } from '../../studies/consent/own-consent.ts'
import { digestOfShown, findStudyAsked, type StudyAsked } from '../../studies/consent/own-study.ts'
import { isSignedEarlier } from '../../studies/consent/patient-text.ts'
import { untilWritten } from '../../studies/consent/until-written.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { langOf } from '../page/wording.ts'
import { choiceForm } from './choice-form.ts'
import { openKeptChoices } from './kept-choices.ts'
import { type ChoiceState, declineKey, givenState, hasProblem, typedChoices } from './sharing-choice.ts'
import { studyFacts, textShown } from './sharing-facts.ts'
import { keptOf } from './sharing-line.ts'
import { paperNotice } from './sharing-paper.ts'
import { sendPreview } from './sharing-preview.ts'

type OfStudy = { readonly Params: { readonly study: string } }

/** A study for one of its people: what it is, what they share with it, and how to sign or to say no. */
export const sharingStudyPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const keptChoices = openKeptChoices(options)
  const at = '/sharing/:study'
  const found = async (request: FastifyRequest<OfStudy>, words: Words): Promise<StudyAsked | undefined> => {
    const asked = await findStudyAsked(options, sessionOf(request).person, request.params.study, words)
    // If their place has ended, they can read what they signed, but are asked for nothing.
    return request.method === 'POST' && !asked?.isEnrolled ? undefined : asked
  }
  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const words = wordsOf(request)
    const asked = await found(request, words)
    if (asked === undefined) return sendNoPlace(reply, words)
    const kept = await keptChoices.find(request, reply, sessionOf(request).person)
    if (kept !== undefined && asked.isEnrolled && isSignable(asked))
      return sendStudy(reply, asked, words, { ...chosenIn(kept, asked, words), isKept: true })
    const query = queryOf(request)
    const state = givenState(asked, query.get('timezone') ?? '')
    return sendStudy(reply, asked, words, { state, done: query.get('done') ?? '' })
  })
  server.post<OfStudy>(at, keptChoices.requireSession, async (request, reply) => {
    const words = wordsOf(request)
    const asked = await found(request, words)
    if (asked === undefined) return sendNoPlace(reply, words)
    const { body } = request
    const chosen = chosenIn(body, asked, words)
    if (typed(body, 'change') === 'yes') return sendStudy(reply, asked, words, chosen)
    if (chosen.kind === 'problems') return sendStudy(reply.code(422), asked, words, chosen)
    if (chosen.isChanged || !isSignable(asked)) return sendStudy(reply.code(409), asked, words, chosen)
    return sendPreview(chosen.isOtherText ? reply.code(409) : reply, asked, words, chosen)
  })
  server.post<OfStudy>(`${at}/sign`, keptChoices.requireSession, async (request, reply) => {
    const words = wordsOf(request)
    const asked = await found(request, words)
    if (asked === undefined) return sendNoPlace(reply, words)
    const { body } = request
    const chosen = chosenIn(body, asked, words)
    const { name } = chosen
    if (chosen.kind === 'problems') return sendStudy(reply.code(422), asked, words, chosen)
    // People must have read what they sign, so changed words, or a changed text, are shown first.
    if (chosen.isChanged || !isSignable(asked)) return sendStudy(reply.code(409), asked, words, chosen)
    if (chosen.isOtherText) return sendPreview(reply.code(409), asked, words, chosen)
    if (isBlank(name) || name.length > 200)
      return sendPreview(reply.code(422), asked, words, { ...chosen, isUnsigned: true })
    const hash = typed(body, 'hash')
    const done = await signConsent(asked, chosen.choices, { name, hash, language: words.code })
    keptChoices.forget(request, reply)
    const query = new URLSearchParams({ done, timezone: chosen.state.timezone })
    return reply.redirect(`/sharing/${asked.study.id}?${query}`, 303)
  })
  server.post<OfStudy>(`${at}/decline`, { onRequest }, async (request, reply) => {
    const words = wordsOf(request)
    const declined = await untilWritten(async attempt => {
      const asked = await found(request, words)
      // On a retry, they may have said no already.
      if (asked !== undefined && (attempt === 1 || isStanding(asked.consent))) await declineConsent(asked)
      return asked
    })
    if (declined === undefined) return sendNoPlace(reply, words)
    keptChoices.forget(request, reply)
    return reply.redirect(`/sharing/${declined.study.id}?done=declined`, 303)
  })
}

/** The same for people who had a place until a moment ago, for those who never had one, and if there is no such study. */
const sendNoPlace = (reply: FastifyReply, words: Words): FastifyReply => {
  const { say } = words
  return sendTranslatedPage(reply.code(404), words, {
    title: say('study.no-place'),
    content: html`<h1>${say('study.no-place')}</h1>
<p>${say('study.no-place-text')}</p>
<p><a href="/sharing">${say('sharing.title')}</a></p>`,
  })
}

/** The choices as they were sent, and what has changed since. */
const chosenIn = (body: unknown, asked: StudyAsked, words: Words) => ({
  ...typedChoices(body, asked, words),
  ...changesSince(body, asked),
  name: typed(body, 'name').trim(),
})

type Changes = {
  /** Whether what the study says has changed. */
  readonly isChanged?: boolean
  /** Whether the text that is signed has changed. */
  readonly isOtherText?: boolean
}

/** What has changed since the page from which somebody came. */
const changesSince = (body: unknown, asked: StudyAsked): Changes => ({
  isChanged: typed(body, 'shown') !== digestOfShown(asked),
  isOtherText: typed(body, 'hash') !== (asked.text?.hash ?? ''),
})

type Shown = Changes & {
  readonly state: ChoiceState
  readonly isNothing?: boolean
  /** The name that was typed to sign something that has changed; it is kept for when that is signed. */
  readonly name?: string
  readonly done?: string
  /** Whether a session ended before the form could be sent. */
  readonly isKept?: boolean
}

const sendStudy = (reply: FastifyReply, asked: StudyAsked, words: Words, shown: Shown): FastifyReply => {
  const { title, organization } = asked
  const { say } = words
  const { isNothing = false, isChanged = false, isOtherText = false, isKept = false, state } = shown
  return sendTranslatedPage(reply, words, {
    title: title.text,
    isProblem:
      reply.statusCode >= 400 ||
      isNothing ||
      isChanged ||
      isOtherText ||
      isKept ||
      hasProblem(state) ||
      shown.done === 'overtaken',
    content: html`<h1${langOf(title, words)}>${title.text}</h1>
${isKept && notice('problem', html`<p>${say('study.kept')}</p>`)}
${isChanged && notice('problem', html`<p>${say('study.words-changed')}</p>`)}
${isOtherText && notice('problem', html`<p>${say('study.text-changed')}</p>`)}
${asked.isEnrolled && !asked.isInForce && notice('standing', html`<p>${say('study.not-in-force')}</p>`)}
${asked.isEnrolled && asked.isClosed && notice('standing', html`<p>${say('study.closed')}</p>`)}
${shown.done === 'overtaken' && notice('problem', html`<p>${say('study.overtaken')}</p>`)}
${standing(asked, words, shown.done)}
${paperNotice(asked, words, { canSign: isSignable(asked) })}
${asked.isEnrolled && asked.isInForce && !asked.isClosed && html`<p>${say('study.asks', { organization: organization.name })}</p>`}
${studyFacts(asked, words)}
${
  asked.isEnrolled &&
  html`<h2>${say('study.text')}</h2>
${asking(asked, words, shown, ownToken(reply))}`
}
<p><a href="/sharing">${say('sharing.title')}</a></p>`,
  })
}

/** Saying no, or stopping, is possible even if there is nothing to sign. */
export const asking = (
  asked: StudyAsked,
  words: Words,
  { state, isNothing = false, name = '' }: Shown,
  token: string,
): Html => {
  const { say } = words
  const text = textShown(asked.text?.attachment)
  const shown = text ?? html`<p>${say(asked.text === undefined ? 'study.no-text' : 'study.other-text')}</p>`
  return isSignable(asked)
    ? html`${shown}
<h2>${say('choose.title')}</h2>
${choiceForm(asked, state, words, { token, isNothing, name })}`
    : html`${shown}
${postForm({ action: `/sharing/${asked.study.id}/decline`, token }, html`<button class="btn btn-primary">${say(declineKey(asked))}</button>`)}`
}

/** A text that cannot be read cannot be signed, nor can one that would share nothing. */
const isSignable = ({ text, isInForce, isClosed }: StudyAsked): boolean =>
  isInForce && !isClosed && textShown(text?.attachment) !== undefined

const standing = (asked: StudyAsked, words: Words, done = ''): Html | undefined => {
  const { say } = words
  const { study, consent } = asked
  const key = standingOf(asked, done)
  const reason = consent?.extension?.find(({ url }) => url === inactivationReason)?.valueCodeableConcept?.text
  const isEndedByOthers = consent?.status === 'inactive' && reason !== undefined
  const copy = asked.signed !== undefined && html`<p><a href="/sharing/${study.id}/copy">${say('copy.link')}</a></p>`
  if (key === undefined && !copy) return undefined
  return html`${notice('done', html`${key && html`<p>${say(key)}</p>`}${isEndedByOthers && endedByOthers(consent, reason, words)}${keptOf(asked, words)}${copy}${key === 'study.signed' && thenConnect(words)}`)}${asked.isInForce && isSignedEarlier(asked) && notice('standing', html`<p>${say('study.changed')}</p>`)}`
}

/** Without an app that sends, a signature brings nothing. */
const thenConnect = ({ say }: Words): Html =>
  html`<p>${say('study.then-connect')} <a href="/account/apps">${say('sharing.apps')}</a></p>`

const endedByOthers = (consent: Consent, reason: string, { say }: Words): Html => {
  const why = whyEndedByJoining(consent)
  const isSaid = why !== undefined && reason === joiningReasons[why]
  return html`${why !== undefined && html`<p>${say(joiningWords[why])}</p>`}${!isSaid && html`<p>${say('study.ended-by-staff', { reason })}</p>`}`
}

const joiningWords = {
  left: 'study.ended-by-joining',
  unproven: 'study.ended-unproven',
  refused: 'study.ended-refused',
} as const

const standingOf = (asked: StudyAsked, done: string) => {
  const { consent, isEnrolled, isInForce, sharings } = asked
  if (!isEnrolled) return 'study.left'
  const isKept = sharings.some(({ kept }) => kept !== undefined)
  switch (consent?.status) {
    case 'active':
      if (!isInForce) return 'study.agreed'
      if (!sharings.some(({ lines }) => lines.length > 0)) return 'study.idle'
      return done === 'signed' ? 'study.signed' : 'study.now'
    case 'rejected':
      return saidNo(asked, isKept)
    case 'inactive':
      return isKept ? 'study.ended-kept' : 'study.ended'
    default:
      return undefined
  }
}

/** Says that they may say yes later only if they may. */
const saidNo = ({ isInForce, isClosed }: StudyAsked, isKept: boolean) => {
  if (!isInForce || isClosed) return isKept ? 'study.refused-kept' : 'study.refused'
  return isKept ? 'study.declined-kept' : 'study.declined'
}
