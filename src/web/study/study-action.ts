import type { Patient } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import { isInForce } from '../../storage/account/session.ts'
import type { RefusedItem, StudyAction } from '../../storage/study/study-action.ts'
import { findEnrolledPeople } from '../../studies/people/enrolled-people.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { notice, postForm } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { notFound } from '../page/not-found.ts'
import { itemBeforeIn } from '../page/page-number.ts'
import { type Progress, progressBar, streamProgress } from '../page/progress.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { patientUrl } from '../patient/patient-back.ts'
import { patientLine } from '../patient/patient-search.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { goneNotice } from './many-asked.ts'
import { readStudyOf } from './read-study.ts'
import { nameOf, personUrl } from './study-person.ts'

type OfAction = { readonly Params: { readonly id: string; readonly action: string } }

/** An action on many people of a study: its progress, and for whom it could not be done. */
export const studyActionPage: AddPage = (server, options) => {
  const at = '/studies/:id/actions/:action'
  const find = async (request: FastifyRequest<OfAction>): Promise<StudyAction> => {
    const { id, action } = request.params
    return (await options.studyActions.find(sessionOf(request).person, id, action)) ?? notFound()
  }
  server.get<OfAction>(at, { onRequest: requireSession }, async (request, reply) => {
    const found = await find(request)
    const after = itemBeforeIn(queryOf(request))
    const { label, done } = texts[found.what]
    const page = `/studies/${found.study}`
    const isInVain = found.isOver && found.refused > 0 && found.refused === found.done
    return sendStaffPage(reply, {
      title: label,
      isProblem: isInVain,
      isRefreshed: !found.isOver,
      content: html`<h1>${label}</h1>
${goneNotice(queryOf(request))}
${
  found.isOver
    ? html`${notice(isInVain ? 'problem' : 'done', html`<p>${found.done - found.refused} of ${found.total} ${done}.</p>`)}${found.refused > 0 && (await refusedList(request, options, found, after))}`
    : html`${progressBar(progressOf(found), { label: 'Done', stream: `${page}/actions/${found.id}/progress` })}
${postForm({ action: `${page}/actions/${found.id}/stop`, token: ownToken(reply), class: 'my-3' }, html`<button class="btn btn-outline-primary">Stop</button> <span class="text-body-secondary">What is done already stays done.</span>`)}`
}
${found.isOver && writes.has(found.what) && found.refused < found.done && html`<p>Whether each message was sent stands beside the names.</p>`}
<p><a class="btn btn-primary" href="${page}/invitations">See the invitations</a></p>
<p><a href="${page}">Back to the study</a></p>`,
    })
  })
  server.post<OfAction>(`${at}/stop`, { onRequest: requireSession }, async (request, reply) => {
    const { id, action } = request.params
    if (!(await options.studyActions.stop(sessionOf(request).person, id, action))) return notFound()
    return reply.redirect(`/studies/${id}/actions/${action}`, 303)
  })
  streamProgress<OfAction['Params']>(server, `${at}/progress`, {
    read: async request => progressOf(await find(request)),
    isSignedIn: ({ id }) => isInForce(options.accounts.database, id),
  })
}

/** Leads to what the reader has under way in a study, since they may have left its page. */
export const underWay = async (
  request: FastifyRequest<OfStudy>,
  { studyActions }: PageOptions,
): Promise<readonly Html[]> => {
  const { id: study } = request.params
  const actions = await studyActions.underWay(sessionOf(request).person, study)
  return actions.map(({ id, what, done, total }) =>
    notice(
      'standing',
      html`<p>${texts[what].label}: ${done} of ${total} are done. <a href="/studies/${study}/actions/${id}">See how far it is</a></p>`,
    ),
  )
}

const progressOf = ({ done, total, isOver }: StudyAction): Progress => ({ done, total, isOver })

const texts: Readonly<Record<StudyAction['what'], { readonly label: string; readonly done: string }>> = {
  enrol: { label: 'Enrolling', done: 'are enrolled' },
  'enrol-and-invite': { label: 'Enrolling and inviting', done: 'are enrolled and invited' },
  invite: { label: 'Inviting', done: 'are invited' },
  remind: { label: 'Reminding', done: 'are reminded' },
  cancel: { label: 'Cancelling invitations', done: 'no longer have an open invitation' },
}

/** Those that send messages, which are only waiting by the time that it is over. */
const writes: ReadonlySet<StudyAction['what']> = new Set(['enrol-and-invite', 'invite', 'remind'])

const pageSize = 50

const refusedList = async (
  request: FastifyRequest<OfAction>,
  options: PageOptions,
  found: StudyAction,
  after: number,
): Promise<Html> => {
  const items = await options.studyActions.refused(found.id, { after, count: pageSize + 1 })
  const shown = items.slice(0, pageSize)
  const names = await namesOf(request, options, found, shown)
  const last = shown.at(-1)
  return html`<h2>Not done: ${found.refused}</h2>
<ul>${shown.map(({ target, refusal }) => html`<li>${names.get(target) ?? 'Somebody'}: ${refusal}.</li>`)}</ul>
${items.length > pageSize && last && html`<p><a href="/studies/${found.study}/actions/${found.id}?after=${last.item}">More</a></p>`}`
}

/** Their names, as far as the reader may know them now. */
const namesOf = async (
  request: FastifyRequest<OfAction>,
  options: PageOptions,
  { what, person }: StudyAction,
  items: readonly RefusedItem[],
): Promise<ReadonlyMap<string, Html | string>> => {
  const ids = items.map(({ target }) => target)
  const back = `/studies/${request.params.id}`
  if (what === 'enrol' || what === 'enrol-and-invite') {
    const patients = await options.patientImports.patients(person, ids)
    const line = ([id, patient]: readonly [string, Patient]) =>
      [id, html`<a href="${patientUrl(id, back)}">${patientLine(patient)}</a>`] as const
    return new Map([...patients].map(line))
  }
  const { caller, study } = await readStudyOf(request, options)
  const { people } = await findEnrolledPeople(options, caller, study, { among: ids, limit: pageSize })
  return new Map(people.map(one => [one.id, html`<a href="${personUrl(study, one, back)}">${nameOf(one)}</a>`]))
}
