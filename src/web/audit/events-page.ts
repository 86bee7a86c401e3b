import { Readable } from 'node:stream'
import type { AuditEvent, ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { type Caller, isSameCaller } from '../../access/caller.ts'
import { FhirError, unlessRefused } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { readInTurn } from '../../http/caller/caller-turns.ts'
import { letInWhile, whileLetIn } from '../../http/caller/while-let-in.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { openSent } from '../../interactions/search/still-seen.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { csv, utf8Mark } from '../../operations/rows/csv.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Search } from '../../search/search.ts'
import type { Page, Store } from '../../storage/store.ts'
import type { PageOptions } from '../page/add-page.ts'
import type { ChoiceField } from '../page/choice-field.ts'
import { type Field, isWrong } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderIn, orderProblem, orderQuery } from '../page/list-order.ts'
import { listPlaceIn } from '../page/list-place.ts'
import { pagesBeside } from '../page/page-number.ts'
import { requireSession } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { type TimeOrder, timeLinks, timeOrders } from '../page/time-order.ts'
import { agedNote } from './aged-note.ts'
import { type AuditLine, auditLine, untitledStudies } from './audit-line.ts'
import { type DayRange, dayQueryOf } from './day-range.ts'
import { eventsForm } from './events-form.ts'

/** What differs between the pages that list events. */
type EventsPage<Asked extends DayRange> = {
  readonly path: string
  readonly title: string
  readonly table: {
    readonly path: string
    readonly fileName: string
  }
  /** The caller who reads them. Throws for anybody who may not. */
  readonly readerOf: (request: FastifyRequest, options: PageOptions) => Promise<Caller>
  readonly search: EventsSearch<Asked>
  /** The content above the form. */
  readonly head: (options: PageOptions, query: URLSearchParams) => Html | Promise<Html>
  /** What else is told of what was done, below that. */
  readonly more?: (line: AuditLine) => Html | undefined | false
  /** Whether it tells for which studies something was done. */
  readonly tellsStudies?: true
  /** The columns after when, who and what, by their headings. */
  readonly columns: Readonly<Record<string, (line: AuditLine) => Html>>
  /** The columns of the CSV after the outcome. */
  readonly csvColumns: Readonly<Record<string, (line: AuditLine) => string | undefined>>
}

/** A search for events, from an address that can be saved. */
export type EventsSearch<Asked extends DayRange> = {
  readonly askedIn: (query: URLSearchParams) => Asked
  readonly searchOf: (registry: Registry, asked: Asked) => Search
  readonly fieldsOf: (asked: Asked) => readonly Field[]
  /** Of what is asked for but is no choice each field says so, and nothing is searched. */
  readonly choicesOf: (asked: Asked) => readonly ChoiceField[]
}

