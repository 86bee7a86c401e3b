import { wordsFor } from '../messages/catalogue.ts'
import { endSessions } from '../storage/account/session.ts'
import { findAccountOf } from '../storage/user-account.ts'
import type { AddPage } from './add-page.ts'
import { form } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { ssoLink } from './sso-link.ts'

/** Whether the institution signs somebody in here, and the way to end it. */
export const accountInstitutionPage: AddPage = (server, { sso, accounts: { database } }) => {
  if (sso === undefined) return
  const { institution, arrivals } = sso
  const linked = (
    subjects: readonly string[],
    hasPassword: boolean,
    token: string,
  ): Html => html`<p>Whoever signs in at ${institution} as ${subjects.map(subject => html`<strong>${subject}</strong> `)}is signed in here as you.</p>
${
  hasPassword
    ? html`<p>If you unlink it, you sign in with your password, and all other browsers are signed out.</p>
${form({ action: '/account/institution', token, fields: [], button: 'Unlink it' })}`
    : html`<p>It is the only way into your account: you have no password. To unlink it, <a href="/forgotten-password">choose a password</a> first.</p>`
}`
  const unlinked = html`<p>Your account is not linked to ${institution}. Sign in there with an account that has the same e-mail address as yours here; then we ask you whether to link the two.</p>
${ssoLink(wordsFor('en'), institution, { continue: '/account/institution' })}`

  server.get('/account/institution', { onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const token = ownToken(reply)
    const subjects = await arrivals.subjectsOf(person)
    const account = await findAccountOf(database, person)
    const title = `Sign-in at ${institution}`
    return sendPage(reply, {
      title,
      signOut: { token },
      content: html`<h1>${title}</h1>
${subjects.length === 0 ? unlinked : linked(subjects, account?.password !== undefined, token)}
<p><a href="/account">Back to your account</a></p>`,
    })
  })
  server.post('/account/institution', { onRequest: requireSession }, async (request, reply) => {
    const { person, id } = sessionOf(request)
    if (await arrivals.unlink(person)) await endSessions(database, person, id)
    return reply.redirect('/account/institution', 303)
  })
}
