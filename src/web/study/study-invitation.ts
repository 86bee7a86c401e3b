import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { reasonNotToAsk } from '../../studies/definition/study-status.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import { unfinishedRecord } from '../../studies/invitation/addresses-for.ts'
import type { Invited, ShownInvitation } from '../../studies/invitation/invitations.ts'
import type { EnrolledPerson } from '../../studies/people/enrolled-people.ts'
import { findEnrolledPerson } from '../../studies/people/enrolled-person.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { printedLine } from '../page/printed-line.ts'
import { qrPicture } from '../page/qr-picture.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { backToStudy } from './back-to-study.ts'
import { hasAnsweredUninvited, sent, standingText, unreachedText } from './invitation-text.ts'
import { peopleAskedIn, peopleUrl } from './people-asked.ts'
import type { OfSubject } from './read-study.ts'
import { doneUrl } from './study-done.ts'
import { nameOf, notAsked } from './study-person.ts'

/** What staff can do with the invitation of somebody in a study. */
export const studyInvitationActions: AddPage = (server, options) => {
  const { invitations } = options
  const onRequest = requireSession
  const at = '/studies/:id/people/:subject'
  server.post<OfSubject>(`${at}/invite`, { onRequest }, async (request, reply) => {
    const { id: study, subject } = request.params
    // Pages that an earlier version has shown have none.
    const after = typed(request.body, 'after') || undefined
    const { person } = sessionOf(request)
    const why = await refusalOr(() => invitations.invite({ person, study, subject, after }))
    if (why instanceof FhirError)
      return sendRefusal(reply, request.params, why.message, await recordToComplete(request, options, why))
    return reply.redirect(doneUrl(request, study, subject, 'invited'), 303)
  })
  server.post<OfSubject>(`${at}/cancel`, { onRequest }, async (request, reply) => {
    const { id: study, subject } = request.params
    await invitations.cancel({ person: sessionOf(request).person, study, subject })
    return reply.redirect(doneUrl(request, study, subject, 'cancelled'), 303)
  })
  server.post<OfSubject>(`${at}/code`, { onRequest }, async (request, reply) => {
    const { id: study, subject } = request.params
    const shown = await refusalOr(() => invitations.show({ person: sessionOf(request).person, study, subject }))
    if (shown instanceof FhirError) return sendRefusal(reply, request.params, shown.message)
    if (shown === undefined) return sendRefusal(reply, request.params, 'There is no open invitation')
    return sendCode(
      reply,
      shown,
      subject,
      await findEnrolledPerson(options, { person: sessionOf(request).person, subject }),
    )
  })
}

/** What it answers, or why the rules refuse it. */
const refusalOr = async <T>(act: () => Promise<T>): Promise<T | FhirError> => {
  try {
    return await act()
  } catch (error) {
    if (!(error instanceof FhirError) || error.status !== 422) throw error
    return error
  }
}

/** Leads whoever may complete the record of the patient there, and then to their invitation; nothing for others. */
const recordToComplete = async (
  request: FastifyRequest<OfSubject>,
  options: PageOptions,
  { issues }: FhirError,
): Promise<Html | undefined> => {
  if (issues[0].expression !== unfinishedRecord) return undefined
  const { person } = sessionOf(request)
  const { patient } = await findEnrolledPerson(options, { person, subject: request.params.subject })
  if (patient === undefined || !(await options.patientChanges.isFor(person, patient))) return undefined
  const back = new URLSearchParams({
    back: peopleUrl(`/studies/${request.params.id}`, peopleAskedIn(queryOf(request))),
  })
  return html`<p><a class="btn btn-primary" href="/patients/${patient.id}/change?${back.toString()}">Complete the patient’s details</a></p>`
}

const sendRefusal = (
  reply: FastifyReply,
  { id, subject }: OfSubject['Params'],
  why: string,
  next?: Html,
): FastifyReply =>
  sendStaffPage(reply.code(422), {
    title: 'Nobody was invited',
    isProblem: true,
    content: html`<h1>This was not done</h1>
<p>${why}.</p>
${next}
${backToStudy(reply.request, id, subject)}`,
  })

/** Without the birth date, for which whoever opens it is asked. */
const sendCode = (
  reply: FastifyReply,
  { link, study, expiresAt, channel, isRefused }: ShownInvitation,
  subject: string,
  whom: Parameters<typeof nameOf>[0],
): FastifyReply =>
  sendStaffPage(reply, {
    title: 'Invitation to scan',
    isProblem: isRefused,
    content: html`<h1>Invitation to scan</h1>
<dl><dt>Patient</dt><dd>${nameOf(whom)}</dd>
<dt>Study</dt><dd>${titleOf(study)}</dd>
<dt>Works until</dt><dd>${moment(expiresAt)}</dd></dl>
${isRefused && notice('problem', html`<p>The ${sent[channel].message} to them has failed so far, and so may the code: correct their ${sent[channel].address} first, and invite them again.</p>`)}
<p>The patient scans this with the camera of their phone. It asks them for their birth date, and for a code that we send to the ${sent[channel].address} that was invited: nobody else can use it.</p>
${qrPicture(link, 'QR code of the invitation')}
<p>It works as long as the invitation does, or until you show another one.</p>
${printedLine()}
${backToStudy(reply.request, study.id ?? '', subject)}`,
  })

type Shown = {
  readonly study: ResearchStudy
  /** The query of the list in which it is shown. */
  readonly back: string
  readonly token: string
  readonly hasOutbox: boolean
}

/** Says once for all whom the page lists why nobody can be invited now. */
export const notAsking = (study: ResearchStudy): Html | undefined => {
  const why = reasonNotToAsk(study)
  return why === undefined ? undefined : nobodyInvited(why)
}

export const nobodyInvited = (why: string): Html => notice('standing', html`<p>Nobody can be invited now. ${why}.</p>`)

/** What became of the invitation, and what can be done with it, to stand among `actions`; undefined if the reader may not invite. */
export const invitationOf = (
  person: EnrolledPerson,
  invitable: ReadonlyMap<string, Invited>,
  { study, back, token, hasOutbox }: Shown,
): Html | undefined => {
  const { id, hasEnded } = person
  const page = `/studies/${study.id}`
  const invited = invitable.get(id)
  if (invited === undefined) return undefined
  const { invitation: state } = invited
  const button = (action: 'invite' | 'cancel' | 'code', label: string) =>
    postForm(
      {
        action: `${page}/people/${id}/${action}${back}`,
        token,
        ...(action === 'invite' && { hidden: { after: state?.id ?? 'none' } }),
      },
      html`<button class="btn btn-outline-primary" aria-label="${label}: ${nameOf(person)}">${label}</button>`,
    )
  const isAsked = reasonNotToAsk(study) === undefined && notAsked(person) === undefined
  return html`${!hasAnsweredUninvited(invited, person) && standingText(invited, person, { study, hasOutbox })}
${unreachedText(invited, person, { study, back: `${page}${back}` })}
${
  !hasEnded &&
  html`${isAsked && button('invite', state === undefined ? 'Invite' : 'Invite again')}
${isAsked && state?.isOpen && button('code', 'Show a QR code')}
${state?.isOpen && button('cancel', 'Cancel the invitation')}`
}`
}
