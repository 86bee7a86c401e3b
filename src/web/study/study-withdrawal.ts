import type { Consent } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { isOnPaper } from '../../studies/consent/waiting-paper.ts'
import { type ForSubject, findGivenOf, mayWithdrawIn, withdrawFor } from '../../studies/consent/withdrawal-by-staff.ts'
import { findOneEnrolled } from '../../studies/people/enrolled-people.ts'
import { findEnrolledPerson } from '../../studies/people/enrolled-person.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { form, notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { isOvertaken } from '../page/overtaken.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { dayOrMoment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { backToStudy, listQuery } from './back-to-study.ts'
import { type OfSubject, readStudyOf } from './read-study.ts'
import { doneUrl } from './study-done.ts'
import { answered, whomFact } from './study-person.ts'

/** For a patient who has called, or come by, to withdraw: staff do it for them, and say why. Staff never give more for anybody. */
export const studyWithdrawalPage: AddPage = (server, options) => {
  const onRequest = requireSession
  const at = '/studies/:id/people/:subject/withdrawal'
  server.get<OfSubject>(at, { onRequest }, async (request, reply) => {
    const { id: study, subject } = request.params
    const of = { person: sessionOf(request).person, study, subject }
    return sendWithdrawal(reply, options, of, { reason: '' })
  })
  server.post<OfSubject>(at, keepsTyped(options), async (request, reply) => {
    const { id: study, subject } = request.params
    const of = { person: sessionOf(request).person, study, subject }
    const reason = typed(request.body, 'reason').trim()
    if (reason === '' || reason.length > mostLetters)
      return sendWithdrawal(reply.code(422), options, of, { reason, isWrong: true })
    try {
      const done = await withdrawn(options, of, { reason, version: typed(request.body, 'version') })
      if (done === 'changed') return await sendWithdrawal(reply.code(409), options, of, { reason, isOther: true })
    } catch (error) {
      if (!(error instanceof FhirError) || error.status !== 404) throw error
      return sendEnded(request, reply.code(409), options, error)
    }
    return reply.redirect(doneUrl(request, study, subject, 'withdrawn'), 303)
  })
}

const withdrawn = async (...asked: Parameters<typeof withdrawFor>): ReturnType<typeof withdrawFor> => {
  try {
    return await withdrawFor(...asked)
  } catch (error) {
    if (isOvertaken(error)) return 'changed'
    throw error
  }
}

const mostLetters = 1000

type Shown = {
  readonly reason: string
  readonly isWrong?: boolean
  /** Whether they give something else by now than on the page from which it was sent. */
  readonly isOther?: boolean
}

/** There is nothing more to end: somebody else was faster, or the patient. Whoever could not have ended it is refused as before. */
const sendEnded = async (
  request: FastifyRequest<OfSubject>,
  reply: FastifyReply,
  options: PageOptions,
  refusal: FhirError,
): Promise<FastifyReply> => {
  const { id, subject } = request.params
  if (!(await mayWithdrawIn(options, sessionOf(request).person, id))) throw refusal
  const { caller, study } = await readStudyOf(request, options)
  const person = await findOneEnrolled(options, caller, study, subject)
  if (person === undefined) throw refusal
  return sendStaffPage(reply, {
    title: 'Withdraw for a patient',
    isProblem: true,
    content: html`<h1>Withdraw for a patient</h1>
${notice('problem', html`<p>What they gave had ended before you sent this. Nothing was changed, and what you entered was not noted.</p>`)}
<dl>${whomFact(person)}<dt>Answer</dt><dd>${answered(person)}</dd></dl>
${backToStudy(request, id, subject)}`,
  })
}

/** Somebody who has left is not asked again whether they want to stop: their consent only prevents them from being enrolled again. */
const toldBy = {
  patient: {
    text: 'If they have told you that they want to stop, for example by phone, withdraw for them here. It takes effect at once, and what the text they signed promises about withdrawing applies.',
    label: 'How and when the patient told you',
    missing: 'Enter how and when the patient told you',
  },
  place: {
    text: 'Their place in the study has ended, and their consent has no effect. They can be enrolled again once it is ended here too.',
    label: 'Why it is ended',
    missing: 'Enter why it is ended',
  },
} as const

const agreedOn = ({ dateTime }: Consent): Html =>
  dateTime === undefined
    ? html`The consent does not say when they agreed.`
    : html`They agreed on ${dayOrMoment(dateTime, wordsFor('en'))}.`

const sendWithdrawal = async (
  reply: FastifyReply,
  options: PageOptions,
  of: ForSubject,
  { reason, isWrong = false, isOther = false }: Shown,
): Promise<FastifyReply> => {
  const { study, subject } = of
  const given = await findGivenOf(options, of)
  const token = ownToken(reply)
  const words = toldBy[given.hasEnded ? 'place' : 'patient']
  const problem = reason === '' ? words.missing : `Use at most ${mostLetters} characters`
  return sendStaffPage(reply, {
    title: 'Withdraw for a patient',
    isProblem: isWrong || isOther,
    content: html`<h1>Withdraw for a patient</h1>
${isOther && notice('problem', html`<p>What the patient gives has changed since you opened this page: they may have agreed again. Nothing is ended. What you entered is still below; send it again if they want to end what they give now.</p>`)}
<dl>${whomFact(await findEnrolledPerson(options, of))}</dl>
<p>${agreedOn(given.consent)} ${words.text}</p>
${isOnPaper(given.consent) && html`<p>They signed on paper: <a href="/studies/${study}/people/${subject}/paper${listQuery(reply.request)}">see what was recorded, and its scan</a>.</p>`}
<p>You cannot undo this: only the patient can agree again. They are told that you did it, if their record has an address.</p>
${form({
  action: `/studies/${study}/people/${subject}/withdrawal${listQuery(reply.request)}`,
  token,
  hidden: { version: given.version },
  fields: [
    {
      name: 'reason',
      label: words.label,
      hint: 'It is kept with the consent, and the patient can read it.',
      rows: 3,
      isProse: true,
      value: reason,
      ...(isWrong ? { problem } : {}),
      autocomplete: 'off',
    },
  ],
  button: 'Withdraw for the patient',
})}
${backToStudy(reply.request, study, subject)}`,
  })
}
