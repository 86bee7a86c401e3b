import { systems } from '../../fhir/canonical.ts'
import { escaped } from '../../search/escape.ts'
import { and, or } from '../../search/expression.ts'
import { parseCriteria, parseSearch } from '../../search/parse.ts'
import { type DayRange, dayRangeIn, lastUpdatedIn } from '../audit/day-range.ts'
import { appendOutcome, choosing, dayFields, outcomes } from '../audit/events-form.ts'
import type { EventsSearch } from '../audit/events-page.ts'
import { lookedFor } from '../page/typed.ts'

/** What an administrator searches for. */
type Asked = DayRange & {
  /** The beginning of a name. */
  readonly who: string
  /** The beginning of an app's name, or its whole id. */
  readonly app: string
  readonly kind: string
  readonly outcome: string
}

export const systemEventsSearch: EventsSearch<Asked> = {
  askedIn: query => ({
    ...dayRangeIn(query),
    who: lookedFor(query, 'who'),
    app: lookedFor(query, 'app'),
    kind: lookedFor(query, 'kind'),
    outcome: lookedFor(query, 'outcome'),
  }),
  /** The same search as at `/fhir/AuditEvent`. */
  searchOf: (registry, asked) => {
    const { who, app, kind, outcome } = asked
    const query = new URLSearchParams(lastUpdatedIn(asked).map(([...pair]) => pair))
    if (who !== '') query.append('agent-name', escaped(who))
    const [name, code] = kinds[kind] ?? []
    if (name !== undefined && code !== undefined) query.append(name, code)
    appendOutcome(query, outcome)
    const search = parseSearch(registry, 'AuditEvent', query)
    if (app === '') return search
    const criteria = (name: string, value: string) =>
      parseCriteria(registry, 'AuditEvent', new URLSearchParams({ [name]: value }))
    const ofApp = or(
      criteria('agent-name', escaped(app)),
      criteria('entity-name', escaped(app)),
      criteria('agent:identifier', `|${escaped(app)}`),
      criteria('entity:identifier', `|${escaped(app)}`),
    )
    return { ...search, where: and(search.where, ofApp) }
  },
  fieldsOf: asked => [
    ...dayFields(asked),
    {
      name: 'who',
      label: 'Who',
      hint: 'The beginning of a name',
      value: asked.who,
      autocomplete: 'off',
      optional: true,
    },
    {
      name: 'app',
      label: 'App or service',
      hint: 'The beginning of its name, or its whole id',
      value: asked.app,
      autocomplete: 'off',
      optional: true,
    },
  ],
  choicesOf: asked => (['kind', 'outcome'] as const).map(name => choosing(name, asked[name], choices[name])),
}

/** DICOM's codes, as https://hl7.org/fhir/R4/valueset-audit-event-sub-type.html has them. */
const kinds: Readonly<Record<string, readonly [parameter: string, code: string]>> = {
  'sign-in': ['subtype', `${systems.dicom}|110122`],
  accounts: ['subtype', `${systems.dicom}|110137`],
  configuration: ['subtype', `${systems.dicom}|110129`],
  backups: ['type', 'http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle|archive'],
  resources: ['type', 'http://terminology.hl7.org/CodeSystem/audit-event-type|rest'],
}

const choices = {
  kind: {
    label: 'Kind of event',
    of: {
      '': 'Anything',
      'sign-in': 'Sign-ins',
      accounts: 'Accounts, and what apps were allowed',
      configuration: 'Apps, keys, EHRs, invitations and the configuration',
      backups: 'Backups',
      resources: 'Organizations, people, roles, devices and definitions',
    },
  },
  outcome: outcomes,
} as const