/** A list of events, in pages, and all of them as a table to download. */
export const addEventsPage = <Asked extends DayRange>(
  server: FastifyInstance,
  options: PageOptions,
  page: EventsPage<Asked>,
): void => {
  const { path, title, table, readerOf, search, head } = page
  const telling = { ...options, tellsStudies: page.tellsStudies === true }
  const searchOf = (asked: Asked, order: ListOrder<TimeOrder>) =>
    inOrder(options.registry, search.searchOf(options.registry, asked), order)
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get(path, { onRequest: requireSession }, async (request, reply) => {
    const caller = await readerOf(request, options)
    const [asked, order] = [search.askedIn(queryOf(request)), orderIn(queryOf(request), orders)]
    const cursors = cursorsFor(caller)
    const { cursor, isFirst, note, titled } = listPlaceIn(queryOf(request), cursors, path)
    const store = options.openStoreFor(caller)
    const [fields, choices] = [search.fieldsOf(asked), search.choicesOf(asked)]
    const isUnread = choices.some(isWrong)
    const { lines, next } = isUnread
      ? { lines: [], next: undefined }
      : await findLines(telling, store, { ...searchOf(asked, order), count: 50, cursor })
    const again = queryOfAsked(asked, order)
    const isProblem = [...fields, ...choices, orderProblem(order)].some(isWrong)
    return sendStaffPage(reply, {
      title: titled(title),
      isWide: true,
      isProblem,
      content: html`${await head(options, queryOf(request))}
${eventsForm(path, fields, choices, order)}
${note}
${
  lines.length === 0
    ? !isUnread &&
      html`<p>${entriesOf(asked).length > 0 ? 'Nothing matches that. Ask for less, or for other days.' : 'Nothing is recorded yet.'}</p>`
    : listed(
        lines,
        page,
        whenHeading(order, other => `${path}?${queryOfAsked(asked, other)}`),
      )
}
${await agedNote(options.accounts.database)}
${pagesBeside('Pages', [next !== undefined && { href: `${path}?${again}${again && '&'}page=${cursors.seal({ path, query: again, page: next })}`, text: links[order.by].after }, !isFirst && { href: `${path}?${again}`, text: links[order.by].first }])}
${!isProblem && html`<p><a href="${table.path}?${again}">Download all of these as a table (CSV)</a></p>`}`,
    })
  })
  server.get(table.path, { onRequest: requireSession, config: { rateLimit } }, async (request, reply) => {
    const caller = await readerOf(request, options)
    const [asked, order] = [search.askedIn(queryOf(request)), orderIn(queryOf(request), orders)]
    const sorting = { label: 'Sort by', ...orderProblem(order) }
    const wrong = [...search.fieldsOf(asked), ...search.choicesOf(asked), sorting].filter(isWrong)
    // A table of days other than the ones asked for would be mistaken for these.
    if (wrong.length > 0)
      throw new FhirError('value', wrong.map(({ label, problem }) => `${label}: ${problem}`).join('; '))
    const store = readInTurn(options.openStoreFor(caller), request)
    letInWhile(request, async () => isSameCaller(caller, await readerOf(request, options)))
    return reply
      .type('text/csv; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-disposition', `attachment; filename="${table.fileName}"`)
      .send(
        Readable.from(whileLetIn(request, csvLines(telling, store, searchOf(asked, order), page.csvColumns)), {
          objectMode: false,
        }),
      )
  })
}

/** Each download reads everything that there is. */
const rateLimit = { max: 10, timeWindow: '1 minute' }

const orders = timeOrders()
const links = timeLinks()

/** Events come with the latest first if no order is asked for. */
const inOrder = (registry: Registry, search: Search, { by }: ListOrder<TimeOrder>): Search =>
  by === 'latest'
    ? search
    : { ...search, sort: parseSearch(registry, 'AuditEvent', new URLSearchParams({ _sort: '_lastUpdated' })).sort }

/** What is asked for; empty if it is nothing. There is always a time zone, whether or not any days are. */
const entriesOf = ({ problems, ...asked }: DayRange): readonly (readonly [string, string])[] =>
  Object.entries({ ...asked, ...dayQueryOf({ problems, ...asked }) }).filter(([, value]) => value !== '')

const queryOfAsked = (asked: DayRange, order: ListOrder<TimeOrder>): string =>
  new URLSearchParams([...entriesOf(asked), ...Object.entries(orderQuery(order))].map(([...pair]) => pair)).toString()

/** The heading of the column by which the table is sorted, with a link to the opposite order. */
const whenHeading = (
  { by, ...order }: ListOrder<TimeOrder>,
  addressOf: (order: ListOrder<TimeOrder>) => string,
): Html => {
  const other = by === 'latest' ? 'oldest' : 'latest'
  return html`<th scope="col" role="columnheader" aria-sort="${by === 'latest' ? 'descending' : 'ascending'}">When <a class="px-2" href="${addressOf({ by: other, ...order })}" title="${orders[other]}"><span aria-hidden="true">${by === 'latest' ? '↓' : '↑'}</span><span class="visually-hidden">${orders[other]}</span></a></th>`
}

type Telling = Pick<PageOptions, 'codeClasses' | 'registry'> & { readonly tellsStudies: boolean }

type Found = Pick<Page, 'entries'> & { readonly lines: readonly AuditLine[]; readonly next: string | undefined }

