import type { AddPage } from './add-page.ts'
import { partsAsked } from './asked-scope.ts'
import { typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './page.ts'
import { sentenceOf } from './scope-sentence.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { moment } from './time.ts'

/** What somebody has granted to apps, and the way to end it. */
export const accountAppsPage: AddPage = (server, { codeClasses }) => {
  const { grantedApps, interactions } = server.authorization
  type App = Awaited<ReturnType<typeof grantedApps.list>>[number]

  const listed = async (person: string, app: App, token: string): Promise<Html> => {
    const { id, client, scopes, patient, study, isOffline, grantedAt, endsAt } = app
    const isOwn = patient === undefined || (await interactions.choices.only(person, client.id)) === patient
    const sentences = partsAsked(scopes).map(part => sentenceOf(part, isOwn ? 'your' : 'the patient’s', codeClasses))
    return html`<li class="list-group-item px-0 py-3">
<h2>${client.name}</h2>
<ul>${sentences.map(sentence => html`<li>${sentence}</li>`)}</ul>
<p class="text-body-secondary" id="at-${id}">Allowed ${moment(grantedAt)}${study !== undefined && ', for one study alone'}. It ends ${moment(endsAt)}${isOffline && ', and goes on while you are away'}.</p>
<form method="post" action="/account/apps"><input type="hidden" name="_csrf" value="${token}"><input type="hidden" name="app" value="${id}"><button class="btn btn-outline-primary" aria-label="End what ${client.name} may do" aria-describedby="at-${id}">End it</button></form>
</li>`
  }

  server.get('/account/apps', { onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const token = ownToken(reply)
    const apps = await grantedApps.list(person)
    return sendPage(reply, {
      title: 'Apps that you have allowed',
      signOut: { token },
      content: html`<h1>Apps that you have allowed</h1>
${
  apps.length === 0
    ? html`<p>No app may do anything in your name.</p>`
    : html`<p>What you end here ends at once. What an app has read already, it still has.</p>
<ul class="list-group list-group-flush mb-4">${await Promise.all(apps.map(app => listed(person, app, token)))}</ul>`
}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
  server.post('/account/apps', { onRequest: requireSession }, async (request, reply) => {
    await grantedApps.revoke(sessionOf(request).person, typed(request.body, 'app'))
    return reply.redirect('/account/apps', 303)
  })
}
