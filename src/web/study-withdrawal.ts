import type { FastifyReply } from 'fastify'
import { wordsFor } from '../messages/catalogue.ts'
import { findGivenOf, withdrawFor } from '../studies/withdrawal-by-staff.ts'
import type { AddPage } from './add-page.ts'
import { form, typed } from './form.ts'
import { ownToken } from './form-token.ts'
import { html } from './html.ts'
import { sendPage } from './page.ts'
import { requireSession, sessionOf } from './signed-in.ts'
import { dayOrMoment } from './time.ts'

type OfSubject = { readonly Params: { readonly id: string; readonly subject: string } }

/** A patient who has called, or come by, to withdraw: staff do it for them, and say why. They never give more for anybody. */
export const studyWithdrawalPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/people/:subject/withdrawal'
  server.get<OfSubject>(at, { onRequest }, async (request, reply) => {
    const { id: study, subject } = request.params
    const { dateTime = '' } = await findGivenOf(options, { person: sessionOf(request).person, study, subject })
    return sendWithdrawal(reply, { study, subject, since: dateTime, reason: '' })
  })
  server.post<OfSubject>(at, { onRequest }, async (request, reply) => {
    const { id: study, subject } = request.params
    const of = { person: sessionOf(request).person, study, subject }
    const reason = typed(request.body, 'reason').trim()
    const problem = problemOf(reason)
    if (problem !== undefined) {
      const { dateTime = '' } = await findGivenOf(options, of)
      return sendWithdrawal(reply.code(422), { study, subject, since: dateTime, reason, problem })
    }
    await withdrawFor(options, of, reason)
    return reply.redirect(`/studies/${study}`, 303)
  })
}

const problemOf = (reason: string): string | undefined => {
  if (reason === '') return 'Say how the patient told you, and when'
  return reason.length > 1000 ? 'Say it in at most 1000 characters' : undefined
}

type Shown = {
  readonly study: string
  readonly subject: string
  readonly since: string
  readonly reason: string
  readonly problem?: string
}

const sendWithdrawal = (reply: FastifyReply, { study, subject, since, reason, problem }: Shown): FastifyReply => {
  const token = ownToken(reply)
  return sendPage(reply, {
    title: 'Withdraw for a patient',
    isProblem: problem !== undefined,
    signOut: { token },
    content: html`<h1>Withdraw for a patient</h1>
<p>They have agreed on ${dayOrMoment(since, wordsFor('en'))}. If they have told you that they want to stop, for example by telephone, end it here: it ends at once, and what their text promised for that holds.</p>
<p>You cannot undo it: only the patient agrees again.</p>
${form({
  action: `/studies/${study}/people/${subject}/withdrawal`,
  token,
  fields: [
    {
      name: 'reason',
      label: 'How and when the patient told you',
      hint: 'It is kept with the consent, and the patient can read it.',
      rows: 3,
      value: reason,
      problem,
      autocomplete: 'off',
    },
  ],
  button: 'Withdraw for the patient',
})}
<p><a href="/studies/${study}">Back to the study</a></p>`,
  })
}
