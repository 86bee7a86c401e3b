import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { type Action, all, and, type Expression, none, not, or } from '../search/expression.ts'
import { isGroupMember, isProvenanceTarget } from '../search/stored-elsewhere.ts'
import type { Value } from '../search/value.ts'
import { consentOnce } from './consent-once.ts'

/** On which rows of a type an action is allowed. Always answers: `none` where nothing is granted. */
export type Access = (action: Action, type: ResourceType) => Expression

type Match = Extract<Expression, { kind: 'match' }>

declare const restricted: unique symbol

/** A question that has passed the gate. Only `restrict` makes one, and the compiler takes nothing else. */
export type Restricted = Expression & { readonly [restricted]: true }

/**
 * What is asked, within what is allowed. The access to each linked type is and-ed inside chains and `_has` as well, so that a row
 * that the caller may not see is neither returned nor asked about. Throws `forbidden` for a chain to a type that the caller may not
 * search at all, unless the chain left the type open and another one is left.
 */
export const restrict = (access: Access, action: Action, type: ResourceType, asked: Expression = all): Restricted =>
  consentOnce(and(access(action, type), guarded(access, asked))) as Restricted

const guarded = (access: Access, asked: Expression): Expression => {
  switch (asked.kind) {
    case 'and': {
      const [first, ...rest] = asked.of.map(one => guarded(access, one))
      return first === undefined ? asked : and(first, ...rest)
    }
    case 'or':
      return anyGuarded(access, withinReach(access, asked.of))
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
      return answeredElsewhere(access, asked)
    default:
      return asked
  }
}

/** Members of a Group that are named are asked about together: all that the caller may search of Patients would be asked again for each. */
const anyGuarded = (access: Access, of: readonly Expression[]): Expression => {
  const [first, ...named] = of.filter(isNamedMember)
  if (first === undefined || named.length === 0) return or(...of.map(one => guarded(access, one)))
  const ids = [first, ...named].flatMap(({ value }) => patientNamed(value) ?? [])
  const others = of.filter(one => !isNamedMember(one)).map(one => guarded(access, one))
  return or(...others, first, ...named, byMember(access, first, ids.length === 0 ? none : { kind: 'identified', ids }))
}

const isNamedMember = (one: Expression): one is Match =>
  one.kind === 'match' && isGroupMember(one.parameter) && one.value.kind === 'reference'

const patientNamed = (value: Value): string | undefined =>
  value.kind === 'reference' && (value.type ?? 'Patient') === 'Patient' ? value.id : undefined

/** A chain that names no type of its target means the types that the caller may search. If there are none, all are kept, so that the refusal says what it would take. */
const withinReach = (access: Access, of: readonly Expression[]): readonly Expression[] => {
  const left = of.filter(one => !isBeyond(access, one))
  return left.length === 0 ? of : left
}

const isBeyond = (access: Access, asked: Expression): boolean => {
  if (asked.kind === 'has') return isBeyond(access, asked.of)
  if (asked.kind !== 'chain') return false
  return (asked.isOpen === true && access('s', asked.target).kind === 'none') || isBeyond(access, asked.of)
}

/** What is not in the row's own elements: the members of a study's Group, and what an upload has brought. */
const answeredElsewhere = (access: Access, asked: Extract<Expression, { kind: 'match' | 'missing' }>): Expression => {
  if (isGroupMember(asked.parameter))
    return asked.kind === 'match'
      ? or(asked, byMember(access, asked, askedOf('Patient', asked.value)))
      : and(asked, not(hasMember(access, asked)))
  if (!isProvenanceTarget(asked.parameter)) return asked
  return asked.kind === 'match' ? or(asked, byTarget(access, asked)) : and(asked, not(uploaded(access, all)))
}

const chained = (access: Access, asked: Extract<Expression, { kind: 'chain' }>, of: Expression): Expression => {
  const named: Expression = { ...asked, of }
  return isProvenanceTarget(asked.parameter) && asked.target === 'Observation' ? or(named, uploaded(access, of)) : named
}

/** The members of a study's Group are its enrolments; only of a Patient whom the caller may search it is told whether they are one. */
const byMember = (access: Access, { parameter }: Pick<Match, 'parameter'>, of: Expression): Expression =>
  of.kind === 'none' ? none : guarded(access, { kind: 'chain', parameter, target: 'Patient', of })

/** Whether it is shown to have any. */
const hasMember = (access: Access, { parameter }: Pick<Match, 'parameter'>): Expression => {
  const of = access('r', 'Patient')
  return of.kind === 'none' ? none : { kind: 'chain', parameter, target: 'Patient', of }
}

/** The targets of an upload's Provenance are those of its Observations that the caller may read. */
const byTarget = (access: Access, { value }: Match): Expression => {
  const isNamed = value.kind === 'reference' && (value.type ?? 'Observation') === 'Observation'
  return isNamed ? uploaded(access, all, value.id) : uploaded(access, askedOf('Observation', value))
}

/** Which resources of the type a value of a reference parameter means; all of them if it is unequal to something else. */
const askedOf = (type: ResourceType, value: Value): Expression => {
  if (value.kind === 'unequal') return not(askedOf(type, value.to))
  if (value.kind !== 'reference' || (value.type ?? type) !== type) return none
  return { kind: 'identified', ids: [value.id] }
}

const uploaded = (access: Access, asked: Expression, id?: string): Expression => {
  const of = and(access('r', 'Observation'), asked)
  return of.kind === 'none' ? none : { kind: 'uploaded', of, ...(id === undefined ? {} : { id }) }
}

const searchable = (access: Access, type: ResourceType): Expression => {
  const allowed = access('s', type)
  if (allowed.kind === 'none') throw new FhirError('forbidden', `Searching by ${type} needs a scope for ${type} with s`)
  return allowed
}

/** Only whoever may read or search a resource is told that it is there. */
const visible = (access: Access, type: ResourceType): Expression => {
  const allowed = or(access('r', type), access('s', type))
  if (allowed.kind === 'none')
    throw new FhirError('forbidden', `Searching within a ${type} needs a scope for ${type} with r or s`)
  return allowed
}

/** What both allow, such as a token's scopes and the rules for its bearer. */
export const both =
  (one: Access, other: Access): Access =>
  (action, type) =>
    and(one(action, type), other(action, type))

/** What any of them allows. */
export const either =
  (...of: readonly Access[]): Access =>
  (action, type) =>
    or(...of.map(access => access(action, type)))

/** For the server's own work, such as reindexing. Passed by name, and never a default. */
export const fullAccess: Access = () => all
