import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { StudyActionKind } from '../../storage/study/study-action.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import type { EnrollingStudy } from '../../studies/patient/registering.ts'
import { findEnrolledPeople } from '../../studies/people/enrolled-people.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { FieldError } from '../page/field-error.ts'
import { notice } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { ticked, typed } from '../page/typed.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { askedAgain, type InvitationsAsked, invitationsAskedIn } from './invitations-asked.ts'
import { invitationsFilter, invitationsForm } from './invitations-form.ts'
import { goneNotice, startOnMany } from './many-asked.ts'
import { type PeopleAsked, pagesAround, pageWanted, peopleUrl } from './people-asked.ts'
import { type ReadStudy, readStudyOf } from './read-study.ts'
import { underWay } from './study-action.ts'
import { notAsking } from './study-invitation.ts'

/** Invites, reminds and cancels many at once: those that are ticked, or all that are listed, on all pages. */
export const studyInvitationsPage: AddPage = (server, options) => {
  const at = '/studies/:id/invitations'
  server.get<OfStudy>(at, { onRequest: requireSession }, async (request, reply) => {
    const { read, closedBecause } = await readFor(request, options)
    const { caller, study, seesAnswers } = read
    const query = queryOf(request)
    const asked = invitationsAskedIn(query, read)
    const isUnread = Object.values(asked.problems).some(Boolean)
    const among = isUnread ? [] : await options.studyActions.among(caller, study, asked.invited)
    const wanted = { ...pageWanted(asked, pageSize), among }
    const { people, total } = await findEnrolledPeople(options, caller, study, wanted)
    const invited = await options.invitations.list(
      sessionOf(request).person,
      people.map(({ id }) => id),
    )
    const path = `/studies/${study.id}/invitations`
    const urlOf = (one: PeopleAsked) => peopleUrl(path, one, asked.invited && { invited: asked.invited })
    const isUnticked = query.get('none') === 'ticked'
    const gone = goneNotice(query)
    return sendStaffPage(reply, {
      title: `Invitations: ${titleOf(study)}`,
      isWide: true,
      isProblem: isUnticked || isUnread || gone !== undefined || asked.order.problem !== undefined,
      content: html`<h1>Invitations to ${titleOf(study)}</h1>
${await underWay(request, options)}
${isUnticked && notice('problem', html`<p>Nobody was ticked, so nothing was done. Tick people, or choose all who are listed.</p>`)}
${gone}${notAsking(study)}
${invitationsFilter(path, asked, seesAnswers)}
${total === 0 && !isUnread && nobodyListed(asked, { id: study.id ?? '', closedBecause })}
${people.length > 0 && invitationsForm({ path, asked, people, invited, total, study, options, token: ownToken(reply), hasOutbox: request.hasOutbox === true })}
${pagesAround(total, pageSize, asked, urlOf)}
<p><a href="/studies/${study.id}">Back to the study</a></p>`,
    })
  })
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const { read } = await readFor(request, options)
    const { id } = request.params
    const { body } = request
    const what = acts.find(act => act === typed(body, 'do'))
    if (what === undefined) throw new FieldError('do', acts)
    return startOnMany(request, reply, options, {
      what,
      study: { id, name: titleOf(read.study) },
      page: `/studies/${id}/invitations`,
      again: askedAgain(body),
      pageSize,
      name: 'subject',
      targets: await chosenIn(request, options, read),
    })
  })
}

const pageSize = 20

const acts: readonly StudyActionKind[] = ['invite', 'remind', 'cancel']

/** Throws `not-found` for anybody who may not invite into it. */
const readFor = async (
  request: FastifyRequest<OfStudy>,
  options: PageOptions,
): Promise<Pick<EnrollingStudy, 'closedBecause'> & { readonly read: ReadStudy }> => {
  const { closedBecause } =
    (await options.registering.findStudy(sessionOf(request).person, request.params.id)) ?? notFound()
  return { closedBecause, read: await readStudyOf(request, options) }
}

const nobodyListed = (
  { state, invited, text }: InvitationsAsked,
  { id, closedBecause }: Pick<EnrollingStudy, 'id' | 'closedBecause'>,
): Html => {
  if (state !== undefined || invited !== undefined || text !== '')
    return html`<p class="mt-4">Nobody in the study matches that.</p>`
  return closedBecause === undefined
    ? html`<p class="mt-4">Nobody is in the study yet. <a href="/studies/${id}/enrolment">Enrol patients</a> first.</p>`
    : html`<p class="mt-4">Nobody is in the study, and nobody can be enrolled now: ${closedBecause}.</p>`
}

/** The list is read again, since it may have changed since it was shown. */
const chosenIn = async (
  { body }: FastifyRequest<OfStudy>,
  { studyActions }: PageOptions,
  read: ReadStudy,
): Promise<readonly string[]> => {
  const { caller, study } = read
  if (typed(body, 'who') !== 'all') {
    const subjects = ticked(body, 'subject')
    return subjects.length === 0 ? [] : studyActions.everybody(caller, study, { among: subjects })
  }
  const again = askedAgain(body)
  const asked = invitationsAskedIn(again, read)
  // If they may no longer filter by that, more people are listed than were shown.
  const isSame = (['state', 'invited'] as const).every(name => (again.get(name) ?? undefined) === asked[name])
  if (!isSame) return []
  const among = await studyActions.among(caller, study, asked.invited)
  return studyActions.everybody(caller, study, { state: asked.state, text: asked.text, among })
}
