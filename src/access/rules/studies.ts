import { and, type Expression, none, or, type Staffed } from '../../search/expression.ts'
import { allOf, member, membership, own, staffed, where } from './grant.ts'
import type { Grant, Patient, Rule, Staff } from './rule.ts'

const kept = (part: Extract<Expression, { kind: 'kept' }>['part']): Grant => where({ kind: 'kept', part })

const registering = member('named', 'node', 'member')
const managed = member('named', 'down', 'manager')
const ownStaffEntryKept: Grant<Staff> = ({ practitioner }) => ({ kind: 'kept', part: { staffEntryOf: practitioner } })

/** Those of one's organization and of those above it, and those that name one as staff. */
export const worksIn = (who: Staff): readonly Expression[] => [
  membership(who, 'named', 'up', 'viewer'),
  handling(who, 'study'),
]

/** Those who lead a study. */
export const leading = (who: Staff): Expression => handling(who, 'lead')

/** Those who work for a study so. */
export const handling = ({ practitioner: id, study }: Staff, by: Staffed['by']): Expression => ({
  kind: 'staffed',
  to: { kind: 'practitioner', id },
  by,
  ...(study === undefined ? {} : { study }),
})

/** Whoever manages from above reads what a study says of itself, since they administer it. Nobody in it is shown to them by that. */
const readStudy: Grant<Staff> = (who, asked) => or(managed(who, asked), ...worksIn(who))

/** Staff entries are made by managers and those who lead the study, and never one's own. */
export const researchStudy: Rule = {
  read: {
    patient: ({ patient }) => ({ kind: 'invited', patient }),
    staff: readStudy,
    client: staffed('study'),
  },
  create: {
    staff: (who, asked) =>
      or(allOf(registering, kept('staff'))(who, asked), allOf(managed, ownStaffEntryKept)(who, asked)),
  },
  update: {
    staff: (who, asked) =>
      or(
        allOf(registering, kept('staff'))(who, asked),
        allOf(managed, ownStaffEntryKept)(who, asked),
        allOf<Staff>(leading, kept('all-but-staff'), ownStaffEntryKept)(who, asked),
      ),
  },
  delete: { staff: registering },
}

export const group: Rule = {
  read: { staff: readStudy, client: staffed('study') },
  create: { staff: registering },
  update: { staff: registering },
  delete: { staff: registering },
}

/** Members of its organization, and those among its staff who invite. */
export const inviting = (who: Staff): Expression =>
  or(membership(who, 'study', 'node', 'member'), handling(who, 'request'))

const status = (status: string): Grant => where({ kind: 'content', is: { status } })

/** All that a patient makes of their own place; what is written before passes as it is. */
const leaving: Grant<Patient> = (who, asked) =>
  or(status('off-study')(who, asked), status('withdrawn')(who, asked), kept('whole')(who, asked))

export const researchSubject: Rule = {
  read: {
    patient: own,
    staff: (who, asked) => or(inviting(who), staffed('enrolment')(who, asked)),
    client: staffed('enrolment'),
  },
  create: { staff: inviting },
  update: { staff: inviting, patient: allOf<Patient>(own, kept('all-but-leaving'), leaving) },
  delete: { staff: inviting },
}

/** To a study that the patient was not invited to nothing is given, and nobody learns whether there is one. */
const recorded: Grant<Patient> = (who, asked) =>
  who.recordsConsent ? and(own(who, asked), { kind: 'invited', patient: who.patient }) : none

const requested: Grant<Staff> = staffed('request')

/** Only the patient decides. Staff ask, and end what was given, saying why; what is neither must stay as it is. */
export const consent: Rule = {
  read: { patient: own, staff: staffed('consent'), client: staffed('consent') },
  create: { patient: recorded, staff: allOf(requested, status('proposed')) },
  update: {
    patient: recorded,
    staff: (who, asked) =>
      or(
        allOf<Staff>(requested, status('proposed'), kept('status'))(who, asked),
        allOf<Staff>(
          requested,
          status('inactive'),
          where({ kind: 'content', is: 'with-a-reason' }),
          kept('all-but-inactivation'),
        )(who, asked),
        allOf<Staff>(requested, kept('whole'))(who, asked),
      ),
  },
  delete: { patient: recorded },
}
