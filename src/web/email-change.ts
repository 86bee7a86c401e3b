import type { FastifyReply, FastifyRequest } from 'fastify'
import { confirmEmail, type EmailConfirmed, findEmailLink, stopEmailChange } from '../accounts/email-change.ts'
import { queryOf } from '../http/presentation.ts'
import type { EmailChange } from '../storage/account/email-change.ts'
import type { AddPage } from './add-page.ts'
import { typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { type Html, html } from './html.ts'
import { sendLinkIsOver } from './link-is-over.ts'
import { sendPage } from './page.ts'

/** Where the links lead that are sent to an old and a new address. Looking uses nothing up. */
export const emailChangePage: AddPage = (server, { accounts }) => {
  server.get('/email-change', async (request, reply) => {
    const link = queryOf(request).get('link') ?? ''
    const change = await findEmailLink(accounts, link)
    if (change === undefined) return sendLinkIsOver(reply)
    if (change.end === 'old') return sendOldEnd(reply, link, change)
    return change.person === request.session?.person ? sendNewEnd(reply, link, change) : sendSignInFirst(request, reply)
  })
  server.post('/email-change', async (request, reply) => {
    const link = typed(request.body, 'link')
    if (typed(request.body, 'decision') === 'stop')
      return (await stopEmailChange(accounts, link)) ? sendStopped(reply) : sendLinkIsOver(reply)
    if (typed(request.body, 'decision') !== 'confirm') return sendLinkIsOver(reply)
    return sendConfirmed(reply, await confirmEmail(accounts, link, request.session?.person))
  })
}

const sendOldEnd = (reply: FastifyReply, link: string, { email, isConfirmed }: EmailChange): FastifyReply =>
  sendSimple(
    reply,
    'Change your e-mail address?',
    html`<p>Somebody, we think you, wants to sign in to your account with <strong>${email}</strong> from now on, and no more with this address.</p>
${decisions(reply, link, [...(isConfirmed.old ? [] : [['confirm', 'Yes, change it'] as const]), ['stop', 'No, stop it']])}`,
  )

const sendNewEnd = (reply: FastifyReply, link: string, { email }: EmailChange): FastifyReply =>
  sendSimple(
    reply,
    'Confirm your new e-mail address',
    html`<p>Is <strong>${email}</strong> your e-mail address, and do you want to sign in with it from now on?</p>
${decisions(reply, link, [['confirm', 'Yes, use it']])}`,
  )

type Decision = readonly [value: 'confirm' | 'stop', label: string]

const decisions = (reply: FastifyReply, link: string, offered: readonly Decision[]): Html =>
  html`<form method="post" action="/email-change">
<input type="hidden" name="_csrf" value="${ownToken(reply)}">
<input type="hidden" name="link" value="${link}">
<div class="d-flex flex-wrap gap-3 mt-4">
${offered.map(([value, label]) => html`<button name="decision" value="${value}" class="btn ${value === 'stop' ? 'btn-outline-primary' : 'btn-primary'}">${label}</button>`)}
</div>
</form>`

/** Whoever reads the mail of a mistyped address has no account here that it could become. */
const sendSignInFirst = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
  const query = new URLSearchParams({ continue: request.url, prompt: 'login' })
  return sendSimple(
    reply,
    'Sign in to confirm it',
    html`<p>Sign in with the account for which you asked for a new e-mail address, with the old address and its password.</p>
<p>If you asked for nothing, do nothing: nothing changes.</p>
<p><a href="/sign-in?${query.toString()}">Sign in</a></p>`,
  )
}

const sendConfirmed = (reply: FastifyReply, confirmed: EmailConfirmed): FastifyReply => {
  switch (confirmed.kind) {
    case 'over':
      return sendLinkIsOver(reply)
    case 'changed':
      return reply.redirect('/account?done=email', 303)
    case 'taken':
      return sendSimple(
        reply.code(409),
        'This e-mail address is used already',
        html`<p>There is another account with this e-mail address. Yours is as it was.</p>${toAccount}`,
      )
    case 'waits-for':
      return sendSimple(
        reply,
        'One more e-mail',
        confirmed.end === 'new'
          ? html`<p>Thank you. Now open the link that we have sent to ${confirmed.email}.</p>${toAccount}`
          : html`<p>Thank you. Now open the link that we have sent to your old address. Until then you sign in with that one.</p>${toAccount}`,
      )
  }
}

const toAccount = html`
<p><a href="/account">Go to your account</a></p>`

const sendStopped = (reply: FastifyReply): FastifyReply =>
  sendSimple(
    reply,
    'It is stopped',
    html`<p>Your account keeps its e-mail address.</p>
<p>If it was not you who asked for another one, somebody knows your password. <a href="/forgotten-password">Choose a new one now</a>: that also signs out everybody, and ends what apps are allowed to do.</p>`,
  )

const sendSimple = (reply: FastifyReply, title: string, content: Html): FastifyReply =>
  sendPage(reply, { title, content: html`<h1>${title}</h1>\n${content}` })
