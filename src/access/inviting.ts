import { type Expression, none } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { whoIs } from './rules/rule.ts'
import { inviting } from './rules/studies.ts'

/** Which ResearchSubjects the caller may invite: those that the rules let them write. It is asked through the gate. */
export const invitedBy = (caller: Caller): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? inviting(who) : none
}
