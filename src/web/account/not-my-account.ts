import type { FastifyReply } from 'fastify'
import type { Accounts } from '../../accounts/accounts.ts'
import { findNotMine, type NotMine, takeOffAddress } from '../../accounts/sign-up/not-mine.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { AddPage } from '../page/add-page.ts'
import { continuePath } from '../page/continue.ts'
import { form } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { sendLinkIsOver } from '../page/link-is-over.ts'
import { seldom } from '../page/page-limits.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'

/** Where somebody who reads the mail of an address takes it off an account that somebody else made with it. Opening the page uses nothing up. */
export const notMyAccountPage: AddPage = (server, { accounts }) => {
  server.get('/not-my-account', async (request, reply) => {
    const query = queryOf(request)
    const link = query.get('link') ?? ''
    const found = await findNotMine(accounts, link)
    if (found === undefined) return sendIsOver(reply)
    return sendAsking(reply, {
      link,
      found,
      signUp: accounts.signUp,
      continued: continuePath(query.get('continue') ?? ''),
    })
  })
  server.post('/not-my-account', { config: { rateLimit: seldom, isForAnybody: true } }, async (request, reply) => {
    const { body } = request
    const email = await takeOffAddress(accounts, typed(body, 'link'))
    if (email === undefined) return sendIsOver(reply)
    return sendDone(reply, email, continuePath(typed(body, 'continue')) ?? (accounts.signUp === 'open' && '/sign-up'))
  })
}

/** Somebody who reads their mail late can ask for another letter. */
const sendIsOver = (reply: FastifyReply): FastifyReply => {
  const { say } = wordsOf(reply.request)
  return sendLinkIsOver(reply, { another: html`<p><a href="/forgotten-password">${say('not-mine.again')}</a></p>` })
}

type Asking = {
  readonly link: string
  readonly found: NotMine
  readonly signUp: Accounts['signUp']
  readonly continued: string | undefined
}

const sendAsking = (reply: FastifyReply, { link, found, signUp, continued }: Asking): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const hidden = { link, ...(continued === undefined ? {} : { continue: continued }) }
  return sendTranslatedPage(reply, words, {
    title: say('not-mine.title'),
    content: html`<h1>${say('not-mine.title')}</h1>
<p>${phrase(words, 'not-mine.text', { email: html`<strong>${found.email}</strong>` })}</p>
<p>${say('not-mine.take-off')} ${signUp !== 'closed' && say('not-mine.then')} ${say('not-mine.keeps')}</p>
${form({ action: '/not-my-account', token: ownToken(reply), hidden, fields: [], button: say('not-mine.yes') })}
<h2>${say('not-mine.mine')}</h2>
<p>${say('not-mine.mine-text')}</p>
<p><a href="/sign-in?continue=%2Faccount">${say('sign-in.title')}</a></p>`,
  })
}

const sendDone = (reply: FastifyReply, email: string, next: string | false): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('not-mine.done'),
    content: html`<h1>${say('not-mine.done')}</h1>
<p>${phrase(words, 'not-mine.done-text', { email: html`<strong>${email}</strong>` })}</p>
${next && html`<p><a class="btn btn-primary" href="${next}">${say(next === '/sign-up' ? 'new-account.title' : 'prove.go-on')}</a></p>`}`,
  })
}
