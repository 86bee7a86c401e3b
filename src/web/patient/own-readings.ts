import { parseJson } from '../../fhir/json.ts'
import { addDays, beginningOfDay } from '../../fhir/timezone.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { type Cursors, openCursors } from '../../interactions/search/cursor.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Reading } from '../../operations/rows/reading-rows.ts'
import { timeCells } from '../../operations/rows/time-cells.ts'
import { codeOf, whatOf } from '../../operations/rows/value-cells.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Page } from '../../storage/store.ts'
import type { AddPage } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { field, hiddenField, notice, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { kindNames } from '../page/kind-names.ts'
import { type ListPlace, listPlaceIn } from '../page/list-place.ts'
import { namedIn } from '../page/named-in.ts'
import { otherRecords } from '../page/own-record.ts'
import { requireSession } from '../page/signed-in.ts'
import { dayOrMoment } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { calendarOf, dayShown as dayShownIn } from '../page/typed-day.ts'
import { newestOfEach, newestReading } from './newest-reading.ts'
import {
  addressOfReadings,
  dayShown,
  type OwnReadings,
  ownReadingsOf,
  ownReadingsPath,
  type ReadingsAsked,
  readingsAskedIn,
} from './own-readings-asked.ts'
import { type ReadingLine, readingLines } from './reading-lines.ts'

/** Patients see their readings of a day one by one, each leading to where it can be marked as wrong. */
export const ownReadingsPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get(ownReadingsPath, { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const query = queryOf(request)
    const own = await ownReadingsOf(request, options)
    const asked = readingsAskedIn(query)
    const cursors = own && cursorsFor(own.caller)
    const place = listPlaceIn(query, cursors, ownReadingsPath, words)
    const done = namedIn(doneTexts, query.get('done'))
    return sendTranslatedPage(reply, words, {
      title: place.titled(say('readings.title')),
      isProblem: Object.keys(asked.problems).length > 0,
      content: html`<h1>${say('readings.title')}</h1>
${done && notice('done', html`<p>${say(done)}</p>`)}
${place.note}
${own === undefined ? html`<p>${say('data.none')} ${say('own.nothing')}</p>` : await ofRecord(own, asked, { ...place, ...cursors }, words)}
<p><a href="/account">${say('sharing.account')}</a></p>`,
    })
  })
}

const doneTexts = { marked: 'readings.marked-done', unmarked: 'readings.unmarked-done' } as const

type List = {
  readonly asked: ReadingsAsked & { readonly day: string }
  readonly kinds: readonly { readonly value: string; readonly label: string }[]
  /** Whether a kind is asked for that we do not know, so that all are shown. */
  readonly isUnknownKind: boolean
  /** Undefined if nothing was ever measured. */
  readonly page: { readonly lines: readonly ReadingLine[]; readonly next?: string } | undefined
}

const listOf = async (
  own: OwnReadings,
  asked: ReadingsAsked,
  cursor: string | undefined,
  words: Words,
): Promise<List> => {
  const found = await newestOfEach({ ...own, timezone: asked.timezone })
  const newest = await newestReading({ ...own, timezone: asked.timezone }, found)
  const day = dayShown(asked, newest ?? Date.now())
  const { kinds, kind, isUnknownKind } = withAsked(kindsOf(own, found, words), asked.kind, own, words)
  const exact = { ...asked, day, kind }
  if (newest === undefined) return { asked: exact, kinds, isUnknownKind, page: undefined }
  const { entries, next } = await search(own, exact, cursor)
  const ofDay = entries.filter(({ content }) => isOfDay(parseJson(content) as Reading, day))
  const lines = await readingLines(own, ofDay, { timezone: asked.timezone, under: day }, words)
  return { asked: exact, kinds, isUnknownKind, page: { lines, ...(next !== undefined && { next }) } }
}

/** A kind of which there is nothing, or nothing that is not marked as wrong, can be asked for too. */
const withAsked = (
  kinds: List['kinds'],
  kind: string,
  { codeClasses }: OwnReadings,
  words: Words,
): Pick<List, 'kinds' | 'isUnknownKind'> & { readonly kind: string } => {
  if (kind === '' || kinds.some(({ value }) => value === kind)) return { kinds, kind, isUnknownKind: false }
  const [code = '', system, ...more] = kind.split('|').reverse()
  const label = more.length > 0 ? undefined : kindNames(codeClasses, words)(system, code)
  if (label === undefined) return { kinds, kind: '', isUnknownKind: true }
  return { kinds: [...kinds, { value: kind, label }], kind, isUnknownKind: false }
}

const search = (
  { registry, store, patient }: OwnReadings,
  { day, timezone, kind }: ReadingsAsked,
  cursor: string | undefined,
): Promise<Page> => {
  const query = new URLSearchParams([
    ['subject', `Patient/${patient}`],
    ['date', `ge${beginningOfDay(day, timezone)}`],
    ['date', `lt${beginningOfDay(addDays(day, 1), timezone)}`],
    ['_count', String(pageSize)],
    ...(kind === '' ? [] : [['code', kind]]),
  ])
  return store.search({ ...parseSearch(registry, 'Observation', query), cursor })
}

const pageSize = 50

