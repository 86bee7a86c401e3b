import { anyBrowser, unknownDevice } from '../../accounts/sign-in/device.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { endSession, endSessions, type Session, sessionsOf } from '../../storage/account/session.ts'
import type { AddPage } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { moment, phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'

/** Where somebody is signed in, and how to sign out there. */
export const accountSessionsPage: AddPage = (server, { accounts: { database } }) => {
  server.get('/account/sessions', { onRequest: requireSession }, async (request, reply) => {
    const own = sessionOf(request)
    const sessions = await sessionsOf(database, own.person)
    const token = ownToken(reply)
    const words = wordsOf(request)
    const { say } = words
    const done = namedIn(doneTexts, queryOf(request).get('done'))
    return sendTranslatedPage(reply, words, {
      title: say('sessions.title'),
      content: html`<h1>${say('sessions.title')}</h1>
${done && notice('done', html`<p>${say(done)}</p>`)}
<p>${say('sessions.text')}</p>
<ul class="list-group list-group-flush mb-4">${sessions.map(one => listed(one, words, { isOwn: one.id === own.id, token }))}</ul>
${sessions.length > 1 && postForm({ action: '/account/sessions/end-others', token }, html`<button class="btn btn-primary">${say('sessions.end-others')}</button>`)}
<p><a href="/account">${say('own.back')}</a></p>`,
    })
  })
  server.post('/account/sessions', { onRequest: requireSession }, async (request, reply) => {
    const isDone = await endSession(database, sessionOf(request).person, typed(request.body, 'session'))
    return reply.redirect(isDone ? '/account/sessions?done=ended' : '/account/sessions', 303)
  })
  server.post('/account/sessions/end-others', { onRequest: requireSession }, async (request, reply) => {
    const { person, id } = sessionOf(request)
    await endSessions(database, person, id)
    return reply.redirect('/account/sessions?done=others', 303)
  })
}

const doneTexts: Readonly<Record<string, Key>> = { ended: 'sessions.ended', others: 'sessions.ended-others' }

const listed = (
  { id, device, signedInAt, frame }: Session,
  words: Words,
  { isOwn, token }: { isOwn: boolean; token: string },
): Html => {
  const called = deviceIn(device, words)
  return html`<li class="list-group-item px-0 py-3">
<strong>${called}</strong>${isOwn && ` (${words.say('sessions.this')})`}
<p class="text-body-secondary" id="at-${id}">${phrase(words, 'sessions.since', { at: moment(signedInAt, words) })}${frame && `, ${words.say('sessions.within', { host: new URL(frame.issuer).host })}`}</p>
${!isOwn && postForm({ action: '/account/sessions', token, hidden: { session: id } }, html`<button class="btn btn-outline-primary" aria-label="${words.say('sessions.end-one', { device: called })}" aria-describedby="at-${id}">${words.say('sign-out')}</button>`)}
</li>`
}

/** The text that was stored when they signed in is English; `Firefox` and `Android` are names. */
const deviceIn = (device: string, { say }: Words): string => {
  if (device === unknownDevice) return say('sessions.unknown')
  const [, browser = '', system] = /^(.+) on (.+)$/s.exec(device) ?? []
  if (system === undefined) return device
  return say('sessions.device', { browser: browser === anyBrowser ? say('sessions.any-browser') : browser, system })
}
