import { sharedWithStudy } from '../../access/questions.ts'
import { addDays, dayOf } from '../../fhir/timezone.ts'
import { queryOf } from '../../http/fhir/presentation.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import { emptyReadings } from '../../operations/readings-asked.ts'
import { reasonNotRead } from '../../studies/definition/study-status.ts'
import { type EnrolledPerson, findEnrolledPeople } from '../../studies/people/enrolled-people.ts'
import type { AddPage, PageOptions } from '../page/add-page.ts'
import { type Field, field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { orderField, orderProblem } from '../page/list-order.ts'
import { requireSession } from '../page/signed-in.ts'
import { type TimezoneAsked, timezoneAsked } from '../page/timezone-asked.ts'
import { placeUrl } from '../patient/patient-back.ts'
import type { OfStudy } from '../study-settings/study-changing.ts'
import { nobodyListed } from './nobody-listed.ts'
import { type PeopleAsked, pagesAround, pageWanted, peopleAskedIn, peopleUrl } from './people-asked.ts'
import { type ReadStudy, readStudyOf } from './read-study.ts'
import { nameOf } from './study-person.ts'
import { sendStudyPage } from './study-tabs.ts'

/** For whom there is data on which days: a table of people and days, which the database counts. */
export const studyCompletenessPage: AddPage = (server, options) => {
  server.get<OfStudy>('/studies/:id/completeness', { onRequest: requireSession }, async (request, reply) => {
    const read = await readStudyOf(request, options)
    const query = queryOf(request)
    // A table of empty days would say that nobody had measured anything.
    if (reasonNotRead(read.study) !== undefined)
      return sendStudyPage(reply, read, { tab: '/completeness', isWide: true, content: html`` })
    const people = peopleAskedIn(query, read)
    const period = periodIn(query)
    const found = await findEnrolledPeople(options, read.caller, read.study, pageWanted(people, pageSize))
    const counts = await countsOf(options, read, found.people, period)
    const page = `/studies/${read.study.id}/completeness`
    const urlOf = (one: PeopleAsked, days = period.days) =>
      peopleUrl(page, one, { days: String(days), ...(query.has('timezone') && { timezone: period.timezone }) })
    const fields = fieldsOf(people, period)
    return sendStudyPage(reply, read, {
      tab: '/completeness',
      isWide: true,
      page: people.page,
      isProblem: period.wrongTimezone !== undefined || people.order.problem !== undefined,
      content: html`<link rel="stylesheet" href="/static/completeness.css">
<script type="module" src="/static/completeness.js"></script>
${lengthLinks(period, days => urlOf(people, days))}
${problemList([...fields, orderProblem(people.order)])}
<form method="get" action="${page}" class="finds">
<input type="hidden" name="days" value="${period.days}">
<div class="columns">
${fields.map(field)}
${orderField(people.order)}
</div>
<button class="btn btn-outline-primary">Show</button>
</form>
${
  found.people.length === 0
    ? found.total === 0 && (await nobodyListed(read, people, options))
    : map(
        { people: found.people, order: people.order.by, urlOf: one => placeUrl(read.study, one.id, urlOf(people)) },
        period,
        counts,
      )
}
${pagesAround(found.total, pageSize, people, one => urlOf(one))}`,
    })
  })
}

type Period = TimezoneAsked & {
  readonly days: number
  readonly first: string
  readonly last: string
}

const periodIn = (query: URLSearchParams): Period => {
  const asked = timezoneAsked(query)
  const days = lengths.find(length => String(length) === query.get('days')) ?? 14
  const last = dayOf(Date.now(), asked.timezone)
  return { ...asked, days, first: addDays(last, 1 - days), last }
}

const pageSize = 25

const english = wordsFor('en')

/** How many readings began on a day, by `keyOf`. */
type Counts = ReadonlyMap<string, number>

const countsOf = async (
  { registry, openStoreFor }: PageOptions,
  { caller, study }: ReadStudy,
  people: readonly EnrolledPerson[],
  period: Period,
): Promise<Counts> => {
  const rows = await openStoreFor(caller).completeness({
    ...period,
    where: sharedWithStudy(caller, study.id ?? ''),
    mistaken: emptyReadings(registry),
    patients: people.map(({ patientId }) => patientId),
    most: mostCountedOf(period),
  })
  return new Map(rows.map(({ patient, day, count }) => [keyOf(patient, day), count]))
}

/** How many readings of a day are counted: all of a sensor that measures every five minutes, and fewer, the more days are shown. */
const mostCounted: ReadonlyMap<number, number> = new Map([
  [14, 300],
  [28, 150],
  [90, 50],
])
const lengths = [...mostCounted.keys()]
const mostCountedOf = ({ days }: Pick<Period, 'days'>): number => mostCounted.get(days) ?? 50

const keyOf = (patient: EnrolledPerson['patientId'], day: string): string => `${patient} ${day}`

const fieldsOf = ({ text }: PeopleAsked, { timezone, wrongTimezone }: Period): readonly Field[] => [
  { name: 'find', label: 'Part of a name or code', value: text, autocomplete: 'off', optional: true },
  {
    name: 'timezone',
    label: 'Time zone of the days',
    hint: 'Such as Europe/Berlin',
    value: wrongTimezone ?? timezone,
    problem: wrongTimezone && noTimezone,
    autocomplete: 'off',
    optional: true,
  },
]

const noTimezone = english.say('chart.problem-timezone')

const lengthLinks = ({ days }: Period, urlOf: (days: number) => string): Html =>
  html`<nav aria-label="Days that are shown"><ul class="list-unstyled d-flex flex-wrap gap-3">${lengths.map(
    length =>
      html`<li><a href="${urlOf(length)}"${length === days && html` aria-current="true" class="fw-bold text-decoration-none"`}>${length} days</a></li>`,
  )}</ul></nav>`

/** In their order. */
type Listed = {
  readonly people: readonly EnrolledPerson[]
  readonly order: PeopleAsked['order']['by']
  /** The page of one of them. */
  readonly urlOf: (person: EnrolledPerson) => string
}

/** Heads of columns, which are narrow. */
const month = new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: 'UTC' })
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'short', timeZone: 'UTC' })

