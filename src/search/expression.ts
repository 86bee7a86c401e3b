import type { ResourceType } from '@medplum/fhirtypes'
import type { ElementPath, SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Value } from './value.ts'

/**
 * A yes/no question about one resource. A search, a SMART scope, a consent, a membership, a compartment:
 * all are expressions, and one compiler turns them into SQL.
 */
export type Expression =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | { readonly kind: 'and' | 'or'; readonly of: readonly Expression[] }
  | { readonly kind: 'not'; readonly of: Expression }
  | { readonly kind: 'match'; readonly parameter: SearchParameter; readonly value: Value }
  | { readonly kind: 'missing'; readonly parameter: SearchParameter }
  | {
      readonly kind: 'chain'
      readonly parameter: SearchParameter
      readonly target: ResourceType
      /** The target is one of those that were meant by naming none. */
      readonly isOpen?: true
      readonly of: Expression
    }
  | {
      readonly kind: 'has'
      readonly source: ResourceType
      readonly parameter: SearchParameter
      readonly of: Expression
    }
  /** An element of the row names a resource of the type for which `of` holds. Rules of access ask it, of one row at a time. */
  | {
      readonly kind: 'names'
      readonly paths: readonly ElementPath[]
      readonly target: ResourceType
      /** A version of it may be named as well; else that names nothing, for a version's own content may be hidden. */
      readonly versioned?: true
      readonly of: Expression
    }
  /** The row is the Provenance of an upload that has brought an Observation for which it holds; `id`: the one with this id. */
  | { readonly kind: 'uploaded'; readonly id?: string; readonly of: Expression }
  /** Whatever the row is: there is a resource with this id, and for it holds. */
  | { readonly kind: 'there'; readonly type: ResourceType; readonly id: string; readonly of: Expression }
  /** Some List for which it holds has the row as an item. */
  | { readonly kind: 'listed'; readonly by: Expression }
  /** The row refers to what lies above or below a resource, each being part of the next; `of` holds for all on the way. */
  | {
      readonly kind: 'hierarchy'
      readonly parameter: SearchParameter
      readonly target: ResourceType
      /** The reference of the target type to what it is part of. */
      readonly parent: SearchParameter
      readonly reach: 'above' | 'below'
      readonly id: string
      readonly of: Expression
    }
  /** The row belongs to this patient: by the subject-like parameters only. `id` is the id of a Patient. */
  | { readonly kind: 'compartment'; readonly of: 'Patient'; readonly id: string }
  /** The row is, or names, one of the resources with these ids. */
  | { readonly kind: 'identified'; readonly ids: readonly string[] }
  | Relation

/** What only the rules of access ask: how the row stands to people, organizations, studies and consents. */
export type Relation =
  | Member
  | Consented
  | Staffed
  | Kept
  | Content
  | { readonly kind: 'created'; readonly by: Principal }
  /** A Subscription that was written through this client last. */
  | { readonly kind: 'written-through'; readonly client: string }
  /** A source Device: one that names no patient. */
  | { readonly kind: 'source-device' }
  /** The row's own tenant tree has a membership of this practitioner, in force. `now`: of practitioners, none who has left that tree for another. */
  | { readonly kind: 'same-tenant'; readonly practitioner: string; readonly now?: true }
  /** A new Observation whose every kind stands in some active consent of its patient, to the organization's studies if one is named. */
  | { readonly kind: 'consentable'; readonly to?: string }
  /** A ResearchStudy in which the patient is enrolled or was invited; a Consent that names no study but such a one. */
  | { readonly kind: 'invited'; readonly patient: string }
  /** For the row's patient nobody but this one has answered the study since that instant, be it with yes or with no. */
  | { readonly kind: 'unanswered'; readonly study: string; readonly since: string; readonly but: Principal }
  /** An organization or person that a record, study or consent of the patient names. */
  | { readonly kind: 'known-to'; readonly patient: string }

/** `practitioner` has a membership in force of at least `role`, or is privacy officer, in an organization that the row names. */
export type Member = {
  readonly kind: 'member'
  readonly of: OrganizationOf
  /** node: that organization; down: it or an ancestor of it (roles reach down the tree); up: it or below it. */
  readonly reach: 'node' | 'down' | 'up'
  readonly role: Role | 'privacy-officer'
  readonly practitioner: string
}

