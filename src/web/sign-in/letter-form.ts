import type { FastifyInstance, FastifyReply } from 'fastify'
import { type EmailProblem, emailProblem } from '../../accounts/sign-up/email.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Key, Words } from '../../messages/catalogue.ts'
import { form } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { seldom } from '../page/page-limits.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { sendLetterOnItsWay } from './letter-on-its-way.ts'
import { emailField } from './person-fields.ts'

type Asking = {
  readonly isOpen: boolean
  readonly title: Key
  readonly text: Key
  /** The text of the link to the sign-in. */
  readonly back: Key
  /** What the page says if it is not open. */
  readonly closed: { readonly title: Key; readonly text: () => Promise<Key> }
  readonly ask: (email: string, words: Words) => Promise<void>
}

/** Where somebody asks for a letter with a link: the answer is the same whether there is an account with that address or not. */
export const letterForm = (server: FastifyInstance, path: string, asking: Asking): void => {
  const { isOpen, ask } = asking
  server.get(path, async (request, reply) => {
    if (queryOf(request).has('sent')) return sendLetterOnItsWay(reply)
    return isOpen ? sendForm(reply, path, asking) : sendClosed(reply, asking)
  })
  server.post(path, { config: { rateLimit: seldom, isForAnybody: true } }, async (request, reply) => {
    if (!isOpen) return sendClosed(reply.code(403), asking)
    const email = typed(request.body, 'email')
    const problem = emailProblem(email)
    if (problem !== undefined) return sendForm(reply.code(422), path, asking, { email, problem })
    await ask(email, wordsOf(request))
    return reply.redirect(`${path}?sent`, 303)
  })
}

type Asked = { readonly email: string; readonly problem: EmailProblem | undefined }

const sendForm = (
  reply: FastifyReply,
  path: string,
  { title, text, back }: Asking,
  { email, problem }: Asked = { email: '', problem: undefined },
): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say(title),
    isProblem: problem !== undefined,
    content: html`<h1>${say(title)}</h1>
<p>${say(text)}</p>
${form({ action: path, token: ownToken(reply), problemTitle: say('check'), fields: [emailField(words, email, problem)], button: say('sign-up.send') })}
<p><a href="/sign-in">${say(back)}</a></p>`,
  })
}

const sendClosed = async (reply: FastifyReply, { closed, back }: Asking): Promise<FastifyReply> => {
  const words = wordsOf(reply.request)
  const { say } = words
  const text = await closed.text()
  return sendTranslatedPage(reply, words, {
    title: say(closed.title),
    content: html`<h1>${say(closed.title)}</h1>
<p>${say(text)}</p>
<p><a href="/sign-in">${say(back)}</a></p>`,
  })
}
