import { queryOf } from '../http/presentation.ts'
import type { AddPage } from './add-page.ts'
import { field } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** The organizations that somebody looks after, and what there is to look after. */
export const organizationsPage: AddPage = (server, { administered }) => {
  server.get('/organizations', { onRequest: requireSession }, async (request, reply) => {
    const name = (queryOf(request).get('name') ?? '').trim().slice(0, 200)
    const { organizations, areMore } = await administered.list(sessionOf(request).person, name)
    return sendPage(reply, {
      title: 'Your organizations',
      signOut: { token: ownToken(reply) },
      content: html`<h1>Your organizations</h1>
${
  organizations.length === 0 && name === ''
    ? html`<p>You look after no organization. The managers of an organization do.</p>`
    : html`<p>What you do here holds for an organization itself; what is below it is listed by itself.</p>`
}
${
  (areMore || name !== '') &&
  html`<form method="get" action="/organizations">
${field({ name: 'name', label: 'Find one by its name', value: name, autocomplete: 'off', optional: true })}
<button class="btn btn-outline-primary">Find</button>
</form>`
}
${name !== '' && organizations.length === 0 && html`<p>None of yours has this in its name.</p>`}
<ul class="list-group list-group-flush mb-4">${organizations.map(
        one => html`<li class="list-group-item px-0 py-3">
<h2>${one.name}</h2>
${one.partOf && html`<p class="text-body-secondary">Part of ${one.partOf}</p>`}
<p><a href="/organizations/${one.id}/apps" aria-label="Apps and backend services of ${one.name}">Apps and backend services</a></p>
<p><a href="/organizations/${one.id}/ehrs" aria-label="EHRs that open Sharewell for ${one.name}">EHRs that open Sharewell</a></p>
</li>`,
      )}</ul>
${areMore && html`<p>There are more. Find them by their name.</p>`}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
}