/**
 * Where a row names its organization: its server-set owner, an element of its own, itself, what it is part of, its study, its account's
 * people; a practitioner their owner, as long as they work in no other tenant, or that of a study that names them as staff.
 */
type OrganizationOf = 'owner' | 'named' | 'self' | 'parent' | 'study' | 'person' | 'practitioner' | 'staffed-study'

export type Role = 'viewer' | 'member' | 'manager'

/** Whom data is shared with. A practitioner stands for the studies, organizations and consents that reach them. */
export type Grantee =
  | { readonly kind: 'practitioner'; readonly id: string }
  /** A backend client of an organization: what the organization's studies are consented. */
  | { readonly kind: 'organization'; readonly id: string }

/** Staff in force × consent that covers the row, at the moment of the query. */
type Consented = {
  readonly kind: 'consented'
  readonly to: Grantee
  readonly action: Action
  /** Narrowed to one ResearchStudy, by id. */
  readonly study?: string
}

/** The row is a study, its Group, an enrolment, an enrolled Patient or a Consent that the grantee's people handle. */
export type Staffed = {
  readonly kind: 'staffed'
  readonly to: Grantee
  /**
   * How the row stands to the study: it is one, it is one that they lead, an enrolment in one, its accepted and identified
   * patient, a consent given to it, a consent that they may ask for, an organization or person that it names.
   */
  readonly by: 'study' | 'lead' | 'enrolment' | 'patient' | 'consent' | 'request' | 'name'
  readonly study?: string
}

/** What is written leaves this part of the stored resource as it is. Of a resource that is not stored, the part must be absent. */
export type Kept = {
  readonly kind: 'kept'
  readonly part:
    | 'whole'
    | 'status'
    | 'identifier'
    | 'link'
    | 'practitioner'
    | 'managing-organization'
    | 'all-but-contacts'
    | 'all-but-leaving'
    | 'all-but-inactivation'
    | 'all-but-staff'
    | 'staff'
    | { readonly staffEntryOf: string }
}

/** A claim that the row's own content shows. */
export type Content = {
  readonly kind: 'content'
  readonly is:
    | 'of-one-patient'
    | 'of-no-patient'
    | 'of-one-target'
    | 'of-no-decision'
    | 'without-signature'
    | 'without-security-context'
    | 'a-root'
    | 'not-active'
    | 'of-practitioners-only'
    | 'of-the-installation'
    | 'with-a-reason'
    | { readonly status: string }
    | { readonly practitioner: string }
}

/** Who made a resource, as kept in its table: people, patients and clients. */
export type Principal = { readonly kind: 'person' | 'patient' | 'client'; readonly id: string }

/** The letters of a SMART v2 scope. */
export type Action = 'c' | 'r' | 'u' | 'd' | 's'

export const all: Expression = { kind: 'all' }
export const none: Expression = { kind: 'none' }

/** Every one must hold. An empty list does not type-check, so nothing can become everything. */
export const and = (...of: readonly [Expression, ...Expression[]]): Expression => {
  if (of.some(one => one.kind === 'none')) return none
  const [first, ...rest] = of.filter(one => one.kind !== 'all')
  if (first === undefined) return all
  return rest.length === 0 ? first : { kind: 'and', of: [first, ...rest] }
}

/** One of them must hold. Of nothing: none. */
export const or = (...of: readonly Expression[]): Expression => {
  if (of.some(one => one.kind === 'all')) return all
  const [first, ...rest] = of.filter(one => one.kind !== 'none')
  if (first === undefined) return none
  return rest.length === 0 ? first : { kind: 'or', of: [first, ...rest] }
}

export const not = (of: Expression): Expression => {
  if (of.kind === 'all') return none
  if (of.kind === 'none') return all
  return { kind: 'not', of }
}

/** All that must hold, each for itself. */
export const conjuncts = (expression: Expression): readonly Expression[] =>
  expression.kind === 'and' ? expression.of.flatMap(conjuncts) : [expression]
