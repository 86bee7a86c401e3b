import { isDeepStrictEqual } from 'node:util'
import type { ResourceType } from '@medplum/fhirtypes'
import type { Registry } from '../fhir/registry.ts'
import { type Action, all, and, type Expression, none, or } from '../search/expression.ts'
import { type Access, both, either } from './access.ts'
import type { Caller } from './caller.ts'
import { isDefinition } from './definition-type.ts'
import { isInCompartments } from './patient-compartment.ts'
import { binary } from './rules/binary.ts'
import {
  auditEvent,
  clinical,
  definition,
  device,
  observation,
  organizational,
  patient,
  subscription,
} from './rules/health-data.ts'
import { organization, person, practitioner, practitionerRole } from './rules/people.ts'
import { provenance } from './rules/provenance.ts'
import { type Asked, type Rule, verbOf, type Who, whoIs } from './rules/rule.ts'
import { consent, group, researchStudy, researchSubject } from './rules/studies.ts'
import type { Scope } from './scope.ts'
import { criteriaOfScope, type ParseCriteria } from './scope-criteria.ts'
import { unprovenAccess } from './unproven.ts'
import { whoWrites } from './who-writes.ts'

/** What the token's scopes grant, within what the rules let its caller see and do. */
export const accessOf = (caller: Caller, registry: Registry, parseCriteria: ParseCriteria): Access => {
  const access = onceEach((action, type) => {
    const scopes = caller.scopes.filter(scope => applies(scope, caller, action, type))
    return or(
      ...scopesByRule(scopes, one => byContext[one.context](one)(action, type)).map(({ rule, scopes }) =>
        and(rule, or(...scopes.map(scope => criteriaOfScope(scope, type, parseCriteria)))),
      ),
      ownFhirUser(caller, action, type),
    )
  })
  // A rule may follow references to other types, as far as the whole access reaches them. So `access` and `byContext` need each other, but only once they are asked.
  const whole =
    caller.unproven === undefined
      ? access
      : onceEach(both(access, unprovenAccess(caller.unproven, caller.principal, parseCriteria)))
  const byContext = accessByContext(caller, registry, whole)
  return whole
}

type Ruled = { readonly rule: Expression; readonly scopes: readonly Scope[] }

/**
 * The scopes in groups to which the same rule applies: scopes of one context and type always, and others if it comes to the same. With the rule
 * repeated for each, a thousand codes would ask a thousand questions of every row; and of a patient who is named twice, PostgreSQL would take none of
 * the rows in their order.
 */
const scopesByRule = (scopes: readonly Scope[], ruleOf: (one: Scope) => Expression): readonly Ruled[] => {
  const groups: Ruled[] = []
  for (const [one, ...more] of Map.groupBy(scopes, ({ context, type }) => `${context}/${type}`).values()) {
    if (one === undefined) continue
    const rule = ruleOf(one)
    const same = groups.findIndex(group => isDeepStrictEqual(group.rule, rule))
    if (same === -1) groups.push({ rule, scopes: [one, ...more] })
    else groups[same] = { rule, scopes: [...(groups[same]?.scopes ?? []), one, ...more] }
  }
  return groups
}

/** Remembers the answers. They are questions about rows, so they stay the same whatever the rows become. */
const onceEach = (access: Access): Access => {
  const answered = new Map<string, Expression>()
  return (action, type) => {
    const name = `${action} ${type}`
    const known = answered.get(name)
    if (known !== undefined) return known
    const answer = access(action, type)
    answered.set(name, answer)
    return answer
  }
}

/** Whether the action is allowed on anything of the type. If not, the answer is 403 with `reasonAgainst`; if so, each row decides. */
export const isGranted = (access: Access, action: Action, type: ResourceType): boolean =>
  access(action, type).kind !== 'none'

/** Says which scope is needed; if the token has it, that its bearer may not do this. */
export const reasonAgainst = (caller: Caller, action: Action, type: ResourceType): string => {
  const scope = scopeMissing(caller, action, type)
  if (scope !== undefined) return `This token does not allow it: ${scope} is needed`
  if (caller.unproven !== undefined)
    return `This token has the scope for it, but it came by an invitation alone: until the patient says on their own page that the app is theirs, it does no such thing to ${type}`
  return verbOf[action] === 'read'
    ? `This token has the scope for it, but whom it stands for may see no ${type} by it`
    : `This token has the scope for it, but whom it stands for may write no ${type} so: ${whoWrites(type)}`
}

/** The scope that would be needed; undefined where the token has it. */
export const scopeMissing = (caller: Caller, action: Action, type: ResourceType): string | undefined =>
  caller.scopes.some(scope => scope.query === undefined && applies(scope, caller, action, type))
    ? undefined
    : `${contextOf(caller)}/${type}.${action}`

