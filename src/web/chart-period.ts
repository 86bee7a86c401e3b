import type { GlucoseUnit } from '../fhir/glucose.ts'
import { addDays, dayOf, daysBetween, isTimezone, startOfDay } from '../fhir/timezone.ts'
import { field } from './form.ts'
import { type Html, html } from './html.ts'

/** What of a patient's readings is shown: whole days of a time zone, the last one included. */
export type ChartPeriod = {
  readonly first: string
  readonly last: string
  readonly timezone: string
  readonly glucoseUnit: GlucoseUnit
  /** The instants. */
  readonly from: string
  readonly to: string
  /** What was asked and is not what is shown. */
  readonly problem?: string
}

/** From the query of the page; the two weeks up to `newest` where it names no days that can be shown. */
export const chartPeriodOf = (query: URLSearchParams, newest: number): ChartPeriod => {
  const asked = query.get('timezone') ?? ''
  const timezone = isTimezone(asked) ? asked : 'UTC'
  const usual = dayOf(newest, timezone)
  const glucoseUnit = query.get('glucose') === 'mmol/L' ? 'mmol/L' : 'mg/dL'
  const last = query.get('last') || usual
  const first = query.get('first') || (isDay(last) ? addDays(last, 1 - usualDays) : '')
  const problem = problemOf(first, last)
  return problem === undefined
    ? { ...instantsOf(first, last, timezone), timezone, glucoseUnit }
    : { ...instantsOf(addDays(usual, 1 - usualDays), usual, timezone), timezone, glucoseUnit, problem }
}

const instantsOf = (first: string, last: string, timezone: string) => ({
  first,
  last,
  from: new Date(startOfDay(first, timezone)).toISOString(),
  to: new Date(startOfDay(addDays(last, 1), timezone)).toISOString(),
})

const problemOf = (first: string, last: string): string | undefined => {
  if (!isDay(first) || !isDay(last)) return 'A day is written as 2026-03-31.'
  const days = daysBetween(first, last) + 1
  if (days < 1) return 'The last day lies before the first.'
  return days > mostDays ? `At most ${mostDays} days are shown at once.` : undefined
}

const isDay = (text: string): boolean =>
  /^(?:19|20)\d\d-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text)) && addDays(text, 0) === text

const usualDays = 14
const mostDays = 366

/** By the day, the week or more; earlier and later; and any days at all. Without JavaScript as with it. */
export const periodForm = (patient: string, period: ChartPeriod): Html => {
  const { first, last, timezone, glucoseUnit, problem } = period
  const days = daysBetween(first, last) + 1
  const page = (days: Readonly<Record<string, string>>): string =>
    `/patients/${patient}?${new URLSearchParams({ ...days, timezone, glucose: glucoseUnit })}`
  const ending = (length: number) => page({ first: addDays(last, 1 - length), last })
  return html`<nav class="period" aria-label="Days that are shown">
<p><a href="${page({ first: addDays(first, -days), last: addDays(last, -days) })}">Earlier</a>
<a href="${page({ first: addDays(first, days), last: addDays(last, days) })}">Later</a>
${[1, 7, 14, 30, 90].map(length => html`<a href="${ending(length)}"${length === days && html` aria-current="true"`}>${length === 1 ? '1 day' : `${length} days`}</a> `)}</p>
<form method="get" action="/patients/${patient}" class="columns" data-period novalidate>
${field({ name: 'first', label: 'First day', value: first, autocomplete: 'off', hint: 'As in 2026-03-31', problem })}
${field({ name: 'last', label: 'Last day', value: last, autocomplete: 'off', hint: 'It is shown as well' })}
${field({ name: 'timezone', label: 'Time zone', value: timezone, autocomplete: 'off', hint: 'As in Europe/Berlin' })}
<div class="field mb-4">
<label for="glucose" class="form-label fw-semibold">Unit of glucose</label>
<p class="form-text mt-0">1 mmol/L is 18.016 mg/dL</p>
<select id="glucose" name="glucose" class="form-select">${['mg/dL', 'mmol/L'].map(unit => html`<option${unit === glucoseUnit && html` selected`}>${unit}</option>`)}</select>
</div>
<div class="mb-4"><button class="btn btn-primary">Show</button></div>
</form>
</nav>`
}
