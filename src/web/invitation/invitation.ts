import type { FastifyReply } from 'fastify'
import { digitsOf } from '../../accounts/sign-in/code.ts'
import type { InvitationApp } from '../../config/app-links.ts'
import { isDay } from '../../fhir/date.ts'
import { cookieOf } from '../../http/caller/session.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import { invitationUrl } from '../../studies/invitation/invitations.ts'
import type { AddPage } from '../page/add-page.ts'
import { form, notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendInvitationIsOver } from '../page/link-is-over.ts'
import { moment, phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'

/** Where the link of an invitation leads. A code is sent, which together with the birth date proves who has opened the link. */
export const invitationPage: AddPage = (server, { acceptance, accounts, cookies, invitationApps }) => {
  const appsFor = (link: string) => linksTo(invitationApps, { secret: link, link: invitationUrl(accounts, link) })
  server.get('/invitation', async (request, reply) => {
    const words = wordsOf(request)
    const query = queryOf(request)
    const link = query.get('link') ?? ''
    const invitation = await acceptance.find(link)
    if (invitation === undefined) {
      const { session } = request
      const study = session && (await acceptance.takenUp(link, session.person))
      // Many people come back with the letter, which they have kept.
      return study === undefined ? sendInvitationIsOver(reply, words) : reply.redirect(`/sharing/${study}`, 303)
    }
    const { channel } = invitation
    return query.has('sent')
      ? sendProve(reply, words, { link, channel })
      : sendInvited(reply, words, { link, channel, apps: [...appsFor(link), ...(await acceptance.appsFor(link))] })
  })
  server.post('/invitation/code', { config: { isForAnybody: true } }, async (request, reply) => {
    const words = wordsOf(request)
    const link = typed(request.body, 'link')
    const sent = await acceptance.sendCode(link, words)
    switch (sent.kind) {
      case 'over':
        return sendInvitationIsOver(reply, words)
      case 'too-often':
        return sendTooOften(reply, words, sent.until, { link, channel: sent.channel })
      case 'sent':
        return reply.redirect(`/invitation?${new URLSearchParams({ link, sent: '' })}`, 303)
    }
  })
  server.post('/invitation', { config: { isForAnybody: true } }, async (request, reply) => {
    const words = wordsOf(request)
    const { body } = request
    const [link, birthDate, code] = [typed(body, 'link'), typed(body, 'birthDate'), typed(body, 'code')]
    const invitation = await acceptance.find(link)
    if (invitation === undefined) return sendInvitationIsOver(reply, words)
    // Somebody who goes back and sends it again has proved it already; their code is used up, and would be wrong now.
    const proven = await acceptance.findProven(cookieOf(request, cookies, 'invitation'))
    if (proven?.id === invitation.id) return reply.redirect('/invitation/account', 303)
    const { channel } = invitation
    const problems = unreadable(birthDate, code, words)
    // Something that cannot be a birth date or a code does not count as a try.
    if (problems !== undefined) return sendProve(reply.code(422), words, { link, channel, birthDate, problems })
    const proof = await acceptance.prove(link, { birthDate: dayIn(birthDate), code })
    switch (proof.kind) {
      case 'over':
        return sendInvitationIsOver(reply, words)
      case 'wrong':
        return sendProve(reply.code(422), words, { link, channel, birthDate, problems: wrong(words) })
      case 'late':
        return sendProve(reply.code(422), words, { link, channel, birthDate, problems: late(words) })
      case 'proven':
        reply.setCookie(cookies.nameOf('invitation'), proof.cookie, cookies.options)
        return reply.redirect('/invitation/account', 303)
    }
  })
}

type Came = { readonly link: string; readonly channel: Invitation['channel'] }

type App = { readonly name: string; readonly link: string }

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
${
  apps.length > 0 &&
  html`<h2 class="mt-4">${say('invited.app')}</h2>
<ul class="list-unstyled">${apps.map(app => html`<li class="mb-2"><a class="btn btn-outline-primary" href="${app.link}">${say('invited.open', { app: app.name })}</a></li>`)}</ul>`
}`,
  })
}

/** Year, month and day, also with other marks than `-` between them, and in wide digits. */
const dayIn = (text: string): string => {
  const plain = text.normalize('NFKC').trim()
  const [, year = '', month = '', day = ''] = /^(\d{4})[\p{Pd}./ ](\d{1,2})[\p{Pd}./ ](\d{1,2})$/u.exec(plain) ?? []
  return [year, month.padStart(2, '0'), day.padStart(2, '0')].join('-')
}

type Problems = { readonly birthDate?: string; readonly code?: string }

const unreadable = (birthDate: string, code: string, { say }: Words): Problems | undefined => {
  const isCode = /^\d{6}$/.test(digitsOf(code))
  if (isDay(dayIn(birthDate)) && isCode) return undefined
  return {
    ...(!isDay(dayIn(birthDate)) && { birthDate: say('prove.birth-date-unreadable') }),
    ...(!isCode && { code: say('prove.code-unreadable') }),
  }
}

/** It is not said which of the two is wrong. */
const wrong = ({ say }: Words): Problems => ({ birthDate: say('prove.wrong') })

/** The same whatever was typed, so that nothing is revealed about either. */
const late = ({ say }: Words): Problems => ({ code: say('prove.code-late') })

/** The last code that was sent may still be valid, so the form stays. */
const sendTooOften = (reply: FastifyReply, words: Words, until: Date, came: Came): FastifyReply => {
  const seconds = Math.max(1, Math.ceil((until.getTime() - Date.now()) / 1000))
  // Rounded up to the minute, so that a code is possible by then.
  const at = moment(new Date(Math.ceil(until.getTime() / 60_000) * 60_000), words)
  const told = html`<p>${phrase(words, 'prove.too-often', { at })}</p>
<p>${words.say('prove.too-often-ask')}</p>`
  return sendProve(reply.code(429).header('retry-after', String(seconds)), words, { ...came, told })
}

type Proving = Came & {
  readonly birthDate?: string
  readonly problems?: Problems
  /** Shown instead of the text that a code is on its way. */
  readonly told?: Html
}

const sendProve = (
  reply: FastifyReply,
  words: Words,
  { link, channel, birthDate = '', problems = {}, told }: Proving,
): FastifyReply => {
  const { say } = words
  const token = ownToken(reply)
  return sendTranslatedPage(reply, words, {
    title: say('prove.title'),
    isProblem: told !== undefined || Object.keys(problems).length > 0,
    content: html`<h1>${say('prove.title')}</h1>
${told === undefined ? html`<p>${say(`prove.text-${channel}`)}</p>` : notice('problem', told)}
${form({
  action: '/invitation',
  token,
  hidden: { link },
  problemTitle: say('check'),
  fields: [
    {
      name: 'birthDate',
      label: say('prove.birth-date'),
      hint: say('prove.birth-date-hint'),
      value: birthDate,
      autocomplete: 'bday',
      problem: problems.birthDate,
    },
    {
      name: 'code',
      label: say(`prove.code-${channel}`),
      problem: problems.code,
      autocomplete: 'one-time-code',
      inputmode: 'numeric',
    },
  ],
  button: say('prove.go-on'),
})}
${postForm({ action: '/invitation/code', token, hidden: { link } }, html`<button class="btn btn-outline-primary">${say('prove.again')}</button>`)}`,
  })
}
