import type { FastifyReply } from 'fastify'
import type { Key, Words } from '../../messages/catalogue.ts'
import type { StudyAsked } from '../../studies/consent/own-study.ts'
import type { SharedLine } from '../../studies/consent/shared-line.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendTranslatedPage } from '../page/translated-page.ts'
import { langOf } from '../page/wording.ts'
import { choiceForm } from './choice-form.ts'
import { unaskedLines } from './ending-lines.ts'
import { readersNowShown } from './readers-now-shown.ts'
import { type ChoiceState, declineKey, hasProblem } from './sharing-choice.ts'
import { studyFacts, textShown, textToSign } from './sharing-facts.ts'
import { lineText } from './sharing-line.ts'
import { paperNotice } from './sharing-paper.ts'
import { standing } from './sharing-standing.ts'
import { notRunning } from './study-days.ts'

export type Changes = {
  /** Whether what the study says has changed. */
  readonly isChanged?: boolean
  /** Whether the text that is signed has changed. */
  readonly isOtherText?: boolean
  /** Whether they have given another answer, or one of theirs has ended. */
  readonly isOtherAnswer?: boolean
  /** Whether that page was in another language. */
  readonly isOtherLanguage?: boolean
}

type Shown = Changes & {
  readonly state: ChoiceState
  readonly isNothing?: boolean
  /** The name that was typed to sign something that has changed; it is kept for when that is signed. */
  readonly name?: string
  readonly done?: string
  /** Whether a session ended before the form could be sent. */
  readonly isKept?: boolean
  /** Whether nothing can be signed any more, though the page from which somebody came asked for it. */
  readonly isTooLate?: boolean
}

/** The study, with what was chosen and is wrong with it. */
export const sendStudy = (reply: FastifyReply, asked: StudyAsked, words: Words, shown: Shown): FastifyReply => {
  const { title, organization } = asked
  const { say } = words
  const { isNothing = false, state } = shown
  const problems = problemsOf(shown)
  return sendTranslatedPage(reply, words, {
    title: title.text,
    isProblem: reply.statusCode >= 400 || isNothing || hasProblem(state) || problems.length > 0,
    content: html`<h1${langOf(title, words)}>${title.text}</h1>
${problems.length > 0 && notice('problem', html`${problems.map(key => html`<p>${say(key)}</p>`)}`)}
${asked.isEnrolled && !asked.isInForce && notice('standing', notRunning(asked.study, words))}
${asked.isEnrolled && asked.isClosed && notice('standing', html`<p>${say('study.closed')}</p>`)}
${standing(asked, words, shown.done)}
${paperNotice(asked, words, { canSign: isSignable(asked) })}
${asked.isEnrolled && asked.isInForce && !asked.isClosed && html`<p>${say('study.asks', { organization: organization.name })}</p>`}
${studyFacts(asked, words)}
${readersNowShown(asked.readersNow, asked, words)}
${
  asked.isEnrolled &&
  html`<h2>${say('study.text')}</h2>
${asking(asked, words, shown, ownToken(reply))}`
}
<p class="no-print"><a href="/sharing">${say('sharing.title')}</a></p>`,
  })
}

const problemsOf = (shown: Shown): readonly Key[] => [
  ...(shown.isKept ? (['study.kept'] as const) : []),
  ...(shown.isTooLate ? (['study.not-signed'] as const) : []),
  ...(shown.isOtherLanguage ? (['study.other-language'] as const) : []),
  ...(shown.isChanged ? (['study.words-changed'] as const) : []),
  ...(shown.isOtherText ? (['study.text-changed'] as const) : []),
  ...(shown.isOtherAnswer ? (['study.answer-changed'] as const) : []),
  ...(shown.done === 'overtaken' ? (['study.overtaken'] as const) : []),
]

/** Saying no, or stopping, is possible even if there is nothing to sign. */
export const asking = (
  asked: StudyAsked,
  words: Words,
  { state, isNothing = false, name = '' }: Shown,
  token: string,
): Html => {
  const { say } = words
  const shown = textAsked(asked, words)
  return isSignable(asked)
    ? html`${shown}
<h2>${say('choose.title')}</h2>
${unasked(unaskedLines(asked), words)}
${choiceForm(asked, state, words, { token, isNothing, name })}`
    : html`${shown}
${postForm({ action: `/sharing/${asked.study.id}/decline`, token }, html`<button class="btn btn-primary">${say(declineKey(asked))}</button>`)}`
}

const textAsked = ({ text, isUnfinished, isInForce, isClosed }: StudyAsked, words: Words): Html => {
  const { say } = words
  if (text === undefined) return html`<p>${say('study.no-text')}</p>`
  // A study that asks nobody has said so above, and shows what it has.
  if (isUnfinished && isInForce && !isClosed) return html`<p>${say('study.unfinished')}</p>`
  return textToSign(text.attachment, words) ?? html`<p>${say('study.other-text')}</p>`
}

const unasked = (lines: readonly SharedLine[], words: Words): Html | false =>
  lines.length > 0 &&
  notice(
    'standing',
    html`<p>${words.say('choose.unasked')}</p>
<ul>${lines.map(line => html`<li>${lineText(line, words)}</li>`)}</ul>`,
  )

/** A text that cannot be read, or lacks a part, cannot be signed, nor can one that would share nothing. */
export const isSignable = ({ text, isInForce, isClosed, isUnfinished }: StudyAsked): boolean =>
  isInForce && !isClosed && !isUnfinished && textShown(text?.attachment) !== undefined
