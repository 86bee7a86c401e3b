import type { FastifyReply } from 'fastify'
import { type NameProblem, nameOfPerson, nameProblem, renamePerson } from '../../accounts/person.ts'
import type { AddPage } from '../page/add-page.ts'
import { form } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { nameField } from '../sign-in/person-fields.ts'

/** The name of the person who is signed in, which is kept in their Person. */
export const accountNamePage: AddPage = (server, options) => {
  const { openStoreAs } = options.accounts
  server.get('/account/name', { onRequest: requireSession }, async (request, reply) =>
    sendName(reply, await nameOfPerson(openStoreAs, sessionOf(request).person)),
  )
  server.post('/account/name', keepsTyped(options), async (request, reply) => {
    const name = typed(request.body, 'name')
    const problem = nameProblem(name)
    if (problem !== undefined) return sendName(reply.code(422), name, problem)
    await renamePerson(openStoreAs, sessionOf(request).person, name.trim())
    return reply.redirect('/account?done=name', 303)
  })
}

const sendName = (reply: FastifyReply, name: string, problem?: NameProblem): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const { standing } = reply.request
  return sendTranslatedPage(reply, words, {
    title: say('own.name'),
    isProblem: problem !== undefined,
    content: html`<h1>${say('own.name')}</h1>
${standing?.patient && html`<p>${say('own.name-text')}${standing.record !== undefined && html` <a href="/patients/${standing.record}">${say('own.record')}</a>`}</p>`}
${standing?.staff && html`<p>${say('own.name-staff')} <a href="/organizations">${say('own.organizations')}</a></p>`}
${form({ action: '/account/name', token: ownToken(reply), problemTitle: say('check'), fields: [nameField(words, name, problem)], button: say('own.save') })}
<p><a href="/account">${say('own.back')}</a></p>`,
  })
}
