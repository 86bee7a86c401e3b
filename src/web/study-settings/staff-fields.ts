import { wordsFor } from '../../messages/catalogue.ts'
import { type NewStaff, type StaffEntry, type staffProblems, staffRoles } from '../../studies/definition/study-staff.ts'
import { selectField } from '../page/choice-field.ts'
import { field } from '../page/form.ts'
import { type Html, html } from '../page/html.ts'
import { namedIn } from '../page/named-in.ts'
import { nowItSays } from '../page/said-meanwhile.ts'
import { dayOrMoment } from '../page/time.ts'
import { typed } from '../page/typed.ts'
import { calendarOf, dayAsked, dayShown } from '../page/typed-day.ts'

const optional = true as const
const english = wordsFor('en')
export const noStaff: NewStaff = { practitioner: '', role: '', from: '', until: '' }

export const typedStaff = (body: unknown, practitioner: string): NewStaff => ({
  practitioner,
  role: typed(body, 'role'),
  from: dayAsked(typed(body, 'from')),
  until: dayAsked(typed(body, 'until')),
})

/** The role in which somebody works in a study, and when; `replaced`: the entry that is changed; `now`: as somebody else has changed it meanwhile. */
export const roleFields = (
  { role, from, until }: NewStaff,
  problems: ReturnType<typeof staffProblems>,
  replaced?: StaffEntry,
  now: NewStaff = { practitioner: '', role, from, until },
) =>
  [
    {
      name: 'role',
      label: 'Role',
      value: role,
      problem: problems.role,
      ...(now.role !== role && { hint: nowItSays(namedIn(staffRoles, now.role) ?? now.role) }),
      choices: [
        { value: '', label: 'Choose one' },
        ...Object.entries(staffRoles).map(([value, label]) => ({ value, label })),
      ],
    },
    {
      name: 'from',
      label: 'First day',
      hint: html`${saidNow(from, now.from)}Such as 31 January 2026, in UTC. Leave empty for from now on${keptMoment(replaced?.period.start)}`,
      value: dayShown(from, english),
      ...calendarOf(from, english),
      problem: problems.from,
      autocomplete: 'off',
      optional,
    },
    {
      name: 'until',
      label: 'Last day',
      hint: html`${saidNow(until, now.until)}A day in UTC. Leave empty for as long as the study runs${keptMoment(replaced?.period.end)}`,
      value: dayShown(until, english),
      ...calendarOf(until, english),
      problem: problems.until,
      autocomplete: 'off',
      optional,
    },
  ] as const

const saidNow = (typed: string, now: string): Html | undefined =>
  now === typed ? undefined : html`${nowItSays(dayShown(now, english))}. `

/** If the time of day is stored as well, the day in the field says less than what applies. */
export const keptMoment = (stored: string | undefined): Html | undefined =>
  stored?.includes('T') ? html`. The day shown stands for ${dayOrMoment(stored, english)}` : undefined

export const roleControls = ([role, from, until]: ReturnType<typeof roleFields>): readonly Html[] => [
  selectField(role),
  field(from),
  field(until),
]
