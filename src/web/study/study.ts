import type { FastifyReply, FastifyRequest } from 'fastify'
import { unlessRefused } from '../../fhir/error.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { isOver } from '../../storage/model/study.ts'
import { mayWithdrawIn } from '../../studies/consent/withdrawal-by-staff.ts'
import { findChangeableStudy } from '../../studies/definition/study-change.ts'
import { reasonNotToAsk } from '../../studies/definition/study-status.ts'
import { titleOf } from '../../studies/definition/study-title.ts'
import type { EnrollingStudy } from '../../studies/patient/registering.ts'
import { type EnrolledPerson, findEnrolledPeople } from '../../studies/people/enrolled-people.ts'
import { keeperOf } from '../intake/quarantine-keeper.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { field, notice, problemList } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { orderField, orderProblem } from '../page/list-order.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { sendStaffPage } from '../page/staff-page.ts'
import { moment } from '../page/time.ts'
import { nextStep } from '../study-settings/next-step.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { byStaff } from './by-staff.ts'
import { nobodyListed } from './nobody-listed.ts'
import { type PeopleAsked, pagesAround, pageWanted, peopleAskedIn, peopleStates, peopleUrl } from './people-asked.ts'
import { type ReadStudy, readStudyOf } from './read-study.ts'
import { underWay } from './study-action.ts'
import { studyDefinition } from './study-definition.ts'
import { doneNotice } from './study-done.ts'
import { invitationOf, notAsking } from './study-invitation.ts'
import { answered, arrived, nameOf, notAsked, personUrl } from './study-person.ts'
import { sendStudyPage } from './study-tabs.ts'

/**
 * A study and its people, as staff may read them over FHIR. People who manage it from above see its settings; for all others there is no such
 * page.
 */
export const studyPage: AddPage = (server, options) => {
  server.get<OfStudy>('/studies/:id', { onRequest: requireSession }, async (request, reply) => {
    const read = await unlessRefused(() => readStudyOf(request, options))
    if (read === undefined) return sendAdministered(request, reply, options)
    const { caller, study } = read
    const asked = peopleAskedIn(queryOf(request), read)
    const { person } = sessionOf(request)
    const page = `/studies/${study.id}`
    const wanted = pageWanted(asked, pageSize)
    const { people, total, counts } = await findEnrolledPeople(options, caller, study, wanted)
    const invitable = await options.invitations.list(
      person,
      people.map(({ id }) => id),
    )
    const asks = await mayWithdrawIn(options, person, request.params.id)
    const enrolling = await options.registering.findStudy(person, request.params.id)
    const isChangeable = await unlessRefused(() => findChangeableStudy(options, person, request.params.id))
    const shown = {
      study,
      back: peopleUrl('', asked),
      token: ownToken(reply),
      hasOutbox: request.hasOutbox === true,
    }
    const urlOf = (one: PeopleAsked) => peopleUrl(page, one)
    return sendStudyPage(reply, read, {
      tab: '',
      isWide: true,
      page: asked.page,
      isProblem: asked.order.problem !== undefined,
      content: html`${await doneNotice(request, options, read, (whom, invited) => invitationOf(whom, invited, shown))}
${await underWay(request, options)}
${await studyDefinition(study, options.openStoreFor(caller), options)}
${isChangeable && html`${nextStep(isChangeable, options.codeClasses)}<p><a href="${page}/settings">Study settings</a></p>`}
${isChangeable?.mayNameStaff && (await (await keeperOf(request, options)).leads(request.params.id)) && html`<p><a href="${page}/quarantine">Refused documents</a></p>`}
${enrolling && toEnrolment(page, enrolling)}
${enrolling && (await unreachedNote(read, options))}
<h2>People</h2>
${invitable.size > 0 && notAsking(study)}
${statesNav(counts, asked, urlOf)}
${(total > 0 || asked.text !== '' || asked.state !== undefined || asked.order.problem !== undefined) && findForm(page, asked)}
${
  people.length === 0
    ? total === 0 && (await nobodyListed(read, asked, options))
    : html`<ul class="list-group list-group-flush mb-4">${people.map(one => listed(one, personUrl(study, one, urlOf(asked)), [invitationOf(one, invitable, shown), byStaff(one, { study, back: shown.back, asks, enrols: invitable.has(one.id) })]))}</ul>`
}
${pagesAround(total, pageSize, asked, urlOf)}`,
    })
  })
}

const toEnrolment = (
  page: string,
  { closedBecause }: EnrollingStudy,
): Html => html`${closedBecause !== undefined && html`<p>Nobody can be enrolled now: ${closedBecause}.</p>`}
<div class="d-flex flex-wrap gap-2 mb-4">
${closedBecause === undefined && html`<a class="btn btn-primary" href="${page}/enrolment">Enrol patients</a>`}
<a class="btn btn-outline-primary" href="${page}/invitations">Manage invitations</a>
</div>`

