import { wordsFor } from '../../messages/catalogue.ts'
import { type ChoiceField, choiceProblem, selectField } from '../page/choice-field.ts'
import { type Field, field, problemList } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { type ListOrder, orderField, orderProblem } from '../page/list-order.ts'
import { calendarOf, dayShown } from '../page/typed-day.ts'
import type { DayRange } from './day-range.ts'

/** `of`: the label of each value; the empty value does not restrict the search. */
type Choice = { readonly label: string; readonly of: Readonly<Record<string, string>> }

/** A form that searches for events, with an address that can be saved. */
export const eventsForm = (
  action: string,
  fields: readonly Field[],
  choices: readonly ChoiceField[],
  order: ListOrder,
): Html => html`${problemList([...fields, ...choices, orderProblem(order)])}
<form method="get" action="${action}" class="mb-4" role="search" aria-label="Events" novalidate>
<div class="row align-items-end">${[...fields.map(field), ...choices.map(selectField), orderField(order)].map(one => html`<div class="col-sm-6 col-lg-3">${one}</div>`)}</div>
<button class="btn btn-outline-primary">Show</button>
</form>`

/** The field of a choice, with what is asked for. */
export const choosing = (name: string, value: string, { label, of }: Choice): ChoiceField => {
  const choices = Object.entries(of).map(([value, label]) => ({ value, label }))
  return { name, label, value, choices, problem: choiceProblem(value, choices) }
}

export const outcomes = {
  label: 'Outcome',
  of: { '': 'Anything', done: 'Done', refused: 'Refused or failed' },
} as const

/** `outcome`: one of `outcomes`, as a search parameter of AuditEvent. */
export const appendOutcome = (query: URLSearchParams, outcome: string): void => {
  if (outcome !== '') query.append(outcome === 'done' ? 'outcome' : 'outcome:not', '0')
}

/** The fields of a range of days. */
export const dayFields = (asked: DayRange): readonly Field[] => [
  dayField('from', 'From', asked),
  dayField('until', 'Until', asked),
  {
    name: 'timezone',
    label: 'Time zone of the days',
    hint: 'Such as Europe/Berlin',
    value: asked.problems.timezone ?? asked.timezone,
    problem: asked.problems.timezone && wordsFor('en').say('chart.problem-timezone'),
    autocomplete: 'off',
    optional: true,
  },
]

const dayProblems = {
  day: wordsFor('en').say('disclosures.day-wrong'),
  range: wordsFor('en').say('chart.problem-range'),
  order: 'The last day is before the first',
} as const

const dayField = (name: 'from' | 'until', label: string, asked: DayRange): Field => {
  const problem = asked.problems[name]
  return {
    name,
    label,
    hint: wordsFor('en').say('disclosures.day-hint'),
    value: dayShown(asked[name], wordsFor('en')),
    ...calendarOf(asked[name], wordsFor('en')),
    problem: problem && dayProblems[problem],
    autocomplete: 'off',
    optional: true,
  }
}
