import { type Expression, none, or } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { membership } from './rules/grant.ts'
import { whoIs } from './rules/rule.ts'
import { inviting } from './rules/studies.ts'

/** Which ResearchSubjects the caller may invite: those that the rules let them write. It is asked through the gate. */
export const invitedBy = (caller: Caller): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? inviting(who) : none
}

/** The same of ResearchStudys: into which of them the caller may enrol people. */
export const enrollingInto = (caller: Caller): Expression => {
  const who = whoIs(caller)
  if (who.kind !== 'staff') return none
  const to = { kind: 'practitioner', id: who.practitioner } as const
  const { study } = who
  return or(membership(who, 'named', 'node', 'member'), {
    kind: 'staffed',
    to,
    by: 'request',
    ...(study === undefined ? {} : { study }),
  })
}
