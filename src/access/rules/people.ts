import type { ElementPath } from '../../fhir/definition/search-parameter.ts'
import { and, none, or } from '../../search/expression.ts'
import { allOf, anyone, knownTo, member, sameTenant, staffed, where } from './grant.ts'
import type { Grant, Grants, Rule, Staff } from './rule.ts'

const readByTree: Grants = {
  patient: knownTo,
  staff: (who, asked) => or(sameTenant(who, asked), staffed('name')(who, asked)),
  client: staffed('name'),
  administrator: anyone,
}

/** Administrators make tenants, the roots; managers build below what they manage. */
export const organization: Rule = {
  read: readByTree,
  create: { staff: member('parent', 'down', 'manager'), administrator: anyone },
  update: {
    staff: (who, asked) =>
      or(
        // The root of a tenant is part of nothing, and its managers may still change it.
        allOf(member('self', 'down', 'manager'), where({ kind: 'content', is: 'a-root' }))(who, asked),
        allOf(member('self', 'down', 'manager'), member('parent', 'down', 'manager'))(who, asked),
      ),
    administrator: anyone,
  },
  delete: { staff: member('parent', 'down', 'manager'), administrator: anyone },
}

const managed = member('practitioner', 'down', 'manager')

/** Managers answer for who is staff of the studies that they manage, so they read who that is, also from elsewhere. */
const staffOfManaged = member('staffed-study', 'down', 'manager')

export const practitioner: Rule = {
  read: {
    ...readByTree,
    staff: (who, asked) => or(sameTenant(who, asked), staffed('name')(who, asked), staffOfManaged(who, asked)),
  },
  create: { staff: managed, administrator: anyone },
  update: { staff: managed, administrator: anyone },
  delete: { staff: managed, administrator: anyone },
}

const practitionerNamed: ElementPath = { steps: [{ name: 'practitioner' }], datatype: 'Reference' }

/**
 * A role goes only to a Practitioner whom the manager's tenant knows already, since the role would make them known there. It is not enough that a
 * study names them, or that they worked there before they left for another tenant: they get a role by accepting an invitation.
 */
const ofKnown: Grant<Staff> = (who, asked) => {
  const known = sameTenant(who, { ...asked, type: 'Practitioner' })
  const of = known.kind === 'same-tenant' ? ({ ...known, now: true } as const) : known
  return { kind: 'names', paths: [practitionerNamed], target: 'Practitioner', of }
}

/** The role of somebody who has left can still be ended. */
const ofKnownOrGone: Grant<Staff> = (who, asked) =>
  or(
    { kind: 'kept', part: 'whole' },
    and({ kind: 'kept', part: 'practitioner' }, { kind: 'content', is: 'not-active' }),
    ofKnown(who, asked),
  )

/** Nobody gives or takes a role of their own. */
const ofOthers: Grant<Staff> = (who, asked) =>
  allOf(member('named', 'down', 'manager'), ({ practitioner }) => ({
    kind: 'not',
    of: { kind: 'content', is: { practitioner } },
  }))(who, asked)

export const practitionerRole: Rule = {
  read: readByTree,
  create: { staff: allOf(ofOthers, ofKnown), administrator: anyone },
  update: { staff: allOf(ofOthers, ofKnownOrGone), administrator: anyone },
  delete: { staff: ofOthers, administrator: anyone },
}

const managersAccounts = member('person', 'down', 'manager')

/** An account that is linked to a patient reads that patient's data: only the patient can make such a link. */
const ofPractitionersOnly = where({ kind: 'content', is: 'of-practitioners-only' })

const ownAccount: Grant = ({ principal }) =>
  principal.kind === 'person' ? { kind: 'identified', ids: [principal.id] } : none

/** An account's identity at an EHR or identity provider comes from signing in there, and is never written over FHIR. */
const subjectsKept = where({ kind: 'kept', part: 'identifier' })

/** Whoever could change the links of an account, or write their own, could act as somebody else. */
const notOwn: Grant = ({ principal }) =>
  principal.kind === 'person' ? { kind: 'not', of: { kind: 'identified', ids: [principal.id] } } : none
const linksKept = where({ kind: 'kept', part: 'link' })

export const person: Rule = {
  read: {
    patient: ownAccount,
    staff: (who, asked) => or(ownAccount(who, asked), managersAccounts(who, asked)),
    administrator: ofPractitionersOnly,
    person: ownAccount,
  },
  create: { staff: allOf(managersAccounts, subjectsKept), administrator: allOf(ofPractitionersOnly, subjectsKept) },
  update: {
    staff: allOf(managersAccounts, notOwn, linksKept, subjectsKept),
    administrator: allOf(ofPractitionersOnly, subjectsKept),
  },
  delete: { staff: allOf(managersAccounts, notOwn), administrator: ofPractitionersOnly },
}
