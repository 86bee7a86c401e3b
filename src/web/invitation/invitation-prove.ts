import type { FastifyReply, FastifyRequest } from 'fastify'
import { digitsOf } from '../../accounts/sign-in/code.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import type { PageOptions } from '../page/add-page.ts'
import {
  birthDateFields,
  birthDateList,
  birthDateProblems,
  birthDayOf,
  type DateProblems,
  noDate,
  type TypedDate,
  typedBirthDate,
} from '../page/birth-date.ts'
import { field, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendInvitationIsOver } from '../page/link-is-over.ts'
import { moment, phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'

/** By which link somebody came, and how the code is sent to them. */
export type Came = { readonly link: string; readonly channel: Invitation['channel'] }

/** Somebody proves by their birth date and the code that they are who was invited. */
export const prove = async (
  request: FastifyRequest,
  reply: FastifyReply,
  { acceptance, cookies }: PageOptions,
  came: Came,
): Promise<FastifyReply> => {
  const words = wordsOf(request)
  const [birthDate, code] = [typedBirthDate(request.body), typed(request.body, 'code')]
  const problems = unreadable(birthDate, code, words)
  // Something that cannot be a birth date or a code does not count as a try.
  if (problems !== undefined) return sendProve(reply.code(422), words, { ...came, birthDate, code, problems })
  const proof = await acceptance.prove(came.link, { birthDate: birthDayOf(birthDate), code })
  switch (proof.kind) {
    case 'over':
      return sendInvitationIsOver(reply, words, await acceptance.findEnd(came.link))
    case 'ended':
      return sendInvitationIsOver(reply, words, { kind: 'tries' })
    case 'wrong':
      return sendProve(reply.code(422), words, { ...came, birthDate, code, problems: wrong(words) })
    case 'late':
      return sendProve(reply.code(422), words, { ...came, birthDate, problems: late(words) })
    case 'proven':
      reply.setCookie(cookies.nameOf('invitation'), proof.cookie, cookies.options)
      return reply.redirect('/invitation/account', 303)
  }
}

type Problems = {
  readonly parts?: DateProblems
  readonly birthDate?: string
  readonly code?: string
}

const unreadable = (birthDate: TypedDate, code: string, words: Words): Problems | undefined => {
  const parts = birthDateProblems(birthDate, words)
  const isCode = /^\d{6}$/.test(digitsOf(code))
  if (Object.keys(parts).length === 0 && isCode) return undefined
  return { parts, ...(!isCode && { code: words.say('prove.code-unreadable') }) }
}

/** It is not said which of the two is wrong. */
const wrong = ({ say }: Words): Problems => ({ birthDate: say('prove.wrong') })

/** The same whatever was typed, so that nothing is revealed about either. */
const late = ({ say }: Words): Problems => ({ code: say('prove.code-late') })

/** Of the code that was asked for last, if it is not known to be sent. */
type CodeState = 'sending' | 'unsent' | undefined

type Proving = Came & {
  readonly birthDate?: TypedDate
  readonly code?: string
  readonly problems?: Problems
  /** Shown instead of the text that a code is on its way. */
  readonly told?: Html
  readonly state?: CodeState
}

export const sendProve = (
  reply: FastifyReply,
  words: Words,
  { link, channel, birthDate: date = noDate, code = '', problems = {}, told, state }: Proving,
): FastifyReply => {
  const { say } = words
  const token = ownToken(reply)
  const born = { date, problems: problems.parts ?? {}, problem: problems.birthDate }
  const asked = {
    name: 'code',
    label: say(`prove.code-${channel}`),
    value: code,
    problem: problems.code,
    autocomplete: 'one-time-code',
    inputmode: 'numeric',
  } as const
  return sendTranslatedPage(reply, words, {
    title: say('prove.title'),
    address: provePage(link),
    isProblem: told !== undefined || Object.keys(problems).length > 0,
    content: html`<h1>${say('prove.title')}</h1>
${told === undefined ? standing(words, { link, channel }, state) : notice('problem', told)}
${problemList([...birthDateList(born), asked], say('check'))}
${postForm(
  { action: '/invitation', token, hidden: { link }, novalidate: true },
  html`${birthDateFields(born, words)}
${field(asked)}
<button class="btn btn-primary">${say('prove.go-on')}</button>`,
)}
${postForm({ action: '/invitation/code', token, hidden: { link } }, html`<button class="btn btn-outline-primary">${say('prove.again')}</button>`)}
<details class="mt-4"><summary>${say('prove.help')}</summary>
<ul>
<li>${say('prove.help-device')}</li>
<li>${say(`prove.help-${channel}`)}</li>
<li>${say('prove.help-date')}</li>
</ul>
</details>`,
  })
}

/** While the code is being sent, the page follows that without losing what is typed. */
const standing = (words: Words, { link, channel }: Came, state: CodeState): Html => {
  const { say } = words
  if (state === 'unsent') return followed(state, notice('warning', unsent(words, channel)))
  if (state === undefined) return followed('sent', html`<p>${say(`prove.text-${channel}`)}</p>`)
  return html`${followed(
    state,
    html`<p>${say('prove.sending')}</p>
<noscript><p><a href="${provePage(link)}">${say('prove.sending-look')}</a></p></noscript>`,
  )}
<script type="module" src="/static/sending.js"></script>`
}

const followed = (state: 'sent' | 'sending' | 'unsent', told: Html): Html =>
  html`<div role="status" data-code="${state}">${told}</div>`

/** Somebody who reads the code where they opened the link may lose this page by it, and opens the link again. */
export const provePage = (link: string): string => `/invitation?${new URLSearchParams({ link, sent: '' })}`

/** The last code that was sent may still be valid, so the form stays. */
export const sendTooOften = (reply: FastifyReply, words: Words, until: Date, came: Came): FastifyReply => {
  const seconds = Math.max(1, Math.ceil((until.getTime() - Date.now()) / 1000))
  // Rounded up to the minute, so that a code is possible by then.
  const at = moment(new Date(Math.ceil(until.getTime() / 60_000) * 60_000), words)
  const told = html`<p>${phrase(words, 'prove.too-often', { at })}</p>
<p>${words.say('prove.too-often-ask')}</p>`
  return sendProve(reply.code(429).header('retry-after', String(seconds)), words, { ...came, told })
}

/** A code that was sent before still works, so the form stays. */
export const sendUnsent = (reply: FastifyReply, words: Words, came: Came): FastifyReply =>
  sendProve(reply.code(503), words, { ...came, told: unsent(words, came.channel) })

const unsent = ({ say }: Words, channel: Came['channel']): Html => html`<p>${say(`prove.unsent-${channel}`)}</p>`
