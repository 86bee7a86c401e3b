import type { FastifyReply, FastifyRequest } from 'fastify'
import type { InvitationApp } from '../../config/invitation.ts'
import { cookieOf } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import { invitationUrl } from '../../studies/invitation/invitations.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { form } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { html } from '../page/html.ts'
import { sendInvitationIsOver, sendWithoutLink } from '../page/link-is-over.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { type Came, prove, provePage, sendProve, sendTooOften, sendUnsent } from './invitation-prove.ts'

/** Where the link of an invitation leads. A code is sent, which together with the birth date proves who has opened the link. */
export const invitationPage: AddPage = (server, options) => {
  const { acceptance, cookies } = options
  server.get('/invitation', async (request, reply) => {
    const words = wordsOf(request)
    const query = queryOf(request)
    const link = query.get('link') ?? ''
    const invitation = await acceptance.find(link)
    if (invitation === undefined) return sendNoLonger(request, reply, options, link)
    const came = { link, channel: invitation.channel }
    return query.has('sent')
      ? sendProve(reply, words, { ...came, state: await acceptance.codeState(invitation) })
      : sendInvited(reply, words, { ...came, apps: await appsFor(link, options) })
  })
  server.post('/invitation/code', { config: { isForAnybody: true } }, async (request, reply) => {
    const words = wordsOf(request)
    const link = typed(request.body, 'link')
    const sent = await acceptance.sendCode(link, words)
    switch (sent.kind) {
      case 'over':
        return sendInvitationIsOver(reply, words, await acceptance.findEnd(link))
      case 'too-often':
        return sendTooOften(reply, words, sent.until, { link, channel: sent.channel })
      case 'unsent':
        return sendUnsent(reply, words, { link, channel: sent.channel })
      case 'sent':
      case 'sending':
        return reply.redirect(provePage(link), 303)
    }
  })
  server.post('/invitation', { config: { isForAnybody: true } }, async (request, reply) => {
    const link = typed(request.body, 'link')
    const invitation = await acceptance.find(link)
    if (invitation === undefined) return sendInvitationIsOver(reply, wordsOf(request), await acceptance.findEnd(link))
    // Somebody who goes back and sends it again has proved it already; their code is used up, and would be wrong now.
    const proven = await acceptance.findProven(cookieOf(request, cookies, 'invitation'))
    if (proven?.id === invitation.id) return reply.redirect('/invitation/account', 303)
    return prove(request, reply, options, { link, channel: invitation.channel })
  })
}

/** Many people come back with the letter, which they have kept. */
const sendNoLonger = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { acceptance }: PageOptions,
  link: string,
): Promise<FastifyReply> => {
  const { session } = request
  const study = session && (await acceptance.takenUp(link, session.person))
  if (study !== undefined) return reply.redirect(`/sharing/${study}`, 303)
  if (link === '') return sendWithoutLink(reply, wordsOf(request))
  return sendInvitationIsOver(reply, wordsOf(request), await acceptance.findEnd(link))
}

type App = { readonly name: string; readonly link: string }

const appsFor = async (
  link: string,
  { acceptance, accounts, invitationApps }: PageOptions,
): Promise<readonly App[]> => {
  const known = linksTo(invitationApps, { secret: link, link: invitationUrl(accounts, link) })
  return [...known, ...(await acceptance.appsFor(link))]
}

const linksTo = (apps: readonly InvitationApp[], values: Readonly<Record<'link' | 'secret', string>>): readonly App[] =>
  apps.map(({ name, link }) => ({
    name,
    link: link.replace(/\{(link|secret)\}/g, (_, key: 'link' | 'secret') => encodeURIComponent(values[key])),
  }))

const sendInvited = (
  reply: FastifyReply,
  words: Words,
  { link, channel, apps }: Came & { readonly apps: readonly App[] },
): FastifyReply => {
  const { say } = words
  return sendTranslatedPage(reply, words, {
    title: say('invited.title'),
    content: html`<h1>${say('invited.title')}</h1>
<p>${say(`invited.text-${channel}`)}</p>
${form({ action: '/invitation/code', token: ownToken(reply), hidden: { link }, fields: [], button: say('invited.send') })}
<p><a href="${provePage(link)}">${say('invited.have-code')}</a></p>
${
  apps.length > 0 &&
  html`<h2 class="mt-4">${say('invited.app')}</h2>
<ul class="list-unstyled">${apps.map(app => html`<li class="mb-2"><a class="btn btn-outline-primary" href="${app.link}">${say('invited.open', { app: app.name })}</a></li>`)}</ul>`
}`,
  })
}