const findLines = async (
  { codeClasses, registry, tellsStudies }: Telling,
  store: Store,
  search: Search,
): Promise<Found> => {
  const { entries, next } = await store.search(search)
  const events = entries.map(({ content }): AuditEvent => JSON.parse(content))
  const titles = await titlesOf(tellsStudies ? untitledStudies(events) : [], registry, store)
  const telling = { words: english, classes: codeClasses, typeName: () => undefined, titles }
  return { entries, lines: events.map(event => auditLine(event, telling)), next }
}

/** By reference, of those that the reader may read. It is searched for, since not to be allowed to read one is no attempt of theirs. */
const titlesOf = async (
  references: readonly string[],
  registry: Registry,
  store: Store,
): Promise<ReadonlyMap<string, string>> => {
  if (references.length === 0) return new Map()
  const ids = references.map(reference => reference.slice('ResearchStudy/'.length)).join(',')
  const asked = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _id: ids, _count: '1000' }))
  const found = (await unlessRefused(() => store.search(asked)))?.entries ?? []
  const studies = found.map(({ content }): ResearchStudy => JSON.parse(content))
  return new Map(studies.flatMap(({ id, title }) => (title === undefined ? [] : [[`ResearchStudy/${id}`, title]])))
}

const english = wordsFor('en')

type Listed = Pick<EventsPage<DayRange>, 'columns' | 'more'>

/** On a phone each event stands by itself, its cells below each other; the roles keep it a table for whoever does not see it. */
const listed = (
  lines: readonly AuditLine[],
  { columns, more }: Listed,
  when: Html,
): Html => html`<div class="table-responsive mb-4" tabindex="0" role="region" aria-label="Events">
<table class="table align-middle events" role="table">
<caption class="visually-hidden">When who did what</caption>
<thead role="rowgroup"><tr role="row">${when}${['Who', 'What', ...Object.keys(columns)].map(heading => html`<th scope="col" role="columnheader">${heading}</th>`)}</tr></thead>
<tbody role="rowgroup">${lines.map(line => {
  const { recorded, did, what, isRefused, hasFailed } = line
  return html`<tr role="row">
<td role="cell">${moment(recorded)}</td>
<td role="cell">${whoText(line)}</td>
<td role="cell">${did}${what !== '' && `: ${what}`} ${isRefused && html`<span class="badge text-bg-secondary">${hasFailed ? 'failed' : 'refused'}</span>`}${more?.(line)}</td>
${Object.entries(columns).map(([heading, cell]) => html`<td role="cell" data-heading="${heading}">${cell(line)}</td>`)}
</tr>`
})}</tbody>
</table>
</div>`

const whoText = ({ who, isNamed, app }: AuditLine): Html => {
  if (who === undefined) return html`${app}`
  const person = isNamed ? who : html`Somebody without a name<br><span class="text-body-secondary">${who}</span>`
  return html`${person}${app !== undefined && html`<br><span class="text-body-secondary">${app}</span>`}`
}

const csvLines = async function* (
  telling: Telling,
  store: Store,
  search: Search,
  columns: EventsPage<DayRange>['csvColumns'],
): AsyncGenerator<string> {
  yield `${utf8Mark}${csv([['recorded', 'who', 'app', 'did', 'what', 'outcome', ...Object.keys(columns)]])}`
  const sent = openSent(search, store)
  let cursor: string | undefined
  do {
    const { entries, lines, next } = await findLines(telling, store, { ...search, count: 1000, cursor })
    sent.note(entries)
    if (next === undefined && cursor !== undefined) await sent.requireSeen()
    if (lines.length > 0) yield csv(lines.map(line => [...firstCells(line), ...cellsOf(columns, line)]))
    cursor = next
  } while (cursor !== undefined)
}

const firstCells = ({ recorded, who, app, did, what, isRefused, hasFailed }: AuditLine) => [
  recorded.toISOString(),
  who,
  app,
  did,
  what,
  hasFailed ? 'failed' : isRefused ? 'refused' : 'done',
]

const cellsOf = (columns: EventsPage<DayRange>['csvColumns'], line: AuditLine) =>
  Object.values(columns).map(cell => cell(line))
