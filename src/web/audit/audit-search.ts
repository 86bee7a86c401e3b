import type { Registry } from '../../fhir/registry.ts'
import { escaped } from '../../search/escape.ts'
import { and, type Expression, none } from '../../search/expression.ts'
import { parseCriteria, parseSearch } from '../../search/parse.ts'
import { lookedFor } from '../page/typed.ts'
import { type DayRange, dayRangeIn, lastUpdatedIn } from './day-range.ts'
import { appendOutcome, choosing, dayFields, outcomes } from './events-form.ts'
import type { EventsSearch } from './events-page.ts'

/** What a privacy officer searches for. */
type Asked = DayRange & {
  /** The beginning of a name. */
  readonly who: string
  /** Id of a Patient. */
  readonly patient: string
  /** Id of a ResearchStudy. */
  readonly study: string
  readonly action: string
  readonly outcome: string
}

export const auditSearch: EventsSearch<Asked> = {
  askedIn: query => ({
    ...dayRangeIn(query),
    who: lookedFor(query, 'who'),
    patient: idLookedFor(lookedFor(query, 'patient')),
    study: idLookedFor(lookedFor(query, 'study')),
    action: lookedFor(query, 'action'),
    outcome: lookedFor(query, 'outcome'),
  }),
  searchOf: (registry, asked) => {
    const { who, patient, study, action, outcome } = asked
    const query = new URLSearchParams(lastUpdatedIn(asked).map(([...pair]) => pair))
    if (who !== '') query.append('agent-name', escaped(who))
    if (action !== '') query.append('action', action)
    appendOutcome(query, outcome)
    const search = parseSearch(registry, 'AuditEvent', query)
    const named = [patient !== '' && naming(registry, patient), study !== '' && forStudy(registry, study)]
    return { ...search, where: and(search.where, ...named.filter(one => one !== false)) }
  },
  fieldsOf: asked => [
    ...dayFields(asked),
    {
      name: 'who',
      label: 'Who',
      hint: 'The beginning of the name of a person or an app',
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
    {
      name: 'study',
      label: 'Study',
      hint: 'Its id, which is in the address of its page',
      value: asked.study,
      autocomplete: 'off',
      optional: true,
    },
  ],
  choicesOf: asked => (['action', 'outcome'] as const).map(name => choosing(name, asked[name], choices[name])),
}

/** An id of our own is a UUID, which is the same in capitals, as a phone or another system may write it. https://www.rfc-editor.org/rfc/rfc9562#section-4 */
const idLookedFor = (text: string): string =>
  /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i.test(text) ? text.toLowerCase() : text

/**
 * Events that name this very record. The compartment, which makes the search fast, is that of the human. It also has events that name the
 * human's records in other tenants, and from those nobody may learn whose they are.
 */
const naming = (registry: Registry, id: string): Expression =>
  isId(id)
    ? and(
        { kind: 'compartment', of: 'Patient', id },
        parseCriteria(registry, 'AuditEvent', new URLSearchParams({ patient: id })),
      )
    : none

/** What was done to a study, with a token of it, or by a consent that was given to it; but only events that name it to the reader. */
const forStudy = (registry: Registry, id: string): Expression =>
  isId(id) ? parseCriteria(registry, 'AuditEvent', new URLSearchParams({ entity: `ResearchStudy/${id}` })) : none

const isId = (text: string): boolean => /^[A-Za-z0-9.-]{1,64}$/.test(text)

/** Codes of https://hl7.org/fhir/R4/valueset-audit-event-action.html. */
const choices = {
  action: {
    label: 'Action',
    of: {
      '': 'Anything',
      R: 'Read',
      E: 'Searched, or several things at once',
      C: 'Written',
      U: 'Changed',
      D: 'Deleted',
    },
  },
  outcome: outcomes,
} as const
