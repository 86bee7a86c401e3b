import { all, type Expression, none, or } from '../search/expression.ts'
import type { Caller } from './caller.ts'
import { membership } from './rules/grant.ts'
import { type Staff, whoIs } from './rules/rule.ts'
import { handling, inviting, leading, worksIn } from './rules/studies.ts'

// What the rules let somebody do, as questions of their own: of which rows it is offered to them. Each is asked through the gate.

const ofStaff = (caller: Caller, question: (staff: Staff) => Expression): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? question(who) : none
}

/** Organizations that the caller administers: those in which the rules let them give roles. */
export const administeredBy = (caller: Caller): Expression =>
  whoIs(caller).kind === 'administrator' ? all : ofStaff(caller, staff => membership(staff, 'self', 'down', 'manager'))

/** Organizations in which the rules let the caller make studies. */
export const makesStudies = (caller: Caller): Expression =>
  ofStaff(caller, staff =>
    or(membership(staff, 'self', 'node', 'member'), membership(staff, 'self', 'down', 'manager')),
  )

/** ResearchStudys whose people and data are the caller's to ask for, which those of whoever only manages from above are not. */
export const worksInStudy = (caller: Caller): Expression => ofStaff(caller, staff => or(...worksIn(staff)))

/** ResearchStudys of which the rules let the caller change anything but staff. */
export const changesStudy = (caller: Caller): Expression =>
  ofStaff(caller, staff =>
    or(membership(staff, 'named', 'node', 'member'), membership(staff, 'named', 'down', 'manager')),
  )

/** ResearchStudys of which the rules let the caller name and remove staff, themselves apart. */
export const namesStaff = (caller: Caller): Expression =>
  ofStaff(caller, staff => or(membership(staff, 'named', 'down', 'manager'), leading(staff)))

/** ResearchStudys of which the caller looks after refused documents: those of one's own organization, and those that one leads. */
export const keepsRefused = (caller: Caller): Expression =>
  ofStaff(caller, staff => or(membership(staff, 'named', 'node', 'manager'), leading(staff)))

/** ResearchStudys into which the caller may enrol people. */
export const enrollingInto = (caller: Caller): Expression =>
  ofStaff(caller, staff => or(membership(staff, 'named', 'node', 'member'), handling(staff, 'request')))

/** ResearchSubjects whom the caller may invite: those that the rules let them write. */
export const invitedBy = (caller: Caller): Expression => ofStaff(caller, inviting)

/** Observations that the caller reads by what one study is consented, of all that they may read. */
export const sharedWithStudy = (caller: Caller, study: string): Expression => {
  const who = whoIs(caller)
  if (who.kind === 'staff')
    return { kind: 'consented', to: { kind: 'practitioner', id: who.practitioner }, action: 's', study }
  return who.kind === 'client' && who.organization !== undefined ? readForStudy(who.organization, study) : none
}

/** Observations that the people of a study read by what it is consented; asked of one's own. */
export const readForStudy = (organization: string, study: string): Expression => ({
  kind: 'consented',
  to: { kind: 'organization', id: organization },
  action: 's',
  study,
})
