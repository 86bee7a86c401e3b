import type { AddPage } from '../page/add-page.ts'
import { notice } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
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
    head: (_, query) => html`<h1>Audit</h1>
${query.get('done') === 'joined' && notice('done', html`<p>You have joined the organization, and are one of its privacy officers.</p>`)}
<p>What was read, searched for and changed in your organizations, and who was refused. New events appear within a second.</p>`,
    tellsStudies: true,
    more: ({ study, studies, query }) =>
      html`${study !== undefined && html`<br>${studyText(study, studies)}`}${query && html`<br><span class="text-body-secondary">${query}</span>`}`,
    columns: { Patients: ({ patients }) => patientsText(patients) },
    csvColumns: {
      patients: ({ patients }) => patients.join(' '),
      study: ({ study, studies }) => study || studies.join(' '),
      consents: ({ consents }) => consents.join(' '),
      search: ({ query }) => query,
    },
  })

/** Leads to everything that was done for it, if it is one. */
const studyText = (titles: string, studies: readonly string[]): Html => {
  const text = titles === '' ? 'for a study' : `for the study ${titles}`
  const [reference = '', ...others] = studies
  const asked = new URLSearchParams({ study: reference.slice('ResearchStudy/'.length) })
  return reference === '' || others.length > 0 ? html`${text}` : html`<a href="/audit?${asked.toString()}">${text}</a>`
}

/** Each leads to everything that names the same record. */
const patientsText = (patients: readonly string[]): Html => {
  const shown = patients.slice(0, fewPatients)
  return html`${shown.map((id, index) => html`${index > 0 && ', '}<a href="/audit?${new URLSearchParams({ patient: id }).toString()}">${id}</a>`)}${patients.length > fewPatients && ` and ${patients.length - fewPatients} more`}`
}

const fewPatients = 3
