import type { Words } from '../../messages/catalogue.ts'
import type { StudyAsked } from '../../studies/consent/own-study.ts'
import type { StudyAnswered } from '../../studies/consent/waiting-answer.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { moment, phrase } from '../page/time.ts'
import { langOf } from '../page/wording.ts'
import { whomToAsk } from './sharing-facts.ts'

/**
 * Says that staff have recorded a consent from paper which does not count yet, and what to do about it. `canSign`: whether it can be answered
 * here.
 */
export const paperNotice = (
  asked: StudyAsked,
  words: Words,
  { canSign }: { readonly canSign: boolean },
): Html | false =>
  asked.paperSince !== undefined &&
  notice(
    'standing',
    html`${paperText(asked.paperSince, words)}
<p>${scanLink(`/sharing/${asked.study.id}/paper`, words)}</p>
<p>${words.say('paper.ask', { contact: whomToAsk(asked) })}</p>
${asked.isEnrolled && html`<p>${words.say(canSign ? 'paper.answer' : 'paper.refuse')}</p>`}`,
  )

/** To the paper itself, as it was scanned. */
export const scanLink = (address: string, { say }: Words): Html => html`<a href="${address}">${say('paper.scan')}</a>`

/** The studies that have recorded such a consent. */
export const paperList = (asked: readonly StudyAnswered[], words: Words): Html | false => {
  const waiting = asked.flatMap(one => (one.paperSince === undefined ? [] : [{ ...one, since: one.paperSince }]))
  return (
    waiting.length > 0 &&
    html`<h2>${words.say('paper.title')}</h2>
<ul class="list-group list-group-flush mb-4">${waiting.map(({ study, since }) => {
      const title = titleIn(study, words)
      return html`<li class="list-group-item px-0 py-3"><a href="/sharing/${study.id}"${langOf(title, words)}>${title.text}</a>
${paperText(since, words)}</li>`
    })}</ul>`
  )
}

const paperText = (since: Date, words: Words): Html =>
  html`<p>${phrase(words, 'paper.waits', { when: moment(since, words) })}</p>`
