import type { ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { worksInStudy } from '../../access/questions.ts'
import { FhirError } from '../../fhir/error.ts'
import { queryOf } from '../../http/presentation.ts'
import { and } from '../../search/expression.ts'
import { parseSearch } from '../../search/parse.ts'
import { callerOfSession } from '../../storage/account/session.ts'
import type { StudyPeopleAsked } from '../../storage/study/study-people.ts'
import { seesAnswersOf } from '../../studies/sees-answers.ts'
import type { PageOptions } from '../page/add-page.ts'
import { lookedFor } from '../page/form.ts'
import { ownToken } from '../page/form-token.ts'
import { type Html, html } from '../page/html.ts'
import { sendPage } from '../page/page.ts'
import { sessionOf } from '../page/signed-in.ts'
import { type OfStudy, titleOf } from '../study-settings/study-changing.ts'

/** A study that somebody works in. */
export type ReadStudy = { readonly caller: Caller; readonly study: ResearchStudy; readonly seesAnswers: boolean }

/** Throws `not-found` for whoever does not work in the study, be it that they manage it from above, as if there were none. */
export const readStudyOf = async (
  request: FastifyRequest<OfStudy>,
  { accounts, registry, openStoreFor }: PageOptions,
): Promise<ReadStudy> => {
  const caller = await callerOfSession(accounts.database, sessionOf(request))
  if (caller?.practitioner === undefined) throw new FhirError('not-found', 'There is no such study')
  const { id } = request.params
  const asked = parseSearch(registry, 'ResearchStudy', new URLSearchParams({ _count: '1' }))
  const where = and(asked.where, { kind: 'identified', ids: [id] }, worksInStudy(caller))
  const [found] = (await openStoreFor(caller).search({ ...asked, where })).entries
  if (found === undefined) throw new FhirError('not-found', 'There is no such study')
  const study: ResearchStudy = JSON.parse(found.content)
  return { caller, study, seesAnswers: seesAnswersOf(caller, study) }
}

/** Whom of a study a page shows, as its address says. */
export type PeopleAsked = Pick<StudyPeopleAsked, 'text' | 'sort'> & {
  readonly state: StudyPeopleAsked['state'] | undefined
  /** From 1 on. */
  readonly page: number
}

/** What the address says that is none of it is as if it were not there. */
export const peopleAskedIn = (request: FastifyRequest): PeopleAsked => {
  const query = queryOf(request)
  const state = query.get('state') ?? ''
  const sort = query.get('sort') ?? ''
  const page = query.get('page') ?? ''
  return {
    state: Object.hasOwn(peopleStates, state) ? (state as PeopleAsked['state']) : undefined,
    sort: Object.hasOwn(peopleOrders, sort) ? (sort as PeopleAsked['sort']) : 'arrival',
    text: lookedFor(query, 'find'),
    page: /^[1-9]\d{0,5}$/.test(page) ? Number(page) : 1,
  }
}

export const peopleStates: Readonly<Record<NonNullable<PeopleAsked['state']>, string>> = {
  none: 'No answer yet',
  all: 'Share everything',
  partly: 'Share a part',
  nothing: 'Share nothing now',
  silent: 'Silent',
  earlier: 'Signed an earlier text',
  paper: 'On paper, to be confirmed',
  declined: 'Declined',
  withdrawn: 'Withdrawn',
  ended: 'Place has ended',
}

export const peopleOrders: Readonly<Record<PeopleAsked['sort'], string>> = {
  arrival: 'Newest data first',
  name: 'By name or code',
  enrolment: 'Who came last first',
}

/** The same page with other words in its address. */
export const peopleUrl = (
  path: string,
  { state, sort, text, page }: PeopleAsked,
  more: Readonly<Record<string, string>> = {},
): string => {
  const query = new URLSearchParams({
    ...(state !== undefined && { state }),
    ...(sort !== 'arrival' && { sort }),
    ...(text !== '' && { find: text }),
    ...more,
    ...(page > 1 && { page: String(page) }),
  })
  return query.size === 0 ? path : `${path}?${query}`
}

/** Where nobody is listed: of all, or of those who were asked for. */
export const nobodyText = ({ state, text }: Pick<PeopleAsked, 'state' | 'text'>): string =>
  state === undefined && text === ''
    ? 'Nobody is in this study yet, as far as you may see.'
    : 'Nobody in this study is so, as far as you may see.'

/** Before and after the page that is shown; nothing where there is one alone. Of one behind the last that is said. */
export const pagesAround = (
  total: number,
  size: number,
  asked: PeopleAsked,
  urlOf: (asked: PeopleAsked) => string,
): Html | undefined => {
  const last = Math.max(1, Math.ceil(total / size))
  if (last === 1 && asked.page === 1) return undefined
  const at = (page: number) => urlOf({ ...asked, page })
  if (asked.page > last)
    return html`<nav aria-label="Pages"><p>There is no page ${asked.page}. <a href="${at(last)}">Page ${last}, the last</a></p></nav>`
  return html`<nav aria-label="Pages"><p>Page ${asked.page} of ${last}.
${asked.page > 1 && html`<a href="${at(asked.page - 1)}">The page before</a>`}
${asked.page < last && html`<a href="${at(asked.page + 1)}">The next page</a>`}</p></nav>`
}

const tabs = [
  ['', 'People'],
  ['/completeness', 'Completeness'],
  ['/arrivals', 'Newest data'],
  ['/notebook', 'Notebook'],
] as const

type Shown = {
  readonly tab: (typeof tabs)[number][0]
  readonly content: Html
  readonly isWide?: true
  readonly isProblem?: boolean
}

/** One of the pages of a study. */
export const sendStudyPage = (
  reply: FastifyReply,
  { study }: ReadStudy,
  { tab, content, isWide, isProblem = false }: Shown,
): FastifyReply => {
  const title = titleOf(study)
  const name = tabs.find(([path]) => path === tab)?.[1]
  return sendPage(reply, {
    title: tab === '' ? title : `${name}: ${title}`,
    isProblem,
    signOut: { token: ownToken(reply) },
    ...(isWide && { isWide }),
    content: html`<h1>${title}</h1>
<nav aria-label="The study" class="mb-4"><ul class="list-unstyled d-flex flex-wrap gap-3">${tabs.map(
      ([path, name]) =>
        html`<li><a href="/studies/${study.id}${path}"${path === tab && html` aria-current="page" class="fw-bold"`}>${name}</a></li>`,
    )}</ul></nav>
${content}
<p><a href="/studies">Back to the studies</a></p>`,
  })
}
