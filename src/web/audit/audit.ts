import type { AddPage } from '../page/add-page.ts'
import { html } from '../page/html.ts'
import { notFound } from '../page/not-found.ts'
import { staffCallerOf } from '../page/staff-caller.ts'
import { auditSearch } from './audit-search.ts'
import { addEventsPage } from './events-page.ts'

/** Privacy officers see what was done in their organizations, and can download it as a table. */
export const auditPage: AddPage = (server, options) =>
  addEventsPage(server, options, {
    path: '/audit',
    title: 'Audit',
    table: { path: '/audit/events.csv', fileName: 'audit.csv' },
    readerOf: async (request, options) =>
      request.standing?.officer === true ? staffCallerOf(request, options) : notFound(),
    search: auditSearch,
    head: () => html`<h1>Audit</h1>
<p>What was read, searched for and changed in your organizations, and who was refused, the latest first. New events appear within a second.</p>`,
    links: { next: 'Earlier', first: 'Back to the latest' },
    columns: {
      Patients: ({ patients }) => html`<td>${patientsText(patients)}</td>`,
      Study: ({ study }) => html`<td>${study}</td>`,
      Search: ({ query }) => html`<td class="text-break">${query}</td>`,
    },
    csvColumns: {
      patients: ({ patients }) => patients.join(' '),
      study: ({ study }) => study,
      consents: ({ consents }) => consents.join(' '),
      search: ({ query }) => query,
    },
  })

const patientsText = (patients: readonly string[]): string =>
  patients.length > fewPatients
    ? `${patients.slice(0, fewPatients).join(', ')} and ${patients.length - fewPatients} more`
    : patients.join(', ')

const fewPatients = 3
