import type { GlucoseUnit } from '../../fhir/measured/glucose.ts'
import { addDays, beginningOfDay, dayOf, daysBetween } from '../../fhir/timezone.ts'
import type { Words } from '../../messages/catalogue.ts'
import { field, hiddenField, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { dayOrMoment, phrase } from '../page/time.ts'
import { timezoneAsked } from '../page/timezone-asked.ts'
import { calendarOf, dayAsked, dayProblem, dayShown } from '../page/typed-day.ts'
import { backIn } from './patient-back.ts'

/** Which of a patient's readings are shown: whole days of a time zone, including the last one. */
export type ChartPeriod = {
  readonly first: string
  readonly last: string
  readonly timezone: string
  readonly glucoseUnit: GlucoseUnit
  /** The list to which the page leads back, in all its addresses. */
  readonly back: string | undefined
  /** The instants. */
  readonly from: string
  readonly to: string
  /** A period that was asked for but cannot be shown: what was typed, and what is wrong with it. */
  readonly wrong?: { readonly typed: Readonly<Record<Typed, string>>; readonly problems: Problems }
}

type Typed = 'first' | 'last' | 'timezone'
type Problems = Readonly<Partial<Record<Typed, undefined | 'day' | 'range' | 'order' | 'long' | 'timezone'>>>

/** The period in the query of the page; if it has no days that can be shown, the two weeks up to `newest`. */
export const chartPeriodOf = (query: URLSearchParams, newest: number): ChartPeriod => {
  const { timezone, wrongTimezone } = timezoneAsked(query)
  const usual = dayOf(newest, timezone)
  const glucoseUnit = query.get('glucose') === 'mmol/L' ? 'mmol/L' : 'mg/dL'
  const [firstAsked, lastAsked] = daysAsked(query)
  const last = lastAsked || usual
  const first = firstAsked || (dayProblem(last) === undefined ? addDays(last, 1 - usualDays) : '')
  const days = dayProblems(first, last)
  const problems = { ...days, ...(wrongTimezone !== undefined && ({ timezone: 'timezone' } as const)) }
  const shown = Object.keys(days).length === 0 ? [first, last] : [addDays(usual, 1 - usualDays), usual]
  const period = { ...instantsOf(shown, timezone), timezone, glucoseUnit, back: backIn(query) } as const
  return Object.keys(problems).length === 0
    ? period
    : { ...period, wrong: { typed: { first, last, timezone: wrongTimezone ?? timezone }, problems } }
}

/** Whether certain days are asked for, and not those of the newest readings. */
export const hasDays = (query: URLSearchParams): boolean => daysAsked(query).some(day => day !== '')

/** Each is empty if it is not asked for. */
const daysAsked = (query: URLSearchParams): readonly [string, string] => [
  dayAsked(query.get('first') ?? ''),
  dayAsked(query.get('last') ?? ''),
]

const instantsOf = ([first = '', last = '']: readonly string[], timezone: string) => ({
  first,
  last,
  from: beginningOfDay(first, timezone),
  to: beginningOfDay(addDays(last, 1), timezone),
})

const dayProblems = (first: string, last: string): Problems => {
  // Empty if only the other day was asked for, and is wrong.
  const problems = { first: first === '' ? undefined : dayProblem(first), last: dayProblem(last) }
  if (problems.first ?? problems.last) return problems
  const days = daysBetween(first, last) + 1
  if (days < 1) return { last: 'order' }
  return days > mostDays ? { first: 'long' } : {}
}

const usualDays = 14
const mostDays = 366

/** The page of the two weeks up to that day. */
export const daysUpTo = (path: string, period: ChartPeriod, last: string): string =>
  pageUrl(path, period, { first: addDays(last, 1 - usualDays), last })

/** The page of that day alone. */
export const dayAlone = (path: string, period: ChartPeriod, day: string): string =>
  pageUrl(path, period, { first: day, last: day })

/** The page of the two weeks up to the newest reading. */
export const newestDays = (path: string, period: ChartPeriod): string => pageUrl(path, period, {})

const pageUrl = (
  path: string,
  { timezone, glucoseUnit, back }: ChartPeriod,
  days: Readonly<Record<string, string>>,
): string =>
  `${path}?${new URLSearchParams({ ...days, timezone, glucose: glucoseUnit, ...(back !== undefined && { back }) })}`

export const daysShown = ({ first, last }: ChartPeriod, words: Words) => ({
  first: dayOrMoment(first, words),
  last: dayOrMoment(last, words),
})

/**
 * Links to a day, a week or more, and to earlier and later ones, and a form for any days, below a line that says which are shown. It works with
 * and without JavaScript. `path`: of the page that it is on.
 */
export const periodForm = (path: string, period: ChartPeriod, words: Words): Html => {
  const { say } = words
  const { first, last, timezone, glucoseUnit, back, wrong } = period
  const days = daysBetween(first, last) + 1
  const page = (days: Readonly<Record<string, string>>): string => pageUrl(path, period, days)
  const ending = (length: number) => page({ first: addDays(last, 1 - length), last })
  const asked = (name: Typed) => {
    const problem = wrong?.problems[name]
    const value = (wrong?.typed ?? period)[name]
    return {
      ...(name !== 'timezone' && calendarOf(value, words)),
      name,
      label: say(`chart.${name}`),
      hint: say(`chart.${name}-hint`),
      value: dayShown(value, words),
      problem: problem && say(`chart.problem-${problem}`, { most: mostDays }),
      autocomplete: 'off',
    }
  }
  const fields = (['first', 'last', 'timezone'] as const).map(asked)
  return html`<nav class="period" aria-label="${say('chart.days-shown')}">
<p><a href="${page({ first: addDays(first, -days), last: addDays(last, -days) })}">${say('chart.before')}</a>
<a href="${page({ first: addDays(first, days), last: addDays(last, days) })}">${say('chart.after')}</a>
${[1, 7, 14, 30, 90].map(length => html`<a href="${ending(length)}"${length === days && html` aria-current="true"`}>${length === 1 ? say('chart.one-day') : say('chart.days', { days: length })}</a> `)}</p>
${problemList(fields, say('check'))}
<details class="mb-3"${wrong && html` open`}><summary>${phrase(words, 'chart.period', { ...daysShown(period, words), timezone, unit: glucoseUnit })}</summary>
<form method="get" action="${path}" class="columns mt-2" data-period novalidate>
${back !== undefined && hiddenField('back', back)}
${fields.map(field)}
<div class="field mb-4">
<label for="glucose" class="form-label fw-semibold">${say('chart.glucose-unit')}</label>
<p class="form-text mt-0" id="glucose-hint">${say('chart.glucose-unit-hint')}</p>
<select id="glucose" name="glucose" class="form-select" aria-describedby="glucose-hint">${['mg/dL', 'mmol/L'].map(unit => html`<option${unit === glucoseUnit && html` selected`}>${unit}</option>`)}</select>
</div>
<div class="mb-4"><button class="btn btn-primary">${say('chart.show')}</button></div>
</form>
</details>
</nav>`
}
