import { type NewStaff, type staffProblems, staffRoles } from '../studies/study-staff.ts'
import { selectField } from './choice-field.ts'
import { field, typed } from './form.ts'
import type { Html } from './html.ts'

const optional = true as const
export const noStaff: NewStaff = { practitioner: '', role: '', from: '', until: '' }

export const typedStaff = (body: unknown, practitioner: string): NewStaff => ({
  practitioner,
  role: typed(body, 'role'),
  from: typed(body, 'from').trim(),
  until: typed(body, 'until').trim(),
})

/** In which role somebody works in a study, and when. */
export const roleFields = ({ role, from, until }: NewStaff, problems: ReturnType<typeof staffProblems>) =>
  [
    {
      name: 'role',
      label: 'Role',
      value: role,
      problem: problems.role,
      choices: [
        { value: '', label: 'Choose one' },
        ...Object.entries(staffRoles).map(([value, label]) => ({ value, label })),
      ],
    },
    {
      name: 'from',
      label: 'First day',
      hint: 'Such as 2026-01-31. Empty: from now on',
      value: from,
      problem: problems.from,
      autocomplete: 'off',
      optional,
    },
    {
      name: 'until',
      label: 'Last day',
      hint: 'Empty: as long as the study',
      value: until,
      problem: problems.until,
      autocomplete: 'off',
      optional,
    },
  ] as const

export const roleControls = ([role, from, until]: ReturnType<typeof roleFields>): readonly Html[] => [
  selectField(role),
  field(from),
  field(until),
]
