import { all, and, type Expression, type Member, none, type Role, type Staffed } from '../../search/expression.ts'
import type { Client, Grant, Patient, Staff, Who } from './rule.ts'

export const anyone: Grant = () => all

/** The row is in the patient's own compartment. */
export const own: Grant<Patient> = ({ patient }) => ({ kind: 'compartment', of: 'Patient', id: patient })

/** A consent in force covers the row. */
export const consented: Grant<Staff | Client> = (who, { action }) => {
  const to = granteeOf(who)
  return to === undefined ? none : { kind: 'consented', to, action, ...narrowed(who) }
}

export const staffed =
  (by: Staffed['by']): Grant<Staff | Client> =>
  who =>
    handling(who, by)

/** The row belongs, in this way, to a study that the caller works for. */
export const handling = (who: Staff | Client, by: Staffed['by']): Expression => {
  const to = granteeOf(who)
  return to === undefined ? none : { kind: 'staffed', to, by, ...narrowed(who) }
}

export const member =
  (...by: By): Grant<Staff> =>
  who =>
    membership(who, ...by)

type By = readonly [of: Member['of'], reach: Member['reach'], role: Member['role']]

/** Membership opens all of an organization, so a token that is narrowed to one study has none of it. */
export const membership = ({ practitioner, study }: Staff, ...[of, reach, role]: By): Expression =>
  study === undefined ? { kind: 'member', of, reach, role, practitioner } : none

/** For people with at least that role in the very organization that owns the row. */
export const ownedBy = (role: Role): Grant<Staff> => member('owner', 'node', role)

export const sameTenant: Grant<Staff> = ({ practitioner, study }) =>
  study === undefined ? { kind: 'same-tenant', practitioner } : none

export const knownTo: Grant<Patient> = ({ patient }) => ({ kind: 'known-to', patient })

export const created: Grant = ({ principal }) => ({ kind: 'created', by: principal })

/** All must hold. */
export const allOf =
  <W extends Who>(...grants: readonly [Grant<W>, ...Grant<W>[]]): Grant<W> =>
  (who, asked) => {
    const [first, ...rest] = grants
    return and(first(who, asked), ...rest.map(grant => grant(who, asked)))
  }

/** A condition on the row itself, whoever asks. */
export const where =
  (expression: Expression): Grant =>
  () =>
    expression

const granteeOf = (who: Staff | Client) =>
  who.kind === 'staff'
    ? ({ kind: 'practitioner', id: who.practitioner } as const)
    : who.organization === undefined
      ? undefined
      : ({ kind: 'organization', id: who.organization } as const)

const narrowed = ({ study }: Staff | Client) => (study === undefined ? {} : { study })
