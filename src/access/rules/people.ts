import type { ElementPath } from '../../fhir/definition/search-parameter.ts'
import { and, none, or } from '../../search/expression.ts'
import { allOf, anyone, knownTo, member, sameTenant, staffed, where } from './grant.ts'
import type { Grant, Grants, Rule } from './rule.ts'

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
        // The root of a tenant is part of nothing, and its managers still describe it.
        allOf(member('self', 'down', 'manager'), where({ kind: 'content', is: 'a-root' }))(who, asked),
        allOf(member('self', 'down', 'manager'), member('parent', 'down', 'manager'))(who, asked),
      ),
    administrator: anyone,
  },
  delete: { staff: member('parent', 'down', 'manager'), administrator: anyone },
}

const managed = member('practitioner', 'down', 'manager')

/** Managers say who is staff of the studies that they manage, and answer for it: they read who that is, from wherever it is. */
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
 * Whom the manager's tenant does not know cannot be enrolled: a role would make its Practitioner known there. That a study names somebody from
 * elsewhere is no reason for a role, nor that they worked there before they left for another tenant: they take one by an invitation.
 */
const ofKnown: typeof managed = (who, asked) => {
  const known = sameTenant(who, { ...asked, type: 'Practitioner' })
  const of = known.kind === 'same-tenant' ? ({ ...known, now: true } as const) : known
  return { kind: 'names', paths: [practitionerNamed], target: 'Practitioner', of }
}

/** Whoever is gone can be dismissed. */
const ofKnownOrGone: typeof managed = (who, asked) =>
  or(
    { kind: 'kept', part: 'whole' },
    and({ kind: 'kept', part: 'practitioner' }, { kind: 'content', is: 'not-active' }),
    ofKnown(who, asked),
  )

/** Never one's own: neither given nor taken. */
const ofOthers: typeof managed = (who, asked) =>
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
/** An account that is linked to a patient reads the patient's data: nobody but the patient makes that link. */
const ofPractitionersOnly = where({ kind: 'content', is: 'of-practitioners-only' })

const ownAccount: Grant = ({ principal }) =>
  principal.kind === 'person' ? { kind: 'identified', ids: [principal.id] } : none

/** Who an account is at an EHR or an identity provider comes from signing in there: over FHIR nobody says so. */
const subjectsKept = where({ kind: 'kept', part: 'identifier' })

/** Whoever could link their own account to somebody else, or another's, would act as that person. */
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
