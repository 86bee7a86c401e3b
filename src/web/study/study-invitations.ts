import type { FastifyReply, FastifyRequest } from 'fastify'
import { queryOf } from '../../http/fhir/presentation.ts'
import type { InvitedFilter } from '../../storage/study/invited-subject.ts'
import type { StudyActionKind } from '../../storage/study/study-action.ts'
import type { StudyPeopleAsked } from '../../storage/study/study-people.ts'
import type { Invited } from '../../studies/invitation/invitations.ts'
import { type EnrolledPerson, findEnrolledPeople } from '../../studies/people/enrolled-people.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { FieldError } from '../page/field-error.ts'
import { box, field, notice, postForm, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { keepsTyped } from '../page/keeps-typed.ts'
import { orderField, orderProblem, orderQuery } from '../page/list-order.ts'
import { notFound } from '../page/not-found.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { ticked, typed } from '../page/typed.ts'
import { type OfStudy, titleOf } from '../study-settings/study-changing.ts'
import { goneNotice, goneOf, isUnsureOf, sureForm, sureTitle, whoField } from './many-asked.ts'
import {
  invitationOrders,
  type PeopleAsked,
  pagesAround,
  peopleInOrder,
  peopleStates,
  peopleUrl,
} from './people-asked.ts'
import { type ReadStudy, readStudyOf } from './read-study.ts'
import { underWay } from './study-action.ts'
import { notAsking, standingText } from './study-invitation.ts'
import { answered, nameOf, notAsked } from './study-person.ts'
import { wayField, wayIn } from './way-field.ts'

/** Invites, reminds and cancels many at once: those that are ticked, or all that are listed, on all pages. */
export const studyInvitationsPage: AddPage = (server, options) => {
  const at = '/studies/:id/invitations'
  server.get<OfStudy>(at, { onRequest: requireSession }, async (request, reply) => {
    const read = await readFor(request, options)
    const { caller, study, seesAnswers } = read
    const query = queryOf(request)
    const asked = listedBy(query, read)
    const among = await options.studyActions.among(study.id ?? '', asked.invited)
    const wanted = { ...asked, among, seesAnswers, offset: (asked.page - 1) * pageSize, limit: pageSize }
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
      isProblem: isUnticked || gone !== undefined || asked.order.problem !== undefined,
      content: html`<h1>Invitations to ${titleOf(study)}</h1>
${await underWay(request, options)}
${isUnticked && notice('problem', html`<p>Nobody was ticked, so nothing was done. Tick people, or choose all who are listed.</p>`)}
${gone}${notAsking(study)}
${filterForm(path, asked, seesAnswers)}
${total === 0 && nobodyListed(asked, study.id ?? '')}
${people.length > 0 && actForm({ path, asked, people, invited, total, options, token: ownToken(reply) })}
${pagesAround(total, pageSize, asked, urlOf)}
<p><a href="/studies/${study.id}">Back to the study</a></p>`,
    })
  })
  server.post<OfStudy>(at, keepsTyped(options), async (request, reply) => {
    const read = await readFor(request, options)
    const { id: study } = request.params
    const { body } = request
    const what = acts.find(act => act === typed(body, 'do'))
    if (what === undefined) throw new FieldError('do', acts)
    const targets = await chosenIn(request, options, read)
    const gone = goneOf(body, 'subject', targets)
    if (targets.length === 0) {
      const again = askedAgain(body)
      if (gone > 0) again.set('gone', `${gone}`)
      else again.set('none', 'ticked')
      return reply.redirect(`/studies/${study}/invitations?${again}`, 303)
    }
    if (isUnsureOf(body, targets, pageSize))
      return sendSure(reply, { what, body, count: targets.length, study: read.study })
    const way = wayIn(body, options.invitations.ways)
    const id = await options.studyActions.start({ person: sessionOf(request).person, study, what, way, targets })
    return reply.redirect(`/studies/${study}/actions/${id}${gone > 0 ? `?gone=${gone}` : ''}`, 303)
  })
}

const pageSize = 20

type Unsure = {
  readonly what: StudyActionKind
  readonly body: unknown
  readonly count: number
  readonly study: ReadStudy['study']
}

const sendSure = (reply: FastifyReply, { what, body, count, study }: Unsure): FastifyReply => {
  const path = `/studies/${study.id}/invitations`
  const again = askedAgain(body)
  const hidden = { ...Object.fromEntries(again), way: typed(body, 'way'), do: what }
  const back = again.size === 0 ? path : `${path}?${again}`
  return sendStaffPage(reply, {
    title: `${sureTitle(what, count)} ${titleOf(study)}`,
    content: sureForm({ action: path, token: ownToken(reply), hidden, what, count, study: titleOf(study), back }),
  })
}

const acts: readonly StudyActionKind[] = ['invite', 'remind', 'cancel']

/** Throws `not-found` for anybody who may not invite into it. */
const readFor = async (request: FastifyRequest<OfStudy>, options: PageOptions): Promise<ReadStudy> => {
  const found = await options.registering.findStudy(sessionOf(request).person, request.params.id)
  return found === undefined ? notFound() : readStudyOf(request, options)
}

const nobodyListed = ({ state, invited, text }: Asked, study: string): Html =>
  state === undefined && invited === undefined && text === ''
    ? html`<p class="mt-4">Nobody is in the study yet. <a href="/studies/${study}/enrolment">Enrol patients</a> first.</p>`
    : html`<p class="mt-4">Nobody in the study matches that.</p>`

