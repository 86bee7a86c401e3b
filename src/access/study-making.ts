import { type Expression, none, or } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { membership } from './rules/grant.ts'
import { whoIs } from './rules/rule.ts'
import { leading } from './rules/studies.ts'

/**
 * Organizations in which the rules let the caller make studies, and see them afterwards, which managers from above do not. It is
 * asked through the gate, as the others here are.
 */
export const makesStudies = (caller: Caller): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? membership(who, 'self', 'node', 'member') : none
}

/** ResearchStudys of which the rules let the caller change anything but staff. */
export const changesStudy = (caller: Caller): Expression => {
  const who = whoIs(caller)
  if (who.kind !== 'staff') return none
  return or(membership(who, 'named', 'node', 'member'), membership(who, 'named', 'down', 'manager'))
}

/** ResearchStudys of which the rules let the caller name and remove staff, themselves apart. */
export const namesStaff = (caller: Caller): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? or(membership(who, 'named', 'down', 'manager'), leading(who)) : none
}