const contextOf = (caller: Caller): Scope['context'] => {
  const who = whoIs(caller)
  if (who.kind === 'client') return 'system'
  return who.kind === 'patient' || isAboutPatient(caller) ? 'patient' : 'user'
}

/** Staff have opened an app for one patient, and it asks for nothing else. An app that registered itself could not be given `user/` scopes. */
const isAboutPatient = ({ patient, scopes }: Caller): boolean =>
  patient !== undefined && scopes.length > 0 && scopes.every(({ context }) => context === 'patient')

const applies = (scope: Scope, caller: Caller, action: Action, type: ResourceType): boolean =>
  scope.actions.has(action) &&
  (scope.type === type || (scope.type === '*' && !needsOwnScope(scope, caller, action, type)))

/** In a patient's context, no wildcard includes types outside compartments; and none lets a patient record consent. */
const needsOwnScope = (scope: Scope, caller: Caller, action: Action, type: ResourceType): boolean =>
  (type === 'Consent' && verbOf[action] !== 'read' && whoIs(caller).kind === 'patient') ||
  (scope.context === 'patient' && !isInCompartments(type))

type Contexts = Readonly<Record<Scope['context'], (scope: Scope) => Access>>

/** `whole`: the access by all scopes together. */
const accessByContext = (caller: Caller, registry: Registry, whole: Access): Contexts => {
  const who = whoIs(caller)
  // Only for staff and clients do the rules know which study a row belongs to, so no other token has anything left once it is narrowed to one.
  if (caller.study !== undefined && who.kind !== 'staff' && who.kind !== 'client') return noContexts
  const given = { registry, client: caller.client.id, whole }
  const ruled = ruledAccess(who, access => access, given)
  const isUnbound = caller.client.policies.has('everything') && caller.study === undefined
  const everything: Access = () => (isUnbound ? all : none)
  return {
    patient: scope => (caller.patient === undefined ? noAccess : inCompartment(who, caller.patient, scope, given)),
    user: () => (who.kind === 'client' ? noAccess : ruled),
    system: () => (who.kind === 'client' ? either(everything, ruled) : who.kind === 'administrator' ? ruled : noAccess),
  }
}

const noAccess: Access = () => none
const noContexts: Contexts = { patient: () => noAccess, user: () => noAccess, system: () => noAccess }

/** By `patient/` scopes nothing of another patient is reached, whatever else the caller may see. */
const inCompartment = (who: Who, patient: string, scope: Scope, given: Given): Access => {
  const narrow =
    (access: Access): Access =>
    (action, type) => {
      if (!isInCompartments(type)) return access(action, type)
      const compartment: Expression = { kind: 'compartment', of: 'Patient', id: patient }
      const source: Expression = type === 'Device' && scope.type === type ? { kind: 'source-device' } : none
      const ruled = access(action, type)
      return ruled.kind === 'compartment' && ruled.id === patient ? ruled : and(or(compartment, source), ruled)
    }
  return ruledAccess(who, narrow, given)
}

type Given = { readonly registry: Registry; readonly client: string; readonly whole: Access }

/** The rule of each type for this caller, narrowed; a rule that follows references does so as far as the scopes reach. */
const ruledAccess = (who: Who, narrow: (access: Access) => Access, { whole, ...given }: Given): Access => {
  const access: Access = narrow((action, type) => granted(who, { action, type, ...given, access: both(access, whole) }))
  return access
}

const granted = (who: Who, asked: Asked): Expression => {
  const grants = ruleOf(asked.type)[verbOf[asked.action]]
  switch (who.kind) {
    case 'patient':
      return grants?.patient?.(who, asked) ?? none
    case 'staff':
      return grants?.staff?.(who, asked) ?? none
    case 'client':
      return grants?.client?.(who, asked) ?? none
    case 'administrator':
      return grants?.administrator?.(who, asked) ?? none
    case 'person':
      return grants?.person?.(who, asked) ?? none
  }
}

const ownFhirUser = ({ fhirUser }: Caller, action: Action, type: ResourceType): Expression =>
  fhirUser !== undefined && action === 'r' && type === fhirUser.type ? { kind: 'identified', ids: [fhirUser.id] } : none

const ruleOf = (type: ResourceType): Rule =>
  ruleByType[type] ?? (isDefinition(type) ? definition : isInCompartments(type) ? clinical : organizational)

/** The types that have a rule of their own. */
const ruleByType: Readonly<Partial<Record<ResourceType, Rule>>> = {
  Observation: observation,
  Patient: patient,
  ResearchStudy: researchStudy,
  Group: group,
  ResearchSubject: researchSubject,
  Organization: organization,
  Practitioner: practitioner,
  PractitionerRole: practitionerRole,
  Person: person,
  Consent: consent,
  Device: device,
  Binary: binary,
  Subscription: subscription,
  AuditEvent: auditEvent,
  Provenance: provenance,
}