type Asked = PeopleAsked & Pick<StudyPeopleAsked, 'sort'> & { readonly invited: InvitedFilter | undefined }

/** Somebody who may not know the answers cannot filter by them. */
const listedBy = (query: URLSearchParams, { seesAnswers }: ReadStudy): Asked => {
  const people = peopleInOrder(query, invitationOrders)
  const invited = query.get('invited') ?? ''
  return {
    ...people,
    sort: people.order.by,
    state: seesAnswers ? people.state : undefined,
    invited: Object.hasOwn(standings, invited) ? (invited as InvitedFilter) : undefined,
  }
}

const standings: Readonly<Record<InvitedFilter, string>> = {
  'not-invited': 'Never invited',
  open: 'Open',
  used: 'The patient has used it',
  over: 'No longer works',
  failed: 'The last message failed',
}

/** The list is read again, since it may have changed since it was shown. */
const chosenIn = async (
  { body, params }: FastifyRequest<OfStudy>,
  { studyActions }: PageOptions,
  read: ReadStudy,
): Promise<readonly string[]> => {
  const { caller, study } = read
  const everybody = (among: readonly string[] | undefined, asked: Pick<Asked, 'state' | 'text'>) =>
    studyActions.everybody(caller, study, { ...asked, among })
  if (typed(body, 'who') !== 'all') {
    const subjects = ticked(body, 'subject')
    return subjects.length === 0 ? [] : everybody(subjects, { state: undefined, text: '' })
  }
  const again = askedAgain(body)
  const asked = listedBy(again, read)
  // If they may no longer filter by that, more people are listed than were shown.
  const isSame = (['state', 'invited'] as const).every(name => (again.get(name) ?? undefined) === asked[name])
  return isSame ? everybody(await studyActions.among(params.id, asked.invited), asked) : []
}

const filterForm = (
  path: string,
  { state, invited, text, order }: Asked,
  seesAnswers: boolean,
): Html => html`${problemList([orderProblem(order)])}
<form method="get" action="${path}" role="search" aria-label="People">
<div class="row">
<div class="col-sm-6">${field({ name: 'find', label: 'Part of a name or code', value: text, autocomplete: 'off', optional: true })}</div>
<div class="col-sm-6">${selectField({ name: 'invited', label: 'Invitation', value: invited ?? '', choices: withAll(standings) })}</div>
${seesAnswers && html`<div class="col-sm-6">${selectField({ name: 'state', label: 'Answer', value: state ?? '', choices: withAll(peopleStates) })}</div>`}
<div class="col-sm-6">${orderField(order)}</div>
</div>
<button class="btn btn-outline-primary">Show</button>
</form>`

const withAll = (labels: Readonly<Record<string, string>>) => [
  { value: '', label: 'Everybody' },
  ...Object.entries(labels).map(([value, label]) => ({ value, label })),
]

type Shown = {
  readonly path: string
  readonly asked: Asked
  readonly people: readonly EnrolledPerson[]
  readonly invited: ReadonlyMap<string, Invited>
  readonly total: number
  readonly options: PageOptions
  readonly token: string
}

const actForm = ({ path, asked, people, invited, total, options, token }: Shown): Html =>
  postForm(
    {
      action: path,
      token,
      isListed: true,
      hidden: {
        state: asked.state,
        invited: asked.invited,
        find: asked.text,
        ...orderQuery(asked.order),
        page: asked.page > 1 ? String(asked.page) : undefined,
      },
      class: 'mt-4',
    },
    html`<fieldset>
<legend class="visually-hidden">People who are listed</legend>
<ul class="list-group list-group-flush mb-4">${people.map(person => html`<li class="list-group-item px-0">${personBox(person)}${standingText(invited.get(person.id), person)}</li>`)}</ul>
</fieldset>
${whoField(total === 1 ? 'The one who is listed' : `All ${total} who are listed, on all pages`)}
${wayField(options.invitations.ways)}
<div class="d-flex flex-wrap gap-2 mb-4">
<button class="btn btn-primary" name="do" value="invite">Invite</button>
<button class="btn btn-outline-primary" name="do" value="remind">Remind</button>
<button class="btn btn-outline-primary" name="do" value="cancel">Cancel the invitations</button>
</div>
<p class="text-body-secondary">Inviting replaces an invitation that is open, and leaves alone those who have answered. Reminders go to those who have not answered, who signed an earlier text, or who share but send nothing, every three days at most.</p>`,
  )

/** The parameters by which people are listed, and of the page of the list. */
const askedBy = ['state', 'invited', 'find', 'sort', 'page'] as const

const askedAgain = (body: unknown): URLSearchParams =>
  new URLSearchParams(askedBy.map(name => [name, typed(body, name)]).filter(([, value]) => value !== ''))

const personBox = (person: EnrolledPerson): Html =>
  person.hasEnded
    ? html`${nameOf(person)} <span class="badge text-bg-secondary">Place has ended</span>`
    : box({
        type: 'checkbox',
        name: 'subject',
        value: person.id,
        label: nameOf(person),
        hint: answerText(person),
      })

const answerText = (person: EnrolledPerson): string | undefined => {
  const gone = notAsked(person)
  const parts = [
    gone && `${gone.charAt(0).toUpperCase()}${gone.slice(1)}.`,
    person.state && answered(person),
    person.isSilent && 'They share, but nothing of theirs comes.',
  ].filter(Boolean)
  return parts.length === 0 ? undefined : parts.join(' ')
}
