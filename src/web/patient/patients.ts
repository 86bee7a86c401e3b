import type { Patient } from '@medplum/fhirtypes'
import type { NamedOrganization } from '../../accounts/organization/administered-organizations.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import type { AddPage } from '../page/add-page.ts'
import { type Html, html } from '../page/html.ts'
import { orderIn } from '../page/list-order.ts'
import { listLinks, listPlaceIn } from '../page/list-place.ts'
import { officerText } from '../page/officer-text.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { staffCallerOf } from '../page/staff-caller.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { patientUrl } from './patient-back.ts'
import {
  askedIn,
  canBeRead,
  findAsked,
  isNarrowed,
  patientLine,
  patientOrders,
  patientSearchForm,
  queryOfAsked,
} from './patient-search.ts'

/** Finds patients, as far as the person may see them, and leads to registering others. */
export const patientsPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get('/patients', { onRequest: requireSession }, async (request, reply) => {
    const caller = await staffCallerOf(request, options)
    const query = queryOf(request)
    const asked = askedIn(query)
    const order = orderIn(query, patientOrders)
    const cursors = cursorsFor(caller)
    const { cursor, isFirst, note, titled } = listPlaceIn(query, cursors, '/patients')
    const { patients, next } = await findAsked(options, caller, asked, { order: order.by, cursor })
    const { person } = sessionOf(request)
    const registers = (await options.registering.organizations(person)).length > 0
    const closed = registers ? [] : await options.registering.closed(person)
    const again = queryOfAsked(asked, order)
    const nextPage = next && cursors.seal({ path: '/patients', query: again, page: next })
    return sendStaffPage(reply, {
      title: titled('Patients'),
      isWide: true,
      isProblem: !canBeRead(asked, options) || order.problem !== undefined,
      content: html`<h1>Patients</h1>
${registers && registerLinks}
${closed.length > 0 && closedText(closed)}
<h2>Find patients</h2>
${patientSearchForm(options, '/patients', asked, order)}
${
  canBeRead(asked, options) &&
  html`<h2 class="mt-4">${isNarrowed(asked) ? 'Found' : 'All that you can see'}</h2>
${note}
${patients.length === 0 ? html`<p>${emptyText(isNarrowed(asked), { registers, isOfficer: request.standing?.officer })}</p>` : listed(patients, request.url)}`
}
${listLinks('/patients', again, { nextPage, isFirst, more: 'More patients' })}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
}

/** `here`: the address of this page of the list. */
const listed = (patients: readonly Patient[], here: string): Html =>
  html`<ul class="list-group list-group-flush mb-4">${patients.map(patient => html`<li class="list-group-item px-0"><a href="${patientUrl(patient.id ?? '', here)}">${patientLine(patient)}</a></li>`)}</ul>`

const registerLinks: Html = html`<div class="d-flex flex-wrap gap-2 mb-4">
<a class="btn btn-primary" href="/patients/new">Register a patient</a>
<a class="btn btn-outline-primary" href="/patients/imports">Register a list of patients</a>
</div>`

/** Nobody is registered in a closed organization, and the reader may register in no other. */
const closedText = (closed: readonly NamedOrganization[]): Html =>
  html`<p>No patient can be registered now, since ${wordsFor('en').list(closed.map(({ name }) => name))} ${closed.length === 1 ? 'is' : 'are'} closed. A manager of the organization above, or an administrator of this installation, reopens it.</p>`

type Reader = { readonly registers: boolean; readonly isOfficer: boolean | undefined }

const emptyText = (isAsked: boolean, { registers, isOfficer = false }: Reader): Html | string => {
  if (isAsked) return 'Nobody that you can see matches that. Enter less, or check the spelling.'
  return registers
    ? 'There are no patients yet. Register the first.'
    : html`There is nobody that you can see. Members of an organization see the patients it has registered. Patients who share with you for their treatment are on another page: <a href="/shared">Shared with me</a>.${isOfficer && officerText}`
}
