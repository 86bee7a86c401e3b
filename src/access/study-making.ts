import { type Expression, none, or } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { membership } from './rules/grant.ts'
import { whoIs } from './rules/rule.ts'
import { leading, worksIn } from './rules/studies.ts'

/** Organizations in which the rules let the caller make studies. It is asked through the gate, as the others here are. */
export const makesStudies = (caller: Caller): Expression => {
  const who = whoIs(caller)
  if (who.kind !== 'staff') return none
  return or(membership(who, 'self', 'node', 'member'), membership(who, 'self', 'down', 'manager'))
}

/** ResearchStudys whose people and data are the caller's to ask for, which those of whoever only manages from above are not. */
export const worksInStudy = (caller: Caller): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? or(...worksIn(who)) : none
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

/** ResearchStudys of which the caller looks after refused documents: those of one's own organization, and those that one leads. */
export const keepsRefused = (caller: Caller): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? or(membership(who, 'named', 'node', 'manager'), leading(who)) : none
}
