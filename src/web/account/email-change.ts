import type { FastifyReply, FastifyRequest } from 'fastify'
import {
  confirmEmail,
  type EmailConfirmed,
  findEmailLink,
  stopEmailChange,
} from '../../accounts/sign-up/email-change.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { EmailChange } from '../../storage/account/email-change.ts'
import type { AddPage } from '../page/add-page.ts'
import { postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendLinkIsOver } from '../page/link-is-over.ts'
import { phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { sendSignInFirst } from './sign-in-first.ts'

/** The page of the links that are sent to an old and a new address. Opening it uses nothing up. */
export const emailChangePage: AddPage = (server, { accounts }) => {
  const show = async (request: FastifyRequest, reply: FastifyReply, link: string): Promise<FastifyReply> => {
    const change = await findEmailLink(accounts, link)
    if (change === undefined) return sendLinkIsOver(reply)
    if (change.end === 'old') return sendOldEnd(reply, link, change)
    return change.person === request.session?.person
      ? sendNewEnd(reply, link, change)
      : sendSignInFirst(reply, { text: 'email.sign-in-text', page: `/email-change?link=${link}` })
  }
  server.get('/email-change', async (request, reply) => show(request, reply, queryOf(request).get('link') ?? ''))
  server.post('/email-change', { config: { isForAnybody: true } }, async (request, reply) => {
    const link = typed(request.body, 'link')
    if (typed(request.body, 'decision') === 'stop')
      return (await stopEmailChange(accounts, link)) ? sendStopped(reply) : sendLinkIsOver(reply)
    if (typed(request.body, 'decision') !== 'confirm') return sendLinkIsOver(reply)
    const confirmed = await confirmEmail(accounts, link, request.session?.person)
    // The link may still be good, if only somebody else, or nobody, is signed in by now.
    return confirmed.kind === 'over' ? show(request, reply, link) : sendConfirmed(reply, confirmed)
  })
}

const sendOldEnd = (reply: FastifyReply, link: string, { email, isConfirmed }: EmailChange): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const confirm = ['confirm', say('email.old-yes')] as const
  return sendSimple(
    reply,
    say('email.old-title'),
    html`<p>${phrase(words, 'email.old-text', { email: html`<strong>${email}</strong>` })}</p>
${decisions(reply, link, [...(isConfirmed.old ? [] : [confirm]), ['stop', say('email.old-no')]])}`,
  )
}

const sendNewEnd = (reply: FastifyReply, link: string, { email }: EmailChange): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  return sendSimple(
    reply,
    say('email.new-title'),
    html`<p>${phrase(words, 'email.new-text', { email: html`<strong>${email}</strong>` })}</p>
${decisions(reply, link, [['confirm', say('email.new-yes')]])}`,
  )
}

type Decision = readonly [value: 'confirm' | 'stop', label: string]

const decisions = (reply: FastifyReply, link: string, offered: readonly Decision[]): Html =>
  postForm(
    { action: '/email-change', token: ownToken(reply), hidden: { link } },
    html`<div class="d-flex flex-wrap gap-3 mt-4">
${offered.map(([value, label]) => html`<button name="decision" value="${value}" class="btn ${value === 'stop' ? 'btn-outline-primary' : 'btn-primary'}">${label}</button>`)}
</div>`,
  )

const sendConfirmed = (reply: FastifyReply, confirmed: EmailConfirmed): FastifyReply => {
  const words = wordsOf(reply.request)
  const { say } = words
  const toAccount = html`
<p><a href="/account">${say('email.to-account')}</a></p>`
  switch (confirmed.kind) {
    case 'over':
      return sendLinkIsOver(reply)
    case 'changed':
      return confirmed.person === reply.request.session?.person
        ? reply.redirect('/account?done=email', 303)
        : sendSimple(
            reply,
            say('email.changed'),
            html`<p>${phrase(words, 'email.changed-text', { email: html`<strong>${confirmed.email}</strong>` })}</p>
<p><a href="/sign-in">${say('over.sign-in')}</a></p>`,
          )
    case 'taken':
      return sendSimple(reply.code(409), say('email.is-taken'), html`<p>${say('email.is-taken-text')}</p>${toAccount}`)
    case 'waits-for':
      return sendSimple(
        reply,
        say('email.one-more'),
        confirmed.end === 'new'
          ? html`<p>${say('email.waits-new', { email: confirmed.email })}</p>${toAccount}`
          : html`<p>${say('email.waits-old')}</p>${toAccount}`,
      )
  }
}

const sendStopped = (reply: FastifyReply): FastifyReply => {
  const { say } = wordsOf(reply.request)
  return sendSimple(
    reply,
    say('email.stopped'),
    html`<p>${say('email.stopped-text')}</p>
<p>${say('email.stopped-not-you')} <a href="/forgotten-password">${say('email.stopped-choose')}</a></p>`,
  )
}

const sendSimple = (reply: FastifyReply, title: string, content: Html): FastifyReply =>
  sendTranslatedPage(reply, wordsOf(reply.request), { title, content: html`<h1>${title}</h1>\n${content}` })
