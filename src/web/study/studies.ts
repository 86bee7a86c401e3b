import type { ResearchStudy } from '@medplum/fhirtypes'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import { organizationsForStudies } from '../../studies/definition/study-change.ts'
import { statusText } from '../../studies/definition/study-status.ts'
import type { AddPage } from '../page/add-page.ts'
import { copyButton, copyScript } from '../page/copy-button.ts'
import { html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { titleOf } from '../study-settings/study-changing.ts'

/** The studies in which somebody works, that belong to their organization, or that they manage from above. */
export const studiesPage: AddPage = (server, options) => {
  const { accounts, registry, openStoreFor } = options
  const cursorsFor = openCursors(accounts.secretKey)
  server.get('/studies', { onRequest: requireSession }, async (request, reply) => {
    const caller = await callerOfSession(accounts.database, sessionOf(request))
    if (caller?.practitioner === undefined) return reply.redirect('/account', 303)
    const cursors = cursorsFor(caller)
    const next = queryOf(request).get('page')
    const cursor = next === null ? undefined : cursors.open(next, '/studies').page
    const asked = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _sort: 'title', _count: '50' }))
    const found = await openStoreFor(caller).search({ ...asked, cursor })
    const studies = found.entries.map(({ content }): ResearchStudy => JSON.parse(content))
    const organizations = await organizationsForStudies(options, sessionOf(request).person)
    return sendStaffPage(reply, {
      title: 'Studies',
      content: html`<h1>Studies</h1>
${
  studies.length === 0
    ? html`<p>There are no studies that you can see. A study is shown to members of its organization, to its staff, and to managers of organizations above.</p>`
    : html`<ul class="list-group list-group-flush mb-4">${studies.map(study => html`<li class="list-group-item px-0 py-3"><a href="/studies/${study.id}">${titleOf(study)}</a> <span class="text-body-secondary">${statusText(study)}</span></li>`)}</ul>`
}
${found.next !== undefined && html`<p><a href="/studies?page=${cursors.seal({ path: '/studies', query: '', page: found.next })}">More studies</a></p>`}
${
  organizations.length > 0 &&
  html`<h2>Create a study</h2>
<ul>${organizations.slice(0, mostOrganizations).map(({ id, name }) => html`<li><a href="/organizations/${id}/studies/new">A new study of ${name}</a></li>`)}</ul>
${organizations.length > mostOrganizations && html`<p>For another of your organizations, find it in the <a href="/organizations">list</a> and create the study from its page.</p>`}`
}
<h2>Work in a study of another organization</h2>
<p>Give your code to whoever leads it, so that they can add you to its staff: <code id="own-code">${caller.practitioner}</code> ${copyButton('own-code', 'your code')}</p>
${copyScript}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
}

/** A manager at the top may create one in each organization of the tree. */
const mostOrganizations = 20
