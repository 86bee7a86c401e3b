import type { ResearchStudy } from '@medplum/fhirtypes'
import type { Words } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import type { AuditLine } from '../audit/audit-line.ts'
import { type Html, html } from '../page/html.ts'
import { moment, phrase } from '../page/time.ts'
import { type Stretch, stretchesOf } from './audit-stretch.ts'
import { type Deed, type Visit, visitsOf } from './audit-visit.ts'
import { studiesNamed } from './own-audit-line.ts'

/** The lines of a page, in the order in which they are shown. */
type Ordered = { readonly lines: readonly AuditLine[]; readonly order: 'latest' | 'oldest' }

/** What others did. What they did again and again is shown once, with a list of the times that opens without any script, and is open on paper. */
export const stretchList = ({ lines, order }: Ordered, studies: readonly ResearchStudy[], words: Words): Html => {
  if (lines.length === 0) return html`<p>${words.say('disclosures.none')}</p>`
  const inOrder = <One>(latestFirst: readonly One[]) => (order === 'latest' ? latestFirst : latestFirst.toReversed())
  const stretches = inOrder(stretchesOf(visitsOf(inOrder(lines))))
  return html`<ul class="list-group list-group-flush mb-4">${stretches.map(one => listed(one, inOrder(one.visits), studies, words))}</ul>`
}

const listed = (stretch: Stretch, visits: readonly Visit[], studies: readonly ResearchStudy[], words: Words): Html => {
  const { say } = words
  const { who, app } = stretch
  const name = isolated(who ?? app ?? '')
  return html`<li class="list-group-item px-0">
<div class="text-body-secondary">${whenText(stretch, words)}</div>
<div><strong>${name}</strong> ${who !== undefined && app !== undefined && say('disclosures.through', { app })}</div>
${doneIn(stretch, studies, words)}
${visits.length > 1 && html`<details class="each-time"><summary>${say('disclosures.each')}<span class="visually-hidden">: ${name}</span></summary>${visits.map(visit => html`<div class="visit mt-2 ps-3"><div class="text-body-secondary">${moment(visit.recorded, words)}</div>${doneIn(visit, studies, words)}</div>`)}</details>`}
</li>`
}

const whenText = ({ visits }: Stretch, words: Words): Html => {
  const [latest] = visits
  const first = visits.at(-1)
  if (first === undefined || first === latest) return moment(latest.recorded, words)
  const isWithinMinute = minuteOf(first) === minuteOf(latest)
  return phrase(words, isWithinMinute ? 'disclosures.times-at' : 'disclosures.times', {
    count: visits.length,
    first: moment(first.recorded, words),
    last: moment(latest.recorded, words),
  })
}

const minuteOf = ({ recorded }: Visit): string => recorded.toISOString().slice(0, 16)

const doneIn = (
  { deeds, consents }: Pick<Visit, 'deeds' | 'consents'>,
  studies: readonly ResearchStudy[],
  words: Words,
): Html => html`${deeds.map(deed => html`<div>${deedText(deed, studies, words)}</div>`)}
${consents.map(consent => html`<div class="text-body-secondary">${words.say('disclosures.allowed', { version: versionIn(consent) })}</div>`)}`

const deedText = ({ did, whats, study, isRefused }: Deed, studies: readonly ResearchStudy[], words: Words): Html => {
  return html`${did}${whats.length > 0 && `: ${words.list(whats)}`}${study !== undefined && html` – ${studyText(study, studies, words)}`} ${isRefused && html`<span class="badge text-bg-secondary">${words.say('disclosures.refused')}</span>`}`
}

const studyText = (study: string, studies: readonly ResearchStudy[], words: Words): Html | string =>
  study === ''
    ? words.say('disclosures.for-some')
    : phrase(words, 'disclosures.for', { study: studiesNamed(study, studies, words) })

const versionIn = (consent: string): string => consent.slice(consent.lastIndexOf('/') + 1)
