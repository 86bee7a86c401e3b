import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { findAccountOf } from '../../storage/account/user-account.ts'
import type { AddPage } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { ssoLink } from '../sign-in/sso-link.ts'

/** Whether the institution signs somebody in here, and how to end that. */
export const accountInstitutionPage: AddPage = (server, { sso, accounts: { database } }) => {
  if (sso === undefined) return
  const { institution, arrivals } = sso
  const linked = (words: Words, subjects: readonly string[], hasPassword: boolean, token: string): Html => {
    const { say } = words
    const names = html`${subjects.map((subject, index) => html`${index > 0 && ' '}<strong>${subject}</strong>`)}`
    const choose = html`<a href="/forgotten-password">${say('institution.choose')}</a>`
    return html`<p>${phrase(words, 'institution.linked', { institution, subjects: names })}</p>
${
  hasPassword
    ? html`<p>${say('institution.password')}</p>
${form({ action: '/account/institution', token, fields: [], button: say('ehrs.unlink') })}`
    : html`<p>${phrase(words, 'institution.only-way', { choose })}</p>`
}`
  }
  const unlinked = (words: Words) => html`<p>${words.say('institution.unlinked', { institution })}</p>
${ssoLink(words, institution, { continue: '/account/institution' })}`

  server.get('/account/institution', { onRequest: requireSession }, async (request, reply) => {
    const { person } = sessionOf(request)
    const token = ownToken(reply)
    const subjects = await arrivals.subjectsOf(person)
    const account = await findAccountOf(database, person)
    const words = wordsOf(request)
    const title = words.say('institution.title', { institution })
    return sendTranslatedPage(reply, words, {
      title,
      content: html`<h1>${title}</h1>
${queryOf(request).get('done') === 'unlinked' && notice('done', html`<p>${words.say('ehrs.unlinked')}</p>`)}
${subjects.length === 0 ? unlinked(words) : linked(words, subjects, account?.password !== undefined, token)}
<p><a href="/account">${words.say('own.back')}</a></p>`,
    })
  })
  server.post('/account/institution', { onRequest: requireSession }, async (request, reply) => {
    const { person, id } = sessionOf(request)
    if (!(await arrivals.unlink(person, id))) return reply.redirect('/account/institution', 303)
    return reply.redirect('/account/institution?done=unlinked', 303)
  })
}
