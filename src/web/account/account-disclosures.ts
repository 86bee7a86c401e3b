import type { AuditEvent, Organization, ResearchStudy } from '@medplum/fhirtypes'
import type { FastifyRequest } from 'fastify'
import type { Caller } from '../../access/caller.ts'
import { appGrant } from '../../access/vocabulary.ts'
import { nameOfPerson } from '../../accounts/person.ts'
import { systems } from '../../fhir/canonical.ts'
import { unlessRefused } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { openCursors } from '../../interactions/search/cursor.ts'
import type { Words } from '../../messages/catalogue.ts'
import { and, type Expression, none, not, or } from '../../search/expression.ts'
import { parseCriteria, parseSearch } from '../../search/parse.ts'
import { patientsOf } from '../../storage/authorization/token.ts'
import { studiesOfPerson } from '../../storage/study/own-study.ts'
import { sponsorOf } from '../../studies/definition/study-sponsor.ts'
import { titleIn } from '../../studies/definition/study-words.ts'
import { agedNote } from '../audit/aged-note.ts'
import type { AuditLine } from '../audit/audit-line.ts'
import { type DayRange, dayQueryOf, dayRangeIn, lastUpdatedIn } from '../audit/day-range.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { selectField } from '../page/choice-field.ts'
import { type Field, field, isWrong, type Option, problemList } from '../page/form.ts'
import { html } from '../page/html.ts'
import { type ListOrder, orderField, orderIn, orderProblem, orderQuery } from '../page/list-order.ts'
import { listPlaceIn } from '../page/list-place.ts'
import { type OwnRecord, otherRecords, ownRecordIn } from '../page/own-record.ts'
import { printedLine } from '../page/printed-line.ts'
import { requireSession, sessionOf } from '../page/signed-in.ts'
import { type TimeOrder, timeLinks, timeOrders } from '../page/time-order.ts'
import { sendTranslatedPage, wordsOf } from '../page/translated-page.ts'
import { lookedFor } from '../page/typed.ts'
import { calendarOf, dayShown } from '../page/typed-day.ts'
import { isOfPage } from '../page/wording.ts'
import { ownAuditLine } from './own-audit-line.ts'
import { stretchList } from './stretch-list.ts'

/** Patients see who read or wrote which of their data. */
export const accountDisclosuresPage: AddPage = (server, options) => {
  const cursorsFor = openCursors(options.accounts.secretKey)
  server.get(path, { onRequest: requireSession }, async (request, reply) => {
    const words = wordsOf(request)
    const { say } = words
    const own = await ownOf(request, options)
    const asked = askedIn(queryOf(request), words)
    const { order } = asked
    const { fields, study, form } = filterOf(asked, own, words)
    const isUnread = isWrong(study)
    const cursors = own && cursorsFor(own.caller)
    const { cursor, isFirst, note, titled } = listPlaceIn(queryOf(request), cursors, path, words)
    const { lines, next } =
      own === undefined || isUnread ? nothing : await findLines(own, asked, cursor, options, words)
    const again = queryOfAsked(asked, own)
    const links = timeLinks(words)[order.by]
    const page = next && cursors?.seal({ path, query: again, page: next })
    return sendTranslatedPage(reply, words, {
      title: titled(say('disclosures.title')),
      isProblem: [...fields, study, order].some(isWrong),
      content: html`<h1>${say('disclosures.title')}</h1>
${printedLine(words, await nameOfPerson(options.accounts.openStoreAs, sessionOf(request).person))}
<p>${say('disclosures.text')}</p>
${form}
${note}
${!isUnread && stretchList({ lines, order: order.by }, own?.studies ?? [], words)}
${own && (await agedNote(options.accounts.database, words))}
${page && html`<p><a href="${path}?${again}&page=${page}">${links.after}</a></p>`}
${!isFirst && html`<p><a href="${path}?${again}">${links.first}</a></p>`}
${own && otherRecords(own, record => `${path}?record=${record}`, words)}
<p class="no-print"><a href="/sharing">${say('sharing.title')}</a></p>`,
    })
  })
}

const path = '/account/disclosures'

type Own = OwnRecord & {
  readonly person: string
  /** All records of the person themselves. */
  readonly records: readonly string[]
  readonly studies: readonly ResearchStudy[]
  /** The names of the organizations of these, by id. */
  readonly organizations: ReadonlyMap<string, string>
}

const ownOf = async (request: FastifyRequest, options: PageOptions): Promise<Own | undefined> => {
  const { person } = sessionOf(request)
  const own = await ownRecordIn(request, options, scope)
  if (own === undefined) return undefined
  const studies = await studiesOf(person, own.caller, options)
  const organizations = await organizationsOf(studies, own.caller, options)
  return { ...own, person, records: await patientsOf(options.accounts.database, person), studies, organizations }
}

const scope = 'user/AuditEvent.rs user/Organization.rs user/ResearchStudy.rs'

type Asked = DayRange & { readonly study: string; readonly order: ListOrder<TimeOrder> }

const askedIn = (query: URLSearchParams, words: Words): Asked => {
  const order = orderIn(query, timeOrders(words), words)
  return { ...dayRangeIn(query), study: lookedFor(query, 'study'), order }
}

const queryOfAsked = ({ study, order, ...days }: Asked, own: Own | undefined): string => {
  const asked = { record: own?.patient ?? '', ...dayQueryOf(days), study, ...orderQuery(order) }
  return new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== '')).toString()
}

/** Most of them are shown in a few stretches. */
const pageSize = 300

const nothing = { lines: [], next: undefined }

