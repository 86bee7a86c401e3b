import { type Expression, none } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { whoIs } from './rules/rule.ts'

/** Which Observations the caller reads by what one study is consented, of all that they may read. It is asked through the gate. */
export const sharedWithStudy = (caller: Caller, study: string): Expression => {
  const who = whoIs(caller)
  if (who.kind === 'staff')
    return { kind: 'consented', to: { kind: 'practitioner', id: who.practitioner }, action: 's', study }
  return who.kind === 'client' && who.organization !== undefined
    ? { kind: 'consented', to: { kind: 'organization', id: who.organization }, action: 's', study }
    : none
}

/** Which Observations the people of a study read by what it is consented. It is asked through the gate, of one's own. */
export const readForStudy = (organization: string, study: string): Expression => ({
  kind: 'consented',
  to: { kind: 'organization', id: organization },
  action: 's',
  study,
})
