import { Readable } from 'node:stream'
import type { AuditEvent } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../access/caller.ts'
import { queryOf } from '../http/presentation.ts'
import { openCursors } from '../interactions/cursor.ts'
import { wordsFor } from '../messages/catalogue.ts'
import { csv, utf8Mark } from '../operations/csv.ts'
import type { AddPage, PageOptions } from './add-page.ts'
import { type AuditLine, auditLine } from './audit-line.ts'
import { type AuditAsked, auditAskedIn, auditFields, auditForm, queryOfAudit, searchOfAudit } from './audit-search.ts'
import { html } from './html.ts'
import { notFound, sendOwn } from './organizing.ts'
import { requireSession } from './signed-in.ts'
import { staffOf } from './staff.ts'
import { moment } from './time.ts'

/** Privacy officers see what was done in their organizations, and take it along as a table. */
export const auditPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get(path, { onRequest: requireSession }, async (request, reply) => {
    const caller = await officerOf(request, options)
    const asked = auditAskedIn(queryOf(request))
    const cursors = cursorsFor(caller)
    const at = queryOf(request).get('page')
    const cursor = at === null ? undefined : cursors.open(at, path).page
    const { lines, next } = await findLines(options, caller, asked, { count: 50, cursor })
    const again = queryOfAudit(asked)
    const fields = auditFields(asked)
    return sendOwn(reply, {
      title: 'Audit',
      isWide: true,
      isProblem: fields.some(({ problem }) => problem !== undefined),
      content: html`<h1>Audit</h1>
<p>What was read, looked for and changed in your organizations, and who was refused, the latest first. It is here within a second.</p>
${auditForm(path, asked, fields)}
${lines.length === 0 ? html`<p>There is nothing like this. Ask for less, or for other days.</p>` : table(lines)}
<p>${next !== undefined && html`<a href="${path}?${again}${again && '&'}page=${cursors.seal({ path, query: again, page: next })}">Earlier ones</a> `}${at !== null && html`<a href="${path}?${again}">Back to the latest</a>`}</p>
<p><a href="${path}/events.csv?${again}" download>Download all of these as a table (CSV)</a></p>`,
    })
  })
  server.get(`${path}/events.csv`, { onRequest: requireSession, config: { rateLimit } }, async (request, reply) => {
    const caller = await officerOf(request, options)
    const asked = auditAskedIn(queryOf(request))
    return reply
      .type('text/csv; charset=utf-8')
      .header('cache-control', 'no-store')
      .header('content-disposition', 'attachment; filename="audit.csv"')
      .send(Readable.from(csvLines(options, caller, asked), { objectMode: false }))
  })
}

const path = '/audit'

/** Each reads all that there is. */
const rateLimit = { max: 10, timeWindow: '1 minute' }

const officerOf = async (request: FastifyRequest, options: PageOptions): Promise<Caller> =>
  request.standing?.officer === true ? staffOf(request, options) : notFound()

type PageAsked = { readonly count: number; readonly cursor: string | undefined }

const findLines = async (
  { registry, openStoreFor, codeClasses }: PageOptions,
  caller: Caller,
  asked: AuditAsked,
  page: PageAsked,
): Promise<{ readonly lines: readonly AuditLine[]; readonly next: string | undefined }> => {
  const { entries, next } = await openStoreFor(caller).search({ ...searchOfAudit(registry, asked), ...page })
  const telling = { words: english, classes: codeClasses, typeName: () => undefined }
  const events = entries.map(({ content }): AuditEvent => JSON.parse(content))
  return { lines: events.map(event => auditLine(event, telling)), next }
}

const english = wordsFor('en')

const table = (
  lines: readonly AuditLine[],
) => html`<div class="table-responsive mb-4" tabindex="0" role="region" aria-label="Events">
<table class="table align-middle">
<thead><tr><th scope="col">When</th><th scope="col">Who</th><th scope="col">What</th><th scope="col">Patients</th><th scope="col">Study</th><th scope="col">Search</th></tr></thead>
<tbody>${lines.map(
  ({ recorded, who, app, did, what, patients, study, query, isRefused }) => html`<tr>
<td>${moment(recorded)}</td>
<td>${who ?? app}${who !== undefined && app !== undefined && html`<br><span class="text-body-secondary">${app}</span>`}</td>
<td>${did}${what !== '' && `: ${what}`} ${isRefused && html`<span class="badge text-bg-secondary">refused</span>`}</td>
<td>${patientsText(patients)}</td>
<td>${study}</td>
<td class="text-break">${query}</td>
</tr>`,
)}</tbody>
</table>
</div>`

const patientsText = (patients: readonly string[]): string =>
  patients.length > fewPatients
    ? `${patients.slice(0, fewPatients).join(', ')} and ${patients.length - fewPatients} more`
    : patients.join(', ')

const fewPatients = 3

const csvLines = async function* (options: PageOptions, caller: Caller, asked: AuditAsked): AsyncGenerator<string> {
  yield `${utf8Mark}${csv([columns])}`
  let cursor: string | undefined
  do {
    const { lines, next } = await findLines(options, caller, asked, { count: 1000, cursor })
    if (lines.length > 0) yield csv(lines.map(toCells))
    cursor = next
  } while (cursor !== undefined)
}

const columns = ['recorded', 'who', 'app', 'did', 'what', 'outcome', 'patients', 'study', 'consents', 'search']

const toCells = ({ recorded, who, app, did, what, isRefused, patients, study, consents, query }: AuditLine) => [
  recorded.toISOString(),
  who,
  app,
  did,
  what,
  isRefused ? 'refused' : 'done',
  patients.join(' '),
  study,
  consents.join(' '),
  query,
]
