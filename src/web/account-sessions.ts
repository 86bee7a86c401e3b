import { endSession, endSessions, type Session, sessionsOf } from '../storage/account/session.ts'
import type { AddPage } from './add-page.ts'
import { typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { moment } from './time.ts'

/** Where somebody is signed in, and the way to end it there. */
export const accountSessionsPage: AddPage = (server, { accounts: { database } }) => {
  server.get('/account/sessions', { onRequest: requireSession }, async (request, reply) => {
    const own = sessionOf(request)
    const sessions = await sessionsOf(database, own.person)
    const token = ownToken(reply)
    return sendPage(reply, {
      title: 'Where you are signed in',
      signOut: { token },
      content: html`<h1>Where you are signed in</h1>
<p>If you do not know one of these, sign it out and choose a new password.</p>
<ul class="list-group list-group-flush mb-4">${sessions.map(one => listed(one, { isOwn: one.id === own.id, token }))}</ul>
${sessions.length > 1 && html`<form method="post" action="/account/sessions/end-others"><input type="hidden" name="_csrf" value="${token}"><button class="btn btn-primary">Sign out everywhere else</button></form>`}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
  server.post('/account/sessions', { onRequest: requireSession }, async (request, reply) => {
    await endSession(database, sessionOf(request).person, typed(request.body, 'session'))
    return reply.redirect('/account/sessions', 303)
  })
  server.post('/account/sessions/end-others', { onRequest: requireSession }, async (request, reply) => {
    const { person, id } = sessionOf(request)
    await endSessions(database, person, id)
    return reply.redirect('/account/sessions', 303)
  })
}

const listed = (
  { id, device, signedInAt, frame }: Session,
  { isOwn, token }: { isOwn: boolean; token: string },
): Html => html`<li class="list-group-item px-0 py-3">
<strong>${device}</strong>${isOwn && ' (this browser)'}
<p class="text-body-secondary" id="at-${id}">Signed in ${moment(signedInAt)}${frame && `, within a page of ${new URL(frame.issuer).host}`}</p>
${!isOwn && html`<form method="post" action="/account/sessions"><input type="hidden" name="_csrf" value="${token}"><input type="hidden" name="session" value="${id}"><button class="btn btn-outline-primary" aria-label="Sign out ${device}" aria-describedby="at-${id}">Sign out</button></form>`}
</li>`
