import { tell } from '../../accounts/tell.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'

/** Which users of EHRs are signed in to this account, and how to end that. */
export const accountEhrsPage: AddPage = (server, { accounts, ehrLaunches: { arrivals } }) => {
  server.get('/account/ehrs', { onRequest: requireSession }, async (request, reply) => {
    const users = await arrivals.usersOf(sessionOf(request).person)
    const token = ownToken(reply)
    const words = wordsOf(request)
    const { say } = words
    return sendTranslatedPage(reply, words, {
      title: say('ehrs.title'),
      content: html`<h1>${say('ehrs.title')}</h1>
${queryOf(request).get('done') === 'unlinked' && notice('done', html`<p>${say('ehrs.unlinked')}</p>`)}
${
  users.length === 0
    ? html`<p>${say('ehrs.none')}</p>`
    : html`<p>${say('ehrs.text')}</p>
<ul class="list-group list-group-flush mb-4">${users.map(
        ({ issuer, subject }) => html`<li class="list-group-item px-0 py-3">
<strong>${new URL(issuer).host}</strong>
<p class="text-body-secondary">${say('ehrs.user', { user: subject })}</p>
${postForm({ action: '/account/ehrs', token, hidden: { issuer } }, html`<button class="btn btn-outline-primary" aria-label="${say('ehrs.unlink-one', { host: new URL(issuer).host })}">${say('ehrs.unlink')}</button>`)}
</li>`,
      )}</ul>`
}
<p><a href="/account">${say('own.back')}</a></p>`,
    })
  })
  server.post('/account/ehrs', { onRequest: requireSession }, async (request, reply) => {
    const { person, id } = sessionOf(request)
    const issuer = typed(request.body, 'issuer')
    if (!(await arrivals.unlink(person, issuer, id))) return reply.redirect('/account/ehrs', 303)
    await tell(accounts, person, { kind: 'unlinked', institution: new URL(issuer).host })
    return reply.redirect('/account/ehrs?done=unlinked', 303)
  })
}
