import type { FastifyRequest } from 'fastify'
import { unlessRefused } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import { patientsOf } from '../../storage/authorization/token.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import { partsAsked } from '../authorize/asked-scope.ts'
import { sentenceOf } from '../authorize/scope-sentence.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { appsToOpen } from '../page/apps-to-open.ts'
import { leadsAway } from '../page/content-security.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { moment, phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { worded } from '../page/wording.ts'

/** What somebody has granted to apps, the way to end it, and the apps that they can open as a patient. */
export const accountAppsPage: AddPage = (server, options) => {
  const { codeClasses } = options
  const { grantedApps, interactions, launches } = server.authorization
  type App = Awaited<ReturnType<typeof grantedApps.list>>[number]

  const listed = async (request: FastifyRequest, words: Words, app: App, token: string): Promise<Html> => {
    const { say } = words
    const { person } = sessionOf(request)
    const { id, client, scopes, patient, study, isOffline, grantedAt, endsAt, unprovenSince } = app
    const isOwn = patient === undefined || (await interactions.choices.only(person, client.id)) === patient
    const sentences = partsAsked(scopes).map(part => sentenceOf(words, part, isOwn ? 'own' : 'patient', codeClasses))
    const allowed = {
      at: moment(grantedAt, words),
      study: study === undefined ? '' : await studyText(request, options, words, study),
    }
    const ends = { at: moment(endsAt, words), away: isOffline ? say('apps.away') : '' }
    return html`<li class="list-group-item px-0 py-3">
<h2>${client.name}</h2>
${client.selfRegistered && html`<p class="text-danger-emphasis">${say('allow.unknown')}</p>`}
<ul>${sentences.map(sentence => html`<li>${sentence}</li>`)}</ul>
<p class="text-body-secondary" id="at-${id}">${phrase(words, 'apps.allowed', allowed)} ${phrase(words, 'apps.ends', ends)}</p>
${unprovenSince && unproven(words, { id, name: client.name, since: unprovenSince, token })}
${postForm({ action: '/account/apps', token, hidden: { app: id } }, html`<button class="btn btn-outline-primary" aria-label="${say('apps.end-one', { app: client.name })}" aria-describedby="at-${id}">${say('apps.end')}</button>`)}
</li>`
  }

  /** Several records of one human are one compartment, so it does not matter which of them an app is opened for. */
  const connectable = async (person: string, words: Words, granted: readonly App[], token: string) => {
    const [patient] = await patientsOf(options.accounts.database, person)
    if (patient === undefined) return undefined
    const apps = (await launches.apps(person)).filter(({ id }) => granted.every(({ client }) => client.id !== id))
    return appsToOpen({
      ...{ patient, apps, token },
      heading: words.say('apps.connect'),
      text: words.say('apps.open-text'),
    })
  }

  server.post('/account/apps/own', { onRequest: requireSession }, async (request, reply) => {
    const isDone = await grantedApps.prove(sessionOf(request).person, typed(request.body, 'app'))
    return reply.redirect(isDone ? '/account/apps?done=own' : '/account/apps', 303)
  })
  server.get('/account/apps', { ...leadsAway, onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const token = ownToken(reply)
    const apps = await grantedApps.list(person)
    const words = wordsOf(request)
    const { say } = words
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    return sendTranslatedPage(reply, words, {
      title: say('apps.title'),
      content: html`<h1>${say('apps.title')}</h1>
${done && notice('done', html`<p>${say(done)}</p>`)}
${
  apps.length === 0
    ? html`<p>${say('apps.none')}</p>`
    : html`<p>${say('apps.text')}</p>
<ul class="list-group list-group-flush mb-4">${await Promise.all(apps.map(app => listed(request, words, app, token)))}</ul>`
}
${await connectable(person, words, apps, token)}
<p><a href="/account">${say('own.back')}</a></p>`,
    })
  })
  server.post('/account/apps', { onRequest: requireSession }, async (request, reply) => {
    const isDone = await grantedApps.revoke(sessionOf(request).person, typed(request.body, 'app'))
    return reply.redirect(isDone ? '/account/apps?done=ended' : '/account/apps', 303)
  })
}

const doneTexts: Readonly<Record<string, Key>> = { ended: 'apps.ended', own: 'apps.own-done' }

/** The study that a notebook reads, as far as its holder may still see it. */
const studyText = async (
  request: FastifyRequest,
  { accounts, openStoreFor }: PageOptions,
  words: Words,
  id: string,
): Promise<Html | string> => {
  const caller = await callerOfSession(accounts.database, sessionOf(request))
  const stored = caller && (await unlessRefused(() => openStoreFor(caller).read('ResearchStudy', id)))
  if (stored === undefined) return words.say('apps.study')
  const study = worded(titleIn(JSON.parse(stored.content), words), words)
  return phrase(words, 'apps.study-named', { study })
}

type Unproven = { readonly id: string; readonly name: string; readonly since: Date; readonly token: string }

/** Anybody who had the message of the invitation could have opened the app: only the person knows whether it was them. */
const unproven = (words: Words, { id, name, since, token }: Unproven): Html => html`<div class="alert alert-warning">
<p id="own-${id}">${phrase(words, 'apps.unproven', { since: moment(since, words) })}</p>
${postForm({ action: '/account/apps/own', token, hidden: { app: id } }, html`<button class="btn btn-primary" aria-label="${words.say('apps.own-one', { app: name })}" aria-describedby="own-${id}">${words.say('apps.own')}</button>`)}
</div>`
