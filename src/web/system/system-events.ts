import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { type ChainState, readChainState } from '../../storage/audit/seal/chain-state.ts'
import { callerOfPerson } from '../../storage/authorization/token.ts'
import { addEventsPage } from '../audit/events-page.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { administratorOf } from '../page/shown-organization.ts'
import { moment } from '../page/time.ts'
import { systemEventsSearch } from './system-events-search.ts'

/** What administrators see of who did what: events that concern no patient, and no data of one; and whether the chain of records is intact. */
export const systemEventsPage: AddPage = (server, options) =>
  addEventsPage(server, options, {
    path: '/system/events',
    title: 'Events',
    table: { path: '/system/events.csv', fileName: 'events.csv' },
    readerOf,
    search: systemEventsSearch,
    head: async ({ accounts }) => html`<p><a href="/system">System</a></p>
<h1>Events</h1>
<p>Sign-ins of those who work here, accounts, organizations, apps and their keys, the configuration, backups that were recorded, and who was refused. New events appear within a second. What concerns a patient, or anybody’s data, is for the patient and for privacy officers, and is not shown here.</p>
${chain(await readChainState(accounts.database))}`,
    columns: {
      About: ({ about }) => html`${about.map((one, index) => html`${index > 0 && ', '}${named(one)}`)}`,
    },
    csvColumns: { about: ({ about }) => about.join(' ') },
  })

const readerOf = async (request: FastifyRequest, options: PageOptions): Promise<Caller> => {
  const { person } = await administratorOf(request, options)
  return callerOfPerson(options.accounts.database, { person, client: 'pages', scope: 'user/AuditEvent.rs' })
}

const chain = ({ sealed, isLate, verified }: ChainState): Html => html`<details class="mb-4">
<summary>The record is ${isLate ? 'not sealed in time' : 'sealed in time'}, and was ${verified === undefined ? 'never verified' : html`last verified ${moment(verified.at)}: ${verified.isWhole ? 'it was whole' : 'it was not whole'}`}.</summary>
<p>${isLate ? 'Something has been waiting for its seal for more than a minute: see what the log says about it.' : 'Nothing has been waiting for its seal for more than a minute.'}
${sealed === undefined ? 'No seal is older than this hour.' : html`As the hour began, ${moment(sealed.at)}, the newest seal was <code class="text-break">${sealed.head}</code>; the log has one for each hour.`}
<code>sharewell audit verify</code> computes all of it again, and says whether any of it was changed or removed.</p>
</details>`

/** References with a page of their own link to it. */
const named = (reference: string): Html | string =>
  reference.startsWith('Organization/')
    ? html`<a href="/organizations/${reference.slice('Organization/'.length)}">${reference}</a>`
    : reference
