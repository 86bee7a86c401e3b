import type { FastifyRequest } from 'fastify'
import type { Accounts } from '../../accounts/accounts.ts'
import { nameOfPerson } from '../../accounts/person.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import { findWaitingStudies } from '../../studies/consent/waiting-answer.ts'
import type { AddPage } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { staffWaiting } from './staff-waiting.ts'

/** Everything about the account of the person who is signed in. */
export const accountPage: AddPage = (server, options) => {
  const { accounts, ehrLaunches, sso } = options
  server.get('/account', { onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const account = await findAccountOf(accounts.database, person)
    const words = wordsOf(request)
    const { say } = words
    const { standing } = request
    const waiting = standing?.patient ? await findWaitingStudies(options, person) : []
    const places = (
      [
        [standing?.record !== undefined, `/patients/${standing?.record}`, 'own.record'],
        [standing?.patient, '/sharing', 'own.sharing'],
        [standing?.patient, '/account/contacts', 'own.contacts'],
        [standing?.patient, '/account/refused', 'own.refused'],
        [standing?.officer, '/audit', 'own.audit'],
        [standing?.staff, '/studies', 'own.studies'],
        [standing?.staff, '/patients', 'own.patients'],
        [standing?.staff, '/shared', 'own.shared'],
        [standing?.staff || standing?.administrator, '/organizations', 'own.organizations'],
        [standing?.staff || standing?.administrator, '/devices', 'own.devices'],
        [standing?.administrator, '/system', 'own.system'],
      ] as const
    ).filter(([isTheirs]) => isTheirs)
    return sendTranslatedPage(reply, words, {
      title: say('account.title'),
      content: html`<h1>${say('account.title')}</h1>
${account?.email === undefined && withoutAddress(words, accounts)}
${whatLedHere(request, words)}
${waiting.length > 0 && waitingNotice(waiting, words)}
${await staffWaiting(request, options, words)}
${placesShown(places, words)}
<h2>${say('own.settings')}</h2>
<dl>
<dt>${say('own.own-name')}</dt><dd>${await nameOfPerson(accounts.openStoreAs, person)}</dd>
<dt>${say('field.email')}</dt><dd>${account?.email ?? say('own.no-email')}</dd>
</dl>
<ul class="list-unstyled rows mb-4">
<li><a href="/account/name">${say('own.name')}</a></li>
<li><a href="/account/email">${say('email.title')}</a></li>
<li><a href="/account/password">${say('own.password')}</a></li>
<li><a href="/account/second-factor">${say('own.factor')}</a></li>
<li><a href="/account/apps">${say('own.apps')}</a></li>
<li><a href="/account/sessions">${say('own.sessions')}</a></li>
${sso && html`<li><a href="/account/institution">${say('own.institution', { institution: sso.institution })}</a></li>`}
${(await ehrLaunches.arrivals.usersOf(person)).length > 0 && html`<li><a href="/account/ehrs">${say('own.ehrs')}</a></li>`}
</ul>
${account?.isVerified === false && account.email !== undefined && accounts.mail && unverified(words, ownToken(reply))}
${leavingOrHelped(words, standing)}`,
    })
  })
}

/** What the form has done that led here, or why the page that was asked for did. */
const whatLedHere = (request: FastifyRequest, words: Words): Html | undefined => {
  const { say } = words
  const asked = queryOf(request).get('done')
  if (asked === 'not-staff') return notice('standing', html`<p>${say('own.not-staff')}</p>`)
  const done = namedIn(doneTexts, asked)
  if (done === undefined) return undefined
  return notice(
    'done',
    html`<p>${say(done)}</p>${done === 'done.account' && request.standing?.administrator && begin(words)}`,
  )
}

/** Nothing is set up yet where the first administrator comes. */
const begin = (words: Words): Html =>
  html`<p>${phrase(words, 'done.administrator', { add: html`<a href="/organizations/new">${words.say('done.add-organization')}</a>` })}</p>`

/** Somebody who has just made an account, and came by no invitation, is told what comes next. */
const placesShown = (places: readonly (readonly [unknown, at: string, key: Key])[], { say }: Words): Html =>
  places.length === 0
    ? notice('standing', html`<p>${say('own.nothing')}</p>`)
    : html`<h2>${say('own.places')}</h2>
<ul class="list-unstyled rows mb-4">${places.map(([, at, key]) => html`<li><a href="${at}">${say(key)}</a></li>`)}</ul>`

/** Leads to the study where there is one alone. */
const waitingNotice = (waiting: readonly string[], { say }: Words): Html => {
  const [first, ...others] = waiting
  const [at, text] =
    others.length === 0
      ? [`/sharing/${first}`, say('own.waiting-one')]
      : ['/sharing', say('own.waiting', { count: waiting.length })]
  return notice('standing', html`<p><a href="${at}">${text}</a></p>`)
}

/** If no e-mail can be sent, somebody else has to give them another address. */
const withoutAddress = ({ say }: Words, { mail }: Accounts): Html =>
  notice(
    'standing',
    html`<p>${say('email.taken-off')}</p>
${mail === undefined ? html`<p>${say('email.ask-others')}</p>` : html`<p><a href="/account/email">${say('email.give')}</a></p>`}`,
  )

/** What patients can do here today who want to leave, or are helped by somebody else. */
const leavingOrHelped = ({ say }: Words, standing: FastifyRequest['standing']): Html | false =>
  standing?.patient === true &&
  html`<h2>${say('own.leaving')}</h2>
<p>${say('own.leaving-text')}</p>
<ul class="list-unstyled"><li><a href="/sharing">${say('own.sharing')}</a></li><li><a href="/account/apps">${say('sharing.apps')}</a></li></ul>
<p>${say('own.leaving-account')}</p>
<h2>${say('own.helped')}</h2>
<p>${say('own.helped-text')}</p>`

const unverified = ({ say }: Words, token: string): Html => html`<h2>${say('verification.title')}</h2>
<p>${say('verification.why')}</p>
${form({ action: '/account/verification', token, fields: [], button: say('verification.send') })}`

/** What the form that led here has done. */
const doneTexts: Readonly<Record<string, Key>> = {
  account: 'done.account',
  linked: 'done.linked',
  name: 'done.name',
  password: 'done.password',
  email: 'done.email',
  verified: 'done.verified',
  again: 'done.again',
}