/** Nobody comes to them by a list of who has answered what. Once the study is over, there is nothing to be done for them. */
const unreachedNote = async (
  { caller, study }: ReadStudy,
  { studyActions }: PageOptions,
): Promise<Html | undefined> => {
  if (isOver(study)) return undefined
  const { id = '' } = study
  const isAsking = reasonNotToAsk(study) === undefined
  const notes = await Promise.all(
    (['unreached', 'failed'] as const).map(async filter => {
      const { length = 0 } = (await studyActions.among(caller, study, filter)) ?? []
      const whom = length === 1 ? 'one person' : `${length.toLocaleString('en')} people`
      const { said, see } = unreachedTexts[filter]
      return (
        length > 0 &&
        html`<p>${said(whom)} <a href="/studies/${id}/invitations?invited=${filter}">${see(isAsking)}</a></p>`
      )
    }),
  )
  return notes.some(Boolean) ? notice('standing', html`${notes}`) : undefined
}

const unreachedTexts = {
  unreached: {
    said: (whom: string) => `No message can reach ${whom} in the study.`,
    see: () => 'See what their records lack',
  },
  failed: {
    said: (whom: string) => `The last message to ${whom} failed.`,
    see: (isAsking: boolean) => (isAsking ? 'See why, and write to them again' : 'See why'),
  },
} as const

/** Managers of an organization above the study's take care of the study, but learn about nobody in it. */
const sendAdministered = async (
  request: FastifyRequest<OfStudy>,
  reply: FastifyReply,
  options: PageOptions,
): Promise<FastifyReply> => {
  const { id, study, store } = await findChangeableStudy(options, sessionOf(request).person, request.params.id)
  const title = titleOf(study)
  return sendStaffPage(reply, {
    title,
    content: html`<h1>${title}</h1>
${await studyDefinition(study, store, options)}
<p>You manage an organization above the one this study belongs to. So you look after the study: what it asks for, who works in it, and whether it continues. Who takes part in it, and what they share, is shown only to its own organization and its staff.</p>
<div class="d-flex flex-wrap gap-2 mb-4">
<a class="btn btn-primary" href="/studies/${id}/settings">Study settings</a>
<a class="btn btn-outline-primary" href="/studies/${id}/settings/staff">Staff</a>
</div>
<p><a href="/studies">Back to the studies</a></p>`,
  })
}

const pageSize = 20

/** How many there are in each state, with links to list only these. */
const statesNav = (
  counts: Readonly<Partial<Record<string, number>>>,
  asked: PeopleAsked,
  urlOf: (asked: PeopleAsked) => string,
): Html | undefined => {
  const states = Object.entries(peopleStates).filter(([state]) => (counts[state] ?? 0) > 0 || state === asked.state)
  if (states.length === 0) return undefined
  const all = Object.entries(counts).reduce((sum, [state, count = 0]) => sum + (marks.has(state) ? 0 : count), 0)
  const link = (state: PeopleAsked['state'], label: string, count: number) =>
    html`<li><a href="${urlOf({ ...asked, state, page: 1 })}"${state === asked.state && html` aria-current="true"`}>${label}: ${count}</a></li>`
  return html`<nav aria-label="By what they have answered" class="tabs"><ul class="list-unstyled d-flex flex-wrap mb-0">
${link(undefined, 'Everybody', all)}
${states.map(([state, label]) => link(state as PeopleAsked['state'], label, counts[state] ?? 0))}
</ul></nav>`
}

/** What is counted besides the answers. */
const marks: ReadonlySet<string> = new Set(['silent', 'earlier', 'paper'])

const findForm = (page: string, { state, order, text }: PeopleAsked): Html => html`${problemList([orderProblem(order)])}
<form method="get" action="${page}" class="finds">
${state !== undefined && html`<input type="hidden" name="state" value="${state}">`}
<div class="columns">
${field({ name: 'find', label: 'Part of a name or code', value: text, autocomplete: 'off', optional: true })}
${orderField(order)}
</div>
<button class="btn btn-outline-primary">Show</button>
</form>`

const listed = (
  person: EnrolledPerson,
  url: string,
  actions: readonly (Html | undefined | false)[],
): Html => html`<li class="list-group-item px-0 py-3"><div class="row gy-1">
<div class="col-md-4"><h3><a href="${url}">${nameOf(person)}</a>${notAsked(person) && html` <span class="badge text-bg-secondary">${notAsked(person)}</span>`}</h3>
<p>${answered(person)}</p>${!person.hasEnded && person.answeredAt && html`<p class="text-body-secondary">Last answer: ${moment(person.answeredAt)}</p>`}</div>
<p class="col-md-3 mb-0 text-body-secondary">${arrived(person)}</p>
<div class="col-md-5 actions">${actions}</div>
</div></li>`
