import { tell } from '../accounts/tell.ts'
import { endSessions } from '../storage/account/session.ts'
import type { AddPage } from './add-page.ts'
import { typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** Which users of EHRs are signed in here as whoever is signed in, and the way to end it. */
export const accountEhrsPage: AddPage = (server, { accounts, ehrLaunches: { arrivals } }) => {
  server.get('/account/ehrs', { onRequest: requireSession }, async (request, reply) => {
    const users = await arrivals.usersOf(sessionOf(request).person)
    const token = ownToken(reply)
    return sendPage(reply, {
      title: 'EHRs that sign you in',
      signOut: { token },
      content: html`<h1>EHRs that sign you in</h1>
${
  users.length === 0
    ? html`<p>No EHR signs you in here.</p>`
    : html`<p>If you do not know one of these, unlink it and choose a new password. All other browsers are signed out then.</p>
<ul class="list-group list-group-flush mb-4">${users.map(
        ({ issuer, subject }) => html`<li class="list-group-item px-0 py-3">
<strong>${new URL(issuer).host}</strong>
<p class="text-body-secondary">Its user “${subject}” is signed in here as you.</p>
<form method="post" action="/account/ehrs"><input type="hidden" name="_csrf" value="${token}"><input type="hidden" name="issuer" value="${issuer}"><button class="btn btn-outline-primary" aria-label="Unlink ${new URL(issuer).host}">Unlink it</button></form>
</li>`,
      )}</ul>`
}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
  server.post('/account/ehrs', { onRequest: requireSession }, async (request, reply) => {
    const { person, id } = sessionOf(request)
    const issuer = typed(request.body, 'issuer')
    if (await arrivals.unlink(person, issuer)) {
      await endSessions(accounts.database, person, id)
      await tell(accounts, person, { kind: 'unlinked', institution: new URL(issuer).host })
    }
    return reply.redirect('/account/ehrs', 303)
  })
}
