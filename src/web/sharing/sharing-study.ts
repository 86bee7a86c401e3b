import type { FastifyReply, FastifyRequest } from 'fastify'
import { isBlank } from '../../fhir/blank.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { declineConsent, isStanding, signConsent } from '../../studies/consent/own-consent.ts'
import { answerShown, digestOfShown, findStudyAsked, type StudyAsked } from '../../studies/consent/own-study.ts'
import { untilWritten } from '../../studies/consent/until-written.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { openKeptChoices } from './kept-choices.ts'
import { givenState, typedChoices } from './sharing-choice.ts'
import { sendPreview } from './sharing-preview.ts'
import { type Changes, isSignable, sendStudy } from './sharing-shown.ts'

type OfStudy = { readonly Params: { readonly study: string } }

/** A study for one of its people: what it is, what they share with it, and how to sign or to say no. */
export const sharingStudyPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const keptChoices = openKeptChoices(options)
  const at = '/sharing/:study'
  server.get<OfStudy>(at, { onRequest }, async (request, reply) => {
    const words = wordsOf(request)
    const asked = await findAsked(request, options, words)
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
    const asked = await findAsked(request, options, words)
    if (asked === undefined) return sendNoPlace(reply, words)
    const chosen = chosenIn(request.body, asked, words)
    if (typed(request.body, 'change') === 'yes') return sendStudy(reply, asked, words, chosen)
    if (chosen.kind === 'problems') return sendStudy(reply.code(422), asked, words, chosen)
    if (isToRead(chosen) || !isSignable(asked)) return sendUnsigned(reply, asked, words, chosen)
    return sendPreview(chosen.isOtherText ? reply.code(409) : reply, asked, words, chosen)
  })
  server.post<OfStudy>(`${at}/sign`, keptChoices.requireSession, async (request, reply) => {
    // If something is changed at that moment, what the study says now is compared with what the patient has read.
    for (;;) {
      const answer = await signOnce(request, reply, { options, keptChoices })
      if (answer !== 'changed') return answer
    }
  })
  server.post<OfStudy>(`${at}/decline`, { onRequest }, async (request, reply) => {
    const words = wordsOf(request)
    const declined = await untilWritten(async attempt => {
      const asked = await findAsked(request, options, words)
      // On a retry, they may have said no already.
      if (asked !== undefined && (attempt === 1 || isStanding(asked.consent))) await declineConsent(asked)
      return asked
    })
    if (declined === undefined) return sendNoPlace(reply, words)
    keptChoices.forget(request, reply)
    return reply.redirect(`/sharing/${declined.study.id}?done=declined`, 303)
  })
}

type Parts = { readonly options: PageOptions; readonly keptChoices: ReturnType<typeof openKeptChoices> }

/** Answers `changed`, and has signed nothing, if the study was written at that moment, or staff proposed something, which is no answer. */
const signOnce = async (
  request: FastifyRequest<OfStudy>,
  reply: FastifyReply,
  { options, keptChoices }: Parts,
): Promise<FastifyReply | 'changed'> => {
  const words = wordsOf(request)
  const asked = await findAsked(request, options, words)
  if (asked === undefined) return sendNoPlace(reply, words)
  const { body } = request
  const chosen = chosenIn(body, asked, words)
  const { name } = chosen
  if (chosen.kind === 'problems') return sendStudy(reply.code(422), asked, words, chosen)
  // People must have read what they sign, and know what they have answered, so changed words, or a changed text, are shown first.
  if (isToRead(chosen) || !isSignable(asked)) return sendUnsigned(reply, asked, words, chosen)
  if (chosen.isOtherText) return sendPreview(reply.code(409), asked, words, chosen)
  if (isBlank(name) || name.length > 200)
    return sendPreview(reply.code(422), asked, words, { ...chosen, isUnsigned: true })
  const hash = typed(body, 'hash')
  const done = await signConsent(asked, chosen.choices, { name, hash, language: words.code })
  if (done === 'changed') return done
  if (done === 'overtaken' && (await findAsked(request, options, words))?.consent?.status === 'proposed')
    return 'changed'
  keptChoices.forget(request, reply)
  const query = new URLSearchParams({ done, timezone: chosen.state.timezone })
  return reply.redirect(`/sharing/${asked.study.id}?${query}`, 303)
}

const findAsked = async (
  request: FastifyRequest<OfStudy>,
  options: PageOptions,
  words: Words,
): Promise<StudyAsked | undefined> => {
  const asked = await findStudyAsked(options, sessionOf(request).person, request.params.study, words)
  // If their place has ended, they can read what they signed, but are asked for nothing.
  return request.method === 'POST' && !asked?.isEnrolled ? undefined : asked
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

/** Says that nothing is signed: by what has changed since, or if the study asks nobody any more, and so has no form to send again. */
const sendUnsigned = (
  reply: FastifyReply,
  asked: StudyAsked,
  words: Words,
  chosen: ReturnType<typeof chosenIn>,
): FastifyReply => sendStudy(reply.code(409), asked, words, { ...chosen, isTooLate: !isToRead(chosen) })

/** The choices as they were sent, and what has changed since. */
const chosenIn = (body: unknown, asked: StudyAsked, words: Words) => ({
  ...typedChoices(body, asked, words),
  ...changesSince(body, asked, words),
  name: typed(body, 'name').trim(),
})

/** Whether the page of the study has to be read again, which has the text to sign as well. */
const isToRead = ({ isChanged, isOtherAnswer, isOtherLanguage }: Changes): boolean =>
  isChanged === true || isOtherAnswer === true || isOtherLanguage === true

/** What has changed since the page from which somebody came. In another language every word is another, which says nothing of the study. */
const changesSince = (body: unknown, asked: StudyAsked, { code }: Words): Changes => {
  const isOtherAnswer = typed(body, 'answer') !== answerShown(asked)
  // A page that an earlier version has shown names none.
  if ((typed(body, 'language') || code) !== code) return { isOtherLanguage: true, isOtherAnswer }
  return {
    isChanged: typed(body, 'shown') !== digestOfShown(asked),
    isOtherText: typed(body, 'hash') !== (asked.text?.hash ?? ''),
    isOtherAnswer,
  }
}
