import type { Registry } from '../fhir/registry.ts'
import { and, type Expression } from '../search/expression.ts'
import { parseSearch } from '../search/parse.ts'
import type { Search } from '../search/search.ts'
import { type DayRange, dayRangeIn, lastUpdatedIn } from './day-range.ts'
import { type Field, field, problemList } from './form.ts'
import { type Html, html } from './html.ts'

/** What a privacy officer looks for. */
export type AuditAsked = DayRange & {
  /** The beginning of a name. */
  readonly who: string
  /** Id of a Patient. */
  readonly patient: string
  readonly action: string
  readonly outcome: string
}

export const auditAskedIn = (query: URLSearchParams): AuditAsked => {
  const text = (name: string) => (query.get(name) ?? '').trim().slice(0, 200)
  const chosen = (name: keyof typeof choices) => (text(name) in choices[name].of ? text(name) : '')
  return {
    ...dayRangeIn(query),
    who: text('who'),
    patient: text('patient'),
    action: chosen('action'),
    outcome: chosen('outcome'),
  }
}

/** The same, in an address; empty where nothing was asked. */
export const queryOfAudit = ({ problems: _, ...asked }: AuditAsked): string =>
  new URLSearchParams(Object.entries(asked).filter(([, value]) => value !== '')).toString()

export const searchOfAudit = (registry: Registry, asked: AuditAsked): Search => {
  const { who, patient, action, outcome } = asked
  const query = new URLSearchParams(lastUpdatedIn(asked).map(([...pair]) => pair))
  if (who !== '') query.append('agent-name', who.replace(/[\\,$|]/g, String.raw`\$&`))
  if (action !== '') query.append('action', action)
  if (outcome !== '') query.append(outcome === 'done' ? 'outcome' : 'outcome:not', '0')
  const search = parseSearch(registry, 'AuditEvent', query)
  const concerned: readonly Expression[] = patient === '' ? [] : [{ kind: 'compartment', of: 'Patient', id: patient }]
  return { ...search, where: and(search.where, ...concerned) }
}

export const auditFields = (asked: AuditAsked): readonly Field[] => {
  const day = (name: 'from' | 'until', label: string): Field => ({
    name,
    label,
    hint: 'A day, such as 2026-03-31',
    value: asked[name],
    problem: asked.problems[name] ? 'Enter a day as year, month and day, such as 2026-03-31' : undefined,
    autocomplete: 'off',
    optional: true,
  })
  return [
    day('from', 'From'),
    day('until', 'Until'),
    {
      name: 'who',
      label: 'Who',
      hint: 'The beginning of a name, of people or apps',
      value: asked.who,
      autocomplete: 'off',
      optional: true,
    },
    {
      name: 'patient',
      label: 'Patient',
      hint: 'The id of the record',
      value: asked.patient,
      autocomplete: 'off',
      optional: true,
    },
  ]
}

export const auditForm = (
  action: string,
  asked: AuditAsked,
  fields: readonly Field[],
): Html => html`${problemList(fields)}
<form method="get" action="${action}" class="mb-4" role="search" aria-label="Events" novalidate>
<div class="row">${fields.map(one => html`<div class="col-sm-6 col-lg-3">${field(one)}</div>`)}</div>
<div class="row">${(['action', 'outcome'] as const).map(name => html`<div class="col-sm-6 col-lg-3">${choice(name, asked[name])}</div>`)}</div>
<button class="btn btn-outline-primary">Show</button>
</form>`

const choice = (name: keyof typeof choices, chosen: string): Html => {
  const { label, of } = choices[name]
  return html`<div class="field mb-4"><label for="${name}" class="form-label fw-semibold">${label}</label>
<select class="form-select" id="${name}" name="${name}">${Object.entries(of).map(([value, text]) => html`<option value="${value}"${value === chosen && html` selected`}>${text}</option>`)}</select></div>`
}

/** Codes of https://hl7.org/fhir/R4/valueset-audit-event-action.html. */
const choices = {
  action: {
    label: 'What was done',
    of: {
      '': 'Anything',
      R: 'Read',
      E: 'Searched, or several things at once',
      C: 'Written',
      U: 'Changed',
      D: 'Deleted',
    },
  },
  outcome: { label: 'What came of it', of: { '': 'Anything', done: 'It was done', refused: 'It was refused' } },
} as const
