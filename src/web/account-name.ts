import type { FastifyReply } from 'fastify'
import { nameOfPerson, nameProblem, renamePerson } from '../accounts/person.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { nameField } from './person-fields.ts'
import { requireSession, sessionOf } from './signed-in.ts'

/** The name of whoever is signed in, which stands in their Person. */
export const accountNamePage: AddPage = (server, { accounts: { openStoreAs } }) => {
  server.get('/account/name', { onRequest: requireSession }, async (request, reply) =>
    sendName(reply, nameField(await nameOfPerson(openStoreAs, sessionOf(request).person), undefined)),
  )
  server.post('/account/name', { onRequest: requireSession }, async (request, reply) => {
    const name = typed(request.body, 'name')
    const problem = nameProblem(name)
    if (problem !== undefined) return sendName(reply.code(422), nameField(name, problem))
    await renamePerson(openStoreAs, sessionOf(request).person, name.trim())
    return reply.redirect('/account?done=name', 303)
  })
}

const sendName = (reply: FastifyReply, field: ReturnType<typeof nameField>): FastifyReply =>
  sendPage(reply, {
    title: 'Change your name',
    isProblem: field.problem !== undefined,
    signOut: { token: ownToken(reply) },
    content: html`<h1>Change your name</h1>
${form({ action: '/account/name', token: ownToken(reply), fields: [field], button: 'Save' })}
<p><a href="/account">Back to your account</a></p>`,
  })
