import type { FastifyReply } from 'fastify'
import { isOfTime } from '../../access/shared-type.ts'
import type { Words } from '../../messages/catalogue.ts'
import { countShared } from '../../studies/consent/count-shared.ts'
import type { Choice } from '../../studies/consent/own-consent.ts'
import { answerShown, digestOfShown, type StudyAsked } from '../../studies/consent/own-study.ts'
import type { SharedLine } from '../../studies/consent/shared-line.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage } from '../page/translated-page.ts'
import { endingLines } from './ending-lines.ts'
import { edgeText } from './period-edge.ts'
import { readersShown } from './readers-shown.ts'
import { type ChoiceState, declineKey, hiddenChoices } from './sharing-choice.ts'
import { textToSign } from './sharing-facts.ts'
import { keptOf, lineText } from './sharing-line.ts'
import { signatureForm } from './signature-form.ts'

type Shown = {
  readonly choices: readonly Choice[]
  /** As they were typed. */
  readonly state: ChoiceState
  readonly name?: string
  readonly isUnsigned?: boolean
  /** Whether the text has changed since the page from which somebody came. */
  readonly isOtherText?: boolean
}

/** Who could see what, before anything is signed. */
export const sendPreview = async (
  reply: FastifyReply,
  asked: StudyAsked,
  words: Words,
  { choices, state, name = '', isUnsigned = false, isOtherText = false }: Shown,
): Promise<FastifyReply> => {
  const { study, text } = asked
  const { say } = words
  const page = `/sharing/${study.id}`
  const token = ownToken(reply)
  const shown = { shown: digestOfShown(asked), answer: answerShown(asked), language: words.code }
  const hidden = { ...hiddenChoices(state), hash: text?.hash ?? '', ...shown }
  const counts = await countShared(asked, choices, words.code)
  return sendTranslatedPage(reply, words, {
    title: say('preview.title'),
    isProblem: isUnsigned || isOtherText,
    content: html`<h1>${say('preview.title')}</h1>
${isOtherText && notice('problem', html`<p>${say('study.text-changed')}</p>`)}
<p>${say('preview.lead')}</p>
<h2>${say('preview.people')}</h2>
${readersShown(asked, choices, words)}
<h2>${say('preview.readings')}</h2>
${readingsShown(choices, counts, words)}
${endingShown(endingLines(asked, choices), words)}
<h2>${say('study.known')}</h2>
<p>${say(asked.isIdentified ? 'preview.identified' : 'preview.coded')}</p>
${keptOf(asked, words)}
<h2>${say('study.text')}</h2>
${textToSign(text?.attachment, words)}
${signatureForm({ page, token, hidden, name, isUnsigned }, words)}
${postForm({ action: `${page}/decline`, token }, html`<button class="btn btn-primary">${say(declineKey(asked))}</button>`)}
${postForm({ action: page, token, hidden: { ...hidden, change: 'yes' } }, html`<button class="btn btn-outline-primary">${say('preview.back')}</button>`)}`,
  })
}

/** `text`: with whom it is shared now. */
export const endingShown = (
  lines: readonly SharedLine[],
  words: Words,
  text: string = words.say('preview.ends-text'),
): Html | false =>
  lines.length > 0 &&
  html`<h2>${words.say('preview.ends')}</h2>
<p>${text}</p>
<ul>${lines.map(line => html`<li>${lineText(line, words)}</li>`)}</ul>`

/** What is chosen, with how many readings of it there are, if that was counted. */
export const readingsShown = (
  choices: readonly Choice[],
  counts: Awaited<ReturnType<typeof countShared>>,
  words: Words,
): Html => {
  const shared = choices.filter(({ shares }) => shares)
  const isBounded = shared.some(({ line, until }) => until !== '' && isOfTime(line.kind))
  return html`<ul>${shared.map(choice => reading(choice, counts.get(choice.line), words))}</ul>
${isBounded && html`<p>${words.say('preview.after-last')}</p>`}`
}

const reading = (choice: Choice, count: number | undefined, words: Words): Html =>
  html`<li>${choice.line.what}: ${chosenPeriod(choice, words)}${count !== undefined && html`. <span class="text-body-secondary">${count === 1 ? words.say('preview.count-one') : words.say('preview.count', { count })}</span>`}</li>`

/** The period of the shared data. */
export const chosenPeriod = (
  { line, from, until }: Omit<Choice, 'shares'>,
  words: Words,
  tell = edgeText,
): Html | string => (isOfTime(line.kind) ? periodText({ from, until }, words, tell) : words.say('preview.any-time'))

const periodText = ({ from, until }: Pick<Choice, 'from' | 'until'>, words: Words, tell: typeof edgeText): Html => {
  const start =
    from === '' ? words.say('preview.from-now') : phrase(words, 'preview.from', { from: tell(from, 'start', words) })
  return html`${start}${until !== '' && html`, ${phrase(words, 'preview.until', { until: tell(until, 'end', words) })}`}`
}
