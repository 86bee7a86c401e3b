import { nameOfPerson } from '../accounts/person.ts'
import { queryOf } from '../http/presentation.ts'
import { callerOfSession } from '../storage/account/session.ts'
import { patientsOf } from '../storage/token.ts'
import { findAccountOf } from '../storage/user-account.ts'
import type { AddPage } from './add-page.ts'
import { form, notice } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** What belongs to whoever is signed in. */
export const accountPage: AddPage = (server, { accounts, ehrLaunches, sso }) => {
  server.get('/account', { onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const account = await findAccountOf(accounts.database, person)
    const caller = await callerOfSession(accounts.database, sessionOf(request))
    const own = await server.authorization.interactions.choices.only(person, pagesClient)
    const done = doneTexts[queryOf(request).get('done') ?? '']
    return sendPage(reply, {
      title: 'Your account',
      signOut: { token: ownToken(reply) },
      content: html`<h1>Your account</h1>
${done && notice('done', html`<p>${done}</p>`)}
<dl>
<dt>Name</dt><dd>${await nameOfPerson(accounts.openStoreAs, person)}</dd>
<dt>E-mail address</dt><dd>${account?.email}</dd>
</dl>
<ul class="list-unstyled mt-4">
${own && html`<li><a href="/patients/${own}">See your own record</a></li>`}
${(await patientsOf(accounts.database, person)).length > 0 && html`<li><a href="/sharing">See what you share, and with whom</a></li>`}
<li><a href="/account/name">Change your name</a></li>
<li><a href="/account/email">Change your e-mail address</a></li>
<li><a href="/account/password">Change your password</a></li>
<li><a href="/account/second-factor">Protect your account with a second factor</a></li>
<li><a href="/account/apps">See which apps you have allowed</a></li>
<li><a href="/account/sessions">See where you are signed in</a></li>
${sso && html`<li><a href="/account/institution">See whether ${sso.institution} signs you in</a></li>`}
${(await ehrLaunches.arrivals.usersOf(person)).length > 0 && html`<li><a href="/account/ehrs">See which EHRs sign you in</a></li>`}
${caller?.practitioner && html`<li><a href="/studies">See your studies</a></li>`}
${caller?.practitioner && html`<li><a href="/patients">Find and register patients</a></li>`}
${(caller?.practitioner || caller?.administrator) && html`<li><a href="/organizations">See your organizations</a></li>`}
</ul>
${account?.isVerified === false && accounts.mail && unverified(ownToken(reply))}`,
    })
  })
}

/** By which this server's own pages are known. */
const pagesClient = 'pages'

const unverified = (token: string): Html => html`<h2>Confirm your e-mail address</h2>
<p>We do not know yet whether this e-mail address is yours. Until you confirm it, we cannot help you by e-mail if you forget your password.</p>
${form({ action: '/account/verification', token, fields: [], button: 'Send me an e-mail' })}`

/** What the form that led here has done. */
const doneTexts: Readonly<Record<string, string>> = {
  account: 'Your account is ready, and you are signed in.',
  linked: 'Your account is linked to your institution’s.',
  name: 'Your name is saved.',
  password: 'Your new password is saved, and you are signed out everywhere else.',
  email: 'Your new e-mail address is saved. Sign in with it from now on.',
  verified: 'Your e-mail address is confirmed.',
}
