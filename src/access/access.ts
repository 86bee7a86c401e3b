import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { type Action, all, and, type Expression, none, not, or } from '../search/expression.ts'
import { isGroupMember, isProvenanceTarget } from '../search/stored-elsewhere.ts'

/** Which rows of a type may be acted upon. Always answers: `none` where nothing is granted. */
export type Access = (action: Action, type: ResourceType) => Expression

declare const restricted: unique symbol

/** A question that has passed the gate. Only `restrict` makes one, and the compiler takes nothing else. */
export type Restricted = Expression & { readonly [restricted]: true }

/**
 * What is asked, within what is allowed; the access to each linked type is and-ed inside chains and `_has` too,
 * so that a row that may not be seen can neither be returned nor asked about.
 * Throws `forbidden` where a chain asks a type that the caller may not search at all, unless it may as well lead to another.
 */
export const restrict = (access: Access, action: Action, type: ResourceType, asked: Expression = all): Restricted =>
  and(access(action, type), guarded(access, asked)) as Restricted

const guarded = (access: Access, asked: Expression): Expression => {
  switch (asked.kind) {
    case 'and': {
      const [first, ...rest] = asked.of.map(one => guarded(access, one))
      return first === undefined ? asked : and(first, ...rest)
    }
    case 'or':
      return or(...withinReach(access, asked.of).map(one => guarded(access, one)))
    case 'not':
      return not(guarded(access, asked.of))
    case 'chain':
      return chained(access, asked, and(searchable(access, asked.target), guarded(access, asked.of)))
    case 'has':
      return { ...asked, of: and(searchable(access, asked.source), guarded(access, asked.of)) }
    case 'there':
      return { ...asked, of: and(visible(access, asked.type), guarded(access, asked.of)) }
    case 'listed':
      return { ...asked, by: and(searchable(access, 'List'), guarded(access, asked.by)) }
    case 'hierarchy':
      return { ...asked, of: and(searchable(access, asked.target), guarded(access, asked.of)) }
    case 'match':
    case 'missing':
      return special(access, asked)
    default:
      return asked
  }
}

/** Who names no type of a chain's target means those that they may search; where there is none of these, it is said what it would take. */
const withinReach = (access: Access, of: readonly Expression[]): readonly Expression[] => {
  const left = of.filter(one => !isBeyond(access, one))
  return left.length === 0 ? of : left
}

const isBeyond = (access: Access, asked: Expression): boolean => {
  if (asked.kind === 'has') return isBeyond(access, asked.of)
  if (asked.kind !== 'chain') return false
  return (asked.isOpen === true && access('s', asked.target).kind === 'none') || isBeyond(access, asked.of)
}

/** What no element of the row says: the members of a Group, and what an upload has brought. */
const special = (access: Access, asked: Extract<Expression, { kind: 'match' | 'missing' }>): Expression => {
  if (asked.kind === 'match' && isGroupMember(asked.parameter)) return byMember(access, asked)
  if (!isProvenanceTarget(asked.parameter)) return asked
  return asked.kind === 'match' ? or(asked, byTarget(access, asked)) : and(asked, not(uploaded(access, all)))
}

const chained = (access: Access, asked: Extract<Expression, { kind: 'chain' }>, of: Expression): Expression => {
  const named: Expression = { ...asked, of }
  return isProvenanceTarget(asked.parameter) && asked.target === 'Observation' ? or(named, uploaded(access, of)) : named
}

/** A Group's members are its study's enrolments, and who is one is answered only for Patients that the caller may search. */
const byMember = (access: Access, { parameter, value }: Extract<Expression, { kind: 'match' }>): Expression =>
  value.kind === 'reference'
    ? guarded(access, { kind: 'chain', parameter, target: 'Patient', of: { kind: 'identified', ids: [value.id] } })
    : none

/** An upload has as targets those of its Observations that the caller may read. */
const byTarget = (access: Access, { value }: Extract<Expression, { kind: 'match' }>): Expression =>
  value.kind === 'reference' && (value.type ?? 'Observation') === 'Observation' ? uploaded(access, all, value.id) : none

const uploaded = (access: Access, asked: Expression, id?: string): Expression => {
  const of = and(access('r', 'Observation'), asked)
  return of.kind === 'none' ? none : { kind: 'uploaded', of, ...(id === undefined ? {} : { id }) }
}

const searchable = (access: Access, type: ResourceType): Expression => {
  const allowed = access('s', type)
  if (allowed.kind === 'none') throw new FhirError('forbidden', `Searching by ${type} needs a scope for ${type} with s`)
  return allowed
}

/** That it is there, is told who may read or search it. */
const visible = (access: Access, type: ResourceType): Expression => {
  const allowed = or(access('r', type), access('s', type))
  if (allowed.kind === 'none')
    throw new FhirError('forbidden', `Searching within a ${type} needs a scope for ${type} with r or s`)
  return allowed
}

/** What both allow: a token's scopes, and what its person may see. */
export const both =
  (one: Access, other: Access): Access =>
  (action, type) =>
    and(one(action, type), other(action, type))

/** What any of them allows. */
export const either =
  (...of: readonly Access[]): Access =>
  (action, type) =>
    or(...of.map(access => access(action, type)))

/** The server's own work: migrations, reindexing. Passed by name, never a default. */
export const fullAccess: Access = () => all
