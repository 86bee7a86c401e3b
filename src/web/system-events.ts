import { Readable } from 'node:stream'
import type { AuditEvent } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { queryOf } from '../http/presentation.ts'
import { openCursors } from '../interactions/cursor.ts'
import { wordsFor } from '../messages/catalogue.ts'
import { csv, utf8Mark } from '../operations/csv.ts'
import { type ChainState, readChainState } from '../storage/audit/chain-state.ts'
import { callerOfPerson } from '../storage/token.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { type AuditLine, auditLine } from './audit-line.ts'
import { type Html, html } from './html.ts'
import { administratorOf, sendOwn } from './organizing.ts'
import { requireSession } from './signed-in.ts'
import {
  queryOfSystemEvents,
  type SystemEventsAsked,
  searchOfSystemEvents,
  systemEventsAskedIn,
  systemEventsFields,
  systemEventsForm,
} from './system-events-search.ts'
import { moment } from './time.ts'

/** What administrators are shown of who did what: what concerns no patient, and no data of one; and how the chain of it stands. */
export const systemEventsPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get(path, { onRequest: requireSession }, async (request, reply) => {
    const caller = await readerOf(request, options)
    const asked = systemEventsAskedIn(queryOf(request))
    const cursors = cursorsFor(caller)
    const at = queryOf(request).get('page')
    const cursor = at === null ? undefined : cursors.open(at, path).page
    const { lines, next } = await findLines(options, caller, asked, { count: 50, cursor })
    const again = queryOfSystemEvents(asked)
    const fields = systemEventsFields(asked)
    return sendOwn(reply, {
      title: 'Events',
      isWide: true,
      isProblem: fields.some(({ problem }) => problem !== undefined),
      content: html`<p><a href="/system">System</a></p>
<h1>Events</h1>
<p>Sign-ins of those who work here, accounts, organizations, apps and their keys, the configuration, and who was refused. It is here within a second. What concerns a patient, or anybody’s data, is for the patient and for privacy officers, and is not among it.</p>
${chain(await readChainState(options.accounts.database))}
${systemEventsForm(path, asked, fields)}
${lines.length === 0 ? html`<p>There is nothing like this. Ask for less, or for other days.</p>` : table(lines)}
<p>${next !== undefined && html`<a href="${path}?${again}${again && '&'}page=${cursors.seal({ path, query: again, page: next })}">More</a> `}${at !== null && html`<a href="${path}?${again}">Back to the first</a>`}</p>
<p><a href="${path}.csv?${again}" download>Download all of these as a table (CSV)</a></p>`,
    })
  })
  server.get(`${path}.csv`, { onRequest: requireSession, config: { rateLimit } }, async (request, reply) => {
    const caller = await readerOf(request, options)
    const asked = systemEventsAskedIn(queryOf(request))
    return reply
      .type('text/csv; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-disposition', 'attachment; filename="events.csv"')
      .send(Readable.from(csvLines(options, caller, asked), { objectMode: false }))
  })
}

const path = '/system/events'

/** Each reads all that there is. */
const rateLimit = { max: 10, timeWindow: '1 minute' }

const readerOf = async (request: FastifyRequest, options: PageOptions): Promise<Caller> => {
  const { person } = await administratorOf(request, options)
  return callerOfPerson(options.accounts.database, { person, client: 'pages', scope: 'user/AuditEvent.rs' })
}

type PageAsked = { readonly count: number; readonly cursor: string | undefined }

const findLines = async (
  { registry, openStoreFor, codeClasses }: PageOptions,
  caller: Caller,
  asked: SystemEventsAsked,
  page: PageAsked,
): Promise<{ readonly lines: readonly AuditLine[]; readonly next: string | undefined }> => {
  const { entries, next } = await openStoreFor(caller).search({ ...searchOfSystemEvents(registry, asked), ...page })
  const telling = { words: wordsFor('en'), classes: codeClasses, typeName: () => undefined }
  const events = entries.map(({ content }): AuditEvent => JSON.parse(content))
  return { lines: events.map(event => auditLine(event, telling)), next }
}

const chain = ({ sealed, isLate, verified }: ChainState): Html => html`<details class="mb-4">
<summary>The record is ${isLate ? 'not sealed in time' : 'sealed in time'}, and was ${verified === undefined ? 'never verified' : html`last verified ${moment(verified.at)}: ${verified.isWhole ? 'it was whole' : 'it was not whole'}`}.</summary>
<p>${isLate ? 'Something waits for its seal for more than a minute: see what the log says of it.' : 'Nothing waits for its seal for more than a minute.'}
${sealed === undefined ? 'No seal is older than this hour.' : html`As the hour began, ${moment(sealed.at)}, the newest seal was <code class="text-break">${sealed.head}</code>; the log has one for each hour.`}
<code>sharewell audit verify</code> computes all of it anew, and says what of it was changed or removed.</p>
</details>`

const table = (
  lines: readonly AuditLine[],
): Html => html`<div class="table-responsive mb-4" tabindex="0" role="region" aria-label="Events">
<table class="table align-middle">
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">About</th></tr></thead>
<tbody>${lines.map(
  ({ recorded, who, app, did, what, about, isRefused }) => html`<tr>
<td>${moment(recorded)}</td>
<td>${who ?? app}${who !== undefined && app !== undefined && html`<br><span class="text-body-secondary">${app}</span>`}</td>
<td>${did}${what !== '' && `: ${what}`} ${isRefused && html`<span class="badge text-bg-secondary">refused</span>`}</td>
<td>${about.map((one, index) => html`${index > 0 && ', '}${named(one)}`)}</td>
</tr>`,
)}</tbody>
</table>
</div>`

/** What has a page of its own leads there. */
const named = (reference: string): Html | string =>
  reference.startsWith('Organization/')
    ? html`<a href="/organizations/${reference.slice('Organization/'.length)}">${reference}</a>`
    : reference

const csvLines = async function* (
  options: PageOptions,
  caller: Caller,
  asked: SystemEventsAsked,
): AsyncGenerator<string> {
  yield `${utf8Mark}${csv([columns])}`
  let cursor: string | undefined
  do {
    const { lines, next } = await findLines(options, caller, asked, { count: 1000, cursor })
    if (lines.length > 0) yield csv(lines.map(toCells))
    cursor = next
  } while (cursor !== undefined)
}

const columns = ['recorded', 'who', 'app', 'did', 'what', 'outcome', 'about']

const toCells = ({ recorded, who, app, did, what, isRefused, about }: AuditLine) => [
  recorded.toISOString(),
  who,
  app,
  did,
  what,
  isRefused ? 'refused' : 'done',
  about.join(' '),
]
