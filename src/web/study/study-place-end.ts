import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { mayWithdrawIn } from '../../studies/consent/withdrawal-by-staff.ts'
import { reasonNotRead } from '../../studies/definition/study-status.ts'
import { type EnrolledPerson, findOneEnrolled } from '../../studies/people/enrolled-people.ts'
import { type EndablePlace, endPlace, findEndablePlace } from '../../studies/people/place-end.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { radioField } from '../page/choice-field.ts'
import { notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { namedIn } from '../page/named-in.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { typed } from '../page/typed.ts'
import { backToStudy, listQuery } from './back-to-study.ts'
import { isConsenting } from './by-staff.ts'
import { type OfSubject, readStudyOf } from './read-study.ts'
import { doneUrl } from './study-done.ts'
import { answered, endings, whomFact } from './study-person.ts'

/** Takes somebody out of a study, for those who may enrol people into it: who was enrolled by mistake, does not fit, says no by telephone, or is done. */
export const studyPlaceEndPage: AddPage = (server, options) => {
  const at = '/studies/:id/people/:subject/end'
  const find = (request: FastifyRequest<OfSubject>) => {
    const { id: study, subject } = request.params
    return findEndablePlace(options, { person: sessionOf(request).person, study, subject })
  }
  server.get<OfSubject>(at, { onRequest: requireSession }, async (request, reply) =>
    sendEnd(request, reply, options, { endable: await find(request) }),
  )
  server.post<OfSubject>(at, keepsTyped(options), async (request, reply) => {
    const endable = await find(request)
    const { id, subject } = request.params
    const done = () => reply.redirect(doneUrl(request, id, subject, 'ended'), 303)
    const [version, chosen] = [typed(request.body, 'version'), typed(request.body, 'why')]
    const status = namedIn(statuses, chosen)
    if (endable.isOver && endable.place.status === status) return done()
    if (endable.isOver) return sendEnd(request, reply.code(409), options, { endable, isOther: true })
    if (status === undefined) return sendEnd(request, reply.code(422), options, { endable, version, isUnchosen: true })
    if ((await endPlace(endable, { version, status })) === 'ended') return done()
    return sendEnd(request, reply.code(409), options, { endable: await find(request), why: status, isOther: true })
  })
}

type Status = keyof typeof endings
const statuses = Object.fromEntries(Object.keys(endings).map(one => [one, one])) as Readonly<Record<string, Status>>

type Shown = {
  readonly endable: EndablePlace
  /** That of the place when the form was first shown; by default, the present one. */
  readonly version?: string
  readonly why?: Status
  readonly isUnchosen?: boolean
  /** Whether the place was changed since the form was shown, as by an answer. */
  readonly isOther?: boolean
}

const sendEnd = async (
  request: FastifyRequest<OfSubject>,
  reply: FastifyReply,
  options: PageOptions,
  { endable, version = endable.version, why = undefined, isUnchosen = false, isOther = false }: Shown,
): Promise<FastifyReply> => {
  const { caller, study } = await readStudyOf(request, options)
  const { id, subject } = request.params
  const person = (await findOneEnrolled(options, caller, study, subject)) ?? notFound()
  const asks = await mayWithdrawIn(options, sessionOf(request).person, id)
  const asked = {
    name: 'why',
    label: 'Why does it end?',
    value: why ?? '',
    problem: isUnchosen ? 'Choose why it ends' : undefined,
    choices: Object.entries(endings).map(([value, label]) => ({ value, label })),
  }
  return sendStaffPage(reply, {
    title: 'End a place in the study',
    isProblem: isUnchosen || isOther,
    content: html`<h1>End a place in the study</h1>
${isOther && notice('problem', html`<p>${endable.isOver ? endedBefore : changedSince}</p>`)}
${problemList([asked])}
<dl>${whomFact(person)}<dt>Answer</dt><dd>${answered(person)}</dd></dl>
${
  endable.isOver
    ? html`<p>There is nothing more to end. To ask them again, enrol them anew.</p>`
    : html`${whatEnds(person.state, study, asks && `/studies/${id}/people/${subject}/withdrawal${listQuery(request)}`)}
${postForm(
  {
    action: `/studies/${id}/people/${subject}/end${listQuery(request)}`,
    token: ownToken(reply),
    hidden: { version },
    novalidate: true,
  },
  html`${radioField(asked)}
<button class="btn btn-primary">End their place</button>`,
)}`
}
${backToStudy(request, id, subject)}`,
  })
}

const endedBefore = 'Their place had ended before you sent this. Nothing was changed, and what you chose was not noted.'
const changedSince =
  'Their place has changed since you opened this page: they may have answered. Nothing was ended. Send it again if it is still to end.'

const whatEnds = (
  state: EnrolledPerson['state'],
  study: ResearchStudy,
  withdrawal: string | false,
): Html => html`<p>It ends at once: nobody invites or reminds them any more, a link that was sent to them no longer works, and nobody reads anything of theirs for this study. The patient sees that it has ended. You cannot undo this: to ask them again, you enrol them anew.</p>
${
  isConsenting(state) &&
  html`<p>They ${state === 'nothing' || reasonNotRead(study) !== undefined ? 'have consented to the study, though they share nothing with it now' : 'share data with the study now'}. Their consent stays, without effect, and they can be enrolled again only once it is ended. They are told that their part in the study has ended, if their record has an address.${withdrawal && html` If they have told you that they want to stop, first <a href="${withdrawal}">withdraw for them</a>.`}</p>`
}`
