import { and, type Expression, type Kept, none, or } from '../../search/expression.ts'
import { allOf, handling, member, membership, own, staffed, where } from './grant.ts'
import type { Grant, Patient, Rule, Staff } from './rule.ts'

const kept = (part: Kept['part']): Grant => where({ kind: 'kept', part })

const registering = member('named', 'node', 'member')
const managed = member('named', 'down', 'manager')
const ownStaffEntryKept: Grant<Staff> = ({ practitioner }) => ({ kind: 'kept', part: { staffEntryOf: practitioner } })

/** The studies of one's organization and of those above it, and the studies that name one as staff. */
export const worksIn = (who: Staff): readonly Expression[] => [
  membership(who, 'named', 'up', 'viewer'),
  handling(who, 'study'),
]

/** The studies that one leads. */
export const leading = (who: Staff): Expression => handling(who, 'lead')

/** Who manages from above administers the study, and so reads what it says of itself. That does not show them who is in it. */
const readStudy: Grant<Staff> = (who, asked) => or(managed(who, asked), ...worksIn(who))

/** Only managers and those who lead the study make staff entries, and never their own. */
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

/** The enrolments of the studies of one's organization, and of those in which one is staff who invite. */
export const inviting = (who: Staff): Expression =>
  or(membership(who, 'study', 'node', 'member'), handling(who, 'request'))

const status = (status: string): Grant => where({ kind: 'content', is: { status } })

/** A patient may only leave. An update is asked about the old content too, which `whole` lets pass. */
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

/** Nothing is given to a study to which the patient was not invited, so that nobody learns whether there is such a study. */
const recorded: Grant<Patient> = (who, asked) =>
  who.recordsConsent ? and(own(who, asked), { kind: 'invited', patient: who.patient }) : none

const requested: Grant<Staff> = staffed('request')

/** Only the patient decides. Staff ask, and may end what was given if they say why; anything else they must leave as it is. */
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
