import { all, type Expression, none } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { membership } from './rules/grant.ts'
import { whoIs } from './rules/rule.ts'

/** Which Organizations the caller administers: those in which the rules let them give roles. It is asked through the gate. */
export const administeredBy = (caller: Caller): Expression => {
  const who = whoIs(caller)
  if (who.kind === 'administrator') return all
  return who.kind === 'staff' ? membership(who, 'self', 'down', 'manager') : none
}