/**
 * Without what they did on our pages and when they signed in, which they know; but failed sign-ins may have been somebody else. An app has a
 * server of somebody else's, even if they allowed it what it does.
 */
const findLines = async (
  { person, caller, records, studies, organizations }: Own,
  asked: Asked,
  cursor: string | undefined,
  { registry, openStoreFor, codeClasses }: PageOptions,
  words: Words,
): Promise<{ readonly lines: readonly AuditLine[]; readonly next: string | undefined }> => {
  const query = new URLSearchParams([['_count', String(pageSize)], ...lastUpdatedIn(asked).map(([...pair]) => pair)])
  if (asked.study !== '') query.append('entity', `ResearchStudy/${asked.study}`)
  if (asked.order.by === 'oldest') query.append('_sort', '_lastUpdated')
  const search = parseSearch(registry, 'AuditEvent', query)
  const criteria = (text: Record<string, string>) => parseCriteria(registry, 'AuditEvent', new URLSearchParams(text))
  const own = or(
    criteria({ agent: records.map(id => `Patient/${id}`).join(',') }),
    criteria({ 'agent:identifier': `${systems.account}|${person}` }),
    byReference(registry, person),
  )
  const signIn = criteria({ subtype: '110122' })
  const byApp = or(
    and(criteria({ type: 'rest' }), not(criteria({ 'agent:identifier': 'pages' }))),
    criteria({ subtype: `${appGrant}|` }),
  )
  const others = and(or(not(own), byApp), not(signIn))
  const where = and(search.where, or(others, and(signIn, criteria({ 'outcome:not': '0' }))))
  const { entries, next } = await openStoreFor(caller).search({ ...search, where, cursor })
  const events = entries.map(({ content }): AuditEvent => JSON.parse(content))
  return {
    lines: events.map(event =>
      ownAuditLine(event, { words, classes: codeClasses, self: { person, records }, studies, organizations }),
    ),
    next,
  }
}

/** In FHIR, no Person can be an agent, but events that were written before this was obeyed have one. */
const byReference = (registry: Registry, id: string): Expression => {
  const parameter = registry.searchParameter('AuditEvent', 'agent')
  return parameter === undefined ? none : { kind: 'match', parameter, value: { kind: 'reference', type: 'Person', id } }
}

const filterOf = (asked: Asked, own: Own | undefined, words: Words) => {
  const { say } = words
  const study = studyField(asked.study, own?.studies ?? [], words)
  const day = (name: 'from' | 'until') => {
    const problem = asked.problems[name]
    return {
      name,
      label: say(`disclosures.${name}`),
      hint: say('disclosures.day-hint'),
      value: dayShown(asked[name], words),
      ...calendarOf(asked[name], words),
      problem: problem && say(dayProblems[problem]),
      autocomplete: 'off',
      optional: true as const,
    }
  }
  const timezone = {
    name: 'timezone',
    label: say('chart.timezone'),
    hint: say('chart.timezone-hint'),
    value: asked.problems.timezone ?? asked.timezone,
    problem: asked.problems.timezone === undefined ? undefined : say('chart.problem-timezone'),
    autocomplete: 'off',
    optional: true as const,
  }
  const fields: readonly Field[] = [day('from'), day('until'), timezone]
  return {
    fields,
    study,
    form: html`${problemList([...fields, study, orderProblem(asked.order)], say('check'))}
<form method="get" action="${path}" class="mb-4" novalidate>
${own && html`<input type="hidden" name="record" value="${own.patient}">`}
<div class="row align-items-end">${fields.map(one => html`<div class="col-sm-4">${field(one)}</div>`)}</div>
${(study.choices.length > 1 || isWrong(study)) && selectField(study)}
${orderField(asked.order, words)}
<button class="btn btn-outline-primary">${say('disclosures.show')}</button>
</form>`,
  }
}

const dayProblems = {
  day: 'disclosures.day-wrong',
  range: 'chart.problem-range',
  order: 'chart.problem-order',
} as const

const studyField = (value: string, studies: readonly ResearchStudy[], words: Words) => {
  const choices: readonly Option[] = [
    { value: '', label: words.say('disclosures.every-study') },
    ...studies.map(study => {
      const title = titleIn(study, words)
      return { value: study.id ?? '', label: title.text, language: isOfPage(title, words) ? undefined : title.language }
    }),
  ]
  const problem = choices.some(one => one.value === value) ? undefined : words.say('disclosures.no-study')
  return { name: 'study', label: words.say('disclosures.study'), value, choices, problem }
}

const studiesOf = async (
  person: string,
  caller: Caller,
  { accounts: { database }, openStoreFor }: PageOptions,
): Promise<readonly ResearchStudy[]> => {
  const own = await studiesOfPerson(database, person)
  const found = await Promise.all(
    own.map(({ study }) => unlessRefused(() => openStoreFor(caller).read('ResearchStudy', study))),
  )
  return found.flatMap(one => (one === undefined ? [] : [JSON.parse(one.content)]))
}

const organizationsOf = async (
  studies: readonly ResearchStudy[],
  caller: Caller,
  { openStoreFor }: PageOptions,
): Promise<ReadonlyMap<string, string>> => {
  const ids = [...new Set(studies.flatMap(study => sponsorOf(study) ?? []))]
  const found = await Promise.all(ids.map(id => unlessRefused(() => openStoreFor(caller).read('Organization', id))))
  return new Map(
    found.flatMap(one => {
      const { id, name }: Organization = one === undefined ? {} : JSON.parse(one.content)
      return id === undefined || name === undefined ? [] : [[id, name]]
    }),
  )
}
