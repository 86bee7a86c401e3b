import { all, type Expression, none, or } from '../search/expression.ts'
import type { Access } from './access.ts'
import type { Caller } from './caller.ts'
import { handling, membership } from './rules/grant.ts'
import { type Staff, whoIs } from './rules/rule.ts'
import { inviting, leading, worksIn } from './rules/studies.ts'

// Parts of the rules as questions of their own, for pages that offer only what the caller may do. Each is asked through the gate.

const ofStaff = (caller: Caller, question: (staff: Staff) => Expression): Expression => {
  const who = whoIs(caller)
  return who.kind === 'staff' ? question(who) : none
}

/** Organizations that the caller administers: those in which the rules let them give roles. */
export const administeredBy = (caller: Caller): Expression =>
  whoIs(caller).kind === 'administrator' ? all : ofStaff(caller, staff => membership(staff, 'self', 'down', 'manager'))

/** Practitioners whose name and contacts the rules let the caller change. */
export const changesPractitioner = (caller: Caller): Expression =>
  whoIs(caller).kind === 'administrator'
    ? all
    : ofStaff(caller, staff => membership(staff, 'practitioner', 'down', 'manager'))

/** Organizations in which the rules let the caller make studies. */
export const makesStudies = (caller: Caller): Expression =>
  ofStaff(caller, staff =>
    or(membership(staff, 'self', 'node', 'member'), membership(staff, 'self', 'down', 'manager')),
  )

/** ResearchStudys whose people and data the caller may ask for; who only manages from above may not. */
export const worksInStudy = (caller: Caller): Expression => ofStaff(caller, staff => or(...worksIn(staff)))

/** ResearchStudys of which the rules let the caller change all but the staff. */
export const changesStudy = (caller: Caller): Expression =>
  ofStaff(caller, staff =>
    or(membership(staff, 'named', 'node', 'member'), membership(staff, 'named', 'down', 'manager')),
  )

/** ResearchStudys of which the rules let the caller name and remove staff, other than themselves. */
export const namesStaff = (caller: Caller): Expression =>
  ofStaff(caller, staff => or(membership(staff, 'named', 'down', 'manager'), leading(staff)))

/** ResearchStudys whose refused documents the caller looks after: those of an organization that they manage, and those that they lead. */
export const keepsRefused = (caller: Caller): Expression =>
  ofStaff(caller, staff => or(membership(staff, 'named', 'node', 'manager'), leading(staff)))

/** ResearchStudys for which the caller asks people for their consent, enrolments in them, and Consents to them. */
export const asksForConsent = (caller: Caller): Expression => ofStaff(caller, staff => handling(staff, 'request'))

/** ResearchStudys into which the caller may enrol people. */
export const enrollingInto = (caller: Caller): Expression =>
  ofStaff(caller, staff => or(membership(staff, 'named', 'node', 'member'), handling(staff, 'request')))

/** ResearchSubjects that the rules let the caller write, and so invite. */
export const invitedBy = (caller: Caller): Expression => ofStaff(caller, inviting)

/** Of the Observations that the caller may read, those that are consented to the study. */
export const sharedWithStudy = (caller: Caller, study: string): Expression => {
  const who = whoIs(caller)
  if (who.kind === 'staff')
    return { kind: 'consented', to: { kind: 'practitioner', id: who.practitioner }, action: 's', study }
  return who.kind === 'client' && who.organization !== undefined ? readForStudy(who.organization, study) : none
}

/** Observations that are given to a practitioner, or to the people of an organization, without a study; a patient asks this about their own. */
export const readForCare = ({
  kind,
  id,
}: {
  readonly kind: 'practitioner' | 'organization'
  readonly id: string
}): Expression => ({
  kind: 'consented',
  to: { kind: kind === 'organization' ? 'members' : kind, id },
  action: 's',
})

/** Observations that are consented to the study, and so read by its people; a patient asks this about their own. */
export const readForStudy = (organization: string, study: string): Expression => ({
  kind: 'consented',
  to: { kind: 'organization', id: organization },
  action: 's',
  study,
})

/** Of the Observations that the caller may read, those that one Consent to them or to an organization of theirs gives; and of other types all. */
export const onlyGivenBy =
  (caller: Caller, consent: string): Access =>
  (action, type) =>
    type === 'Observation'
      ? ofStaff(caller, ({ practitioner }) => ({
          kind: 'consented',
          to: { kind: 'practitioner', id: practitioner },
          action,
          consent,
        }))
      : all