const map = ({ people, order, urlOf }: Listed, period: Period, counts: Counts): Html => {
  const { days, first, last, timezone } = period
  const all = Array.from({ length: days }, (_, index) => addDays(first, index))
  const months = [...Map.groupBy(all, day => month.format(new Date(day)))]
  const row = (person: EnrolledPerson): Html => {
    const own = all.map(day => counts.get(keyOf(person.patientId, day)) ?? 0)
    const some = own.filter(count => count > 0)
    const [usual, most] = [medianOf(some), mostCountedOf(period)]
    return html`<tr><th scope="row"><a href="${urlOf(person)}">${nameOf(person)}</a></th><td>${some.length}</td><td>${counted(usual, most)}</td>${own.map(cellAmong({ usual, most }))}</tr>`
  }
  return html`<p id="map">How many readings began on each day from ${english.day(new Date(first))} to ${english.day(new Date(last))} (${timezone}). On an empty day nothing was measured, or it is not shared with the study, or with you. The stronger the colour of a day is, the closer it comes to the usual day of that person, the median of their days with data.</p>
<div class="table-responsive position-relative" tabindex="0" role="region" aria-label="Readings on each day" data-newest-last>
<table class="table table-sm completeness" aria-label="Readings on each day" aria-describedby="map">
<colgroup span="3"></colgroup>${months.map(([, days]) => html`<colgroup span="${days.length}"></colgroup>`)}
<thead><tr><th scope="col" rowspan="2"${order === 'name' && html` aria-sort="ascending"`}>Who</th><th scope="col" rowspan="2">Days with data</th><th scope="col" rowspan="2">Usual day</th>${months.map(([month, days]) => html`<th scope="colgroup" colspan="${days.length}" class="month"><span>${month}</span></th>`)}</tr>
<tr>${all.map(day => html`<th scope="col" class="day"><time datetime="${day}"><span>${weekday.format(new Date(day))}</span> ${Number(day.slice(-2))}</time></th>`)}</tr></thead>
<tbody>${people.map(row)}</tbody>
</table>
</div>`
}

/**
 * Somebody who weighs themselves has complete data with one reading, and somebody with a sensor with hundreds. So a day is compared with other
 * days of the same person.
 */
const cellAmong =
  ({ usual, most }: { readonly usual: number; readonly most: number }) =>
  (count: number): Html => {
    const level = count === 0 ? undefined : count >= 0.7 * usual ? 'many' : count >= 0.2 * usual ? 'some' : 'few'
    return html`<td${level && html` class="${level}"`}>${counted(count, most)}</td>`
  }

const counted = (count: number, most: number): Html => {
  if (count === 0) return html`<span class="visually-hidden">none</span>`
  return html`${count >= most ? `${most}+` : count}`
}

const medianOf = (counts: readonly number[]): number =>
  counts.toSorted((one, other) => one - other)[Math.floor(counts.length / 2)] ?? 0