/** A date alone is that day everywhere, and not the day in UTC that a search takes it for. */
const isOfDay = (reading: Reading, day: string): boolean => {
  const { start, end = start } = timeCells(reading)
  if (start === undefined || end === undefined || `${start}${end}`.includes('T')) return true
  return start <= day && day.slice(0, end.length) <= end
}

/** One of each name, so that a day with a thousand heart rates does not hide the one weight. */
const kindsOf = (
  { codeClasses }: OwnReadings,
  newest: readonly { readonly content: string }[],
  words: Words,
): List['kinds'] => {
  const nameKind = kindNames(codeClasses, words)
  const byLabel = new Map<string, string>()
  for (const { content } of newest) {
    const { code } = parseJson(content) as Reading
    const value = codeOf(code)
    const label = whatOf(code, nameKind) ?? value
    if (label !== undefined && value !== undefined && !byLabel.has(label)) byLabel.set(label, value)
  }
  const collator = new Intl.Collator(words.code)
  return [...byLabel]
    .map(([label, value]) => ({ value, label }))
    .toSorted((one, other) => collator.compare(one.label, other.label))
}

type Place = Pick<ListPlace, 'cursor' | 'isFirst'> & Partial<Pick<Cursors, 'seal'>>

const ofRecord = async (own: OwnReadings, asked: ReadingsAsked, place: Place, words: Words): Promise<Html> => {
  const page = place.isFirst ? '' : asked.page
  const list = await listOf(own, { ...asked, page }, place.cursor, words)
  const next = list.page?.next
  const nextPage = next && place.seal?.({ path: ownReadingsPath, query: '', page: next })
  return html`${listShown(own, list, nextPage, words)}
${otherRecords(own, record => `${ownReadingsPath}?record=${record}`, words)}
<p><a href="/patients/${own.patient}">${words.say('own.record')}</a></p>`
}

const listShown = (
  own: OwnReadings,
  { asked, kinds, isUnknownKind, page }: List,
  nextPage: string | undefined,
  words: Words,
): Html => {
  const { say } = words
  if (page === undefined)
    return html`<p>${say('chart.never-own')}</p>
<p><a href="/account/apps">${say('sharing.apps')}</a></p>`
  const { day } = asked
  const to = (days: number) => addressOfReadings(own, { ...asked, day: addDays(day, days), page: '' })
  const beginning = addressOfReadings(own, { ...asked, page: '' })
  return html`${isUnknownKind && notice('standing', html`<p>${say('readings.kind-unknown')}</p>`)}
<p>${say('readings.text')}</p>
${askForm(own, { asked, kinds }, words)}
<h2>${dayOrMoment(day, words)}</h2>
<nav aria-label="${say('readings.days')}"><p><a href="${to(-1)}">${say('readings.day-before')}</a> <a href="${to(1)}">${say('readings.day-after')}</a></p></nav>
${page.lines.length === 0 ? html`<p>${say(asked.kind === '' ? 'readings.none' : 'readings.none-of-kind')}</p>` : lineList(own, asked, page.lines, words)}
${nextPage !== undefined && html`<p><a href="${addressOfReadings(own, { ...asked, page: nextPage })}">${say('list.earlier')}</a></p>`}
${asked.page !== '' && html`<p><a href="${beginning}">${say('list.to-latest')}</a></p>`}`
}

const lineList = (own: OwnReadings, asked: ReadingsAsked, lines: readonly ReadingLine[], { say }: Words): Html =>
  html`<ul class="list-group list-group-flush mb-4">${lines.map(
    ({ id, what, values, when, device, isMarked }) =>
      html`<li class="list-group-item px-0"><a href="${addressOfReadings(own, asked, { path: `/${id}` })}">${what ?? say('readings.unknown')}, ${when}</a>${isMarked && html` <strong>${say('readings.marked')}</strong>`}
<p class="mb-0">${values.join(', ')}</p>
<p class="mb-0 text-body-secondary">${device ?? say('chart.source-unknown')}</p></li>`,
  )}</ul>`

const askForm = (own: OwnReadings, { asked, kinds }: Pick<List, 'asked' | 'kinds'>, words: Words): Html => {
  const { say } = words
  const { problems } = asked
  const typed = problems.day?.typed ?? asked.day
  const day = {
    name: 'day',
    label: say('chart.day'),
    hint: say('chart.first-hint'),
    value: dayShownIn(typed, words),
    ...calendarOf(typed, words),
    problem: problems.day && say(`chart.problem-${problems.day.why}`),
    autocomplete: 'off',
  }
  const timezone = {
    name: 'timezone',
    label: say('chart.timezone'),
    hint: say('chart.timezone-hint'),
    value: problems.timezone ?? asked.timezone,
    problem: problems.timezone && say('chart.problem-timezone'),
    autocomplete: 'off',
  }
  return html`${problemList([day, timezone], say('check'))}
<form method="get" action="${ownReadingsPath}" class="mb-4" novalidate>
${hiddenField('record', own.patient)}
${field(day)}
${field(timezone)}
${kinds.length > 1 && selectField({ name: 'kind', label: say('readings.kind'), value: asked.kind, choices: [{ value: '', label: say('readings.every-kind') }, ...kinds] })}
<button class="btn btn-outline-primary">${say('chart.show')}</button>
</form>`
}
