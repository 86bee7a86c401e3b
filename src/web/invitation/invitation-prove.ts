import type { FastifyReply, FastifyRequest } from 'fastify'
import { digitsOf } from '../../accounts/sign-in/code.ts'
import { isDay } from '../../fhir/date.ts'
import type { Words } from '../../messages/catalogue.ts'
import type { Invitation } from '../../storage/study/invitation.ts'
import type { PageOptions } from '../page/add-page.ts'
import { form, notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendInvitationIsOver } from '../page/link-is-over.ts'
import { moment, phrase } from '../page/time.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { typed } from '../page/typed.ts'
import { dayIn } from '../page/typed-day.ts'

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
  const [birthDate, code] = [typed(request.body, 'birthDate'), typed(request.body, 'code')]
  const problems = unreadable(birthDate, code, words)
  // Something that cannot be a birth date or a code does not count as a try.
  if (problems !== undefined) return sendProve(reply.code(422), words, { ...came, birthDate, problems })
  const proof = await acceptance.prove(came.link, { birthDate: dayIn(birthDate), code })
  switch (proof.kind) {
    case 'over':
      return sendInvitationIsOver(reply, words, await acceptance.findEnd(came.link))
    case 'ended':
      return sendInvitationIsOver(reply, words, { kind: 'tries' })
    case 'wrong':
      return sendProve(reply.code(422), words, { ...came, birthDate, problems: wrong(words) })
    case 'late':
      return sendProve(reply.code(422), words, { ...came, birthDate, problems: late(words) })
    case 'proven':
      reply.setCookie(cookies.nameOf('invitation'), proof.cookie, cookies.options)
      return reply.redirect('/invitation/account', 303)
  }
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

type Proving = Came & {
  readonly birthDate?: string
  readonly problems?: Problems
  /** Shown instead of the text that a code is on its way. */
  readonly told?: Html
}

export const sendProve = (
  reply: FastifyReply,
  words: Words,
  { link, channel, birthDate = '', problems = {}, told }: Proving,
): FastifyReply => {
  const { say } = words
  const token = ownToken(reply)
  return sendTranslatedPage(reply, words, {
    title: say('prove.title'),
    address: provePage(link),
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
