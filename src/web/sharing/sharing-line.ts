import type { Words } from '../../messages/catalogue.ts'
import type { Kept } from '../../studies/consent/own-sharing.ts'
import type { StudyAsked } from '../../studies/consent/own-study.ts'
import type { SharedLine, SharedTime } from '../../studies/consent/shared-line.ts'
import { type Html, html } from '../page/html.ts'
import { moment, phrase } from '../page/time.ts'
import { worded } from '../page/wording.ts'
import { edgeText } from './period-edge.ts'

/** What is shared, when it was measured, and until when it can be read. */
export const lineText = ({ what, times }: Pick<SharedLine, 'what' | 'times'>, words: Words): Html =>
  html`${what}: ${times.map((time, index) => html`${index > 0 && '; '}${timeText(time, words)}`)}`

const timeText = ({ from, until, readFrom, readUntil }: SharedTime, words: Words): Html => {
  const start = (key: 'preview.from' | 'sharing.read-from', time: string) =>
    phrase(words, key, { from: edgeText(time, 'start', words) })
  const end = (key: 'preview.until' | 'sharing.read-until', time: string) =>
    html`, ${phrase(words, key, { until: edgeText(time, 'end', words) })}`
  return html`${from === undefined ? words.say('sharing.ever') : start('preview.from', from)}${until !== undefined && end('preview.until', until)}${readFrom !== undefined && html`, ${start('sharing.read-from', readFrom)}`}${readUntil !== undefined && end('sharing.read-until', readUntil)}`
}

/** What stays with a study, whatever is given to it now. */
export const keptOf = ({ sharings, title }: Pick<StudyAsked, 'sharings' | 'title'>, words: Words): readonly Html[] =>
  sharings.flatMap(({ kept }) => (kept === undefined ? [] : keptText(kept, worded(title, words), words)))

/** What `who` can still read of what has ended. */
export const keptText = ({ before, lines }: Kept, who: Html | string, words: Words): Html => {
  const isBefore = (until: string | undefined) => until !== undefined && Date.parse(until) < Date.parse(before)
  const bounded = lines.map(({ what, times }) => ({
    what,
    times: times.map(time => ({ ...time, until: isBefore(time.until) ? time.until : undefined })),
  }))
  return html`<p>${phrase(words, 'sharing.keeps', { who, before: moment(new Date(before), words) })}</p>
<ul>${bounded.map(line => html`<li>${lineText(line, words)}</li>`)}</ul>`
}
