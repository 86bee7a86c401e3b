import type { ResourceType } from '@medplum/fhirtypes'
import type { ElementPath, SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Value } from './value.ts'

/**
 * A yes/no question about one resource, called the row. A search, a SMART scope, a consent, a membership, a compartment: all of these
 * are expressions, and one compiler turns them into SQL. Below, "for which it holds" means: for which `of` is true.
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
      /** The chain named no type, and this is one of the possible ones. */
      readonly isOpen?: true
      /** If it leads to few: their ids, which narrow down where to look. */
      readonly among?: readonly string[]
      readonly of: Expression
    }
  | {
      readonly kind: 'has'
      readonly source: ResourceType
      readonly parameter: SearchParameter
      readonly of: Expression
    }
  /** One of the row's elements refers to a resource of the type for which it holds. Only rules of access ask this, for one row at a time. */
  | {
      readonly kind: 'names'
      readonly paths: readonly ElementPath[]
      readonly target: ResourceType
      /** The reference may also name a version; otherwise one that does names nothing, since the content of a version may be hidden. */
      readonly versioned?: true
      readonly of: Expression
    }
  /** The row is the Provenance of an upload that brought an Observation for which it holds; with `id`, the Observation with that id. */
  | { readonly kind: 'uploaded'; readonly id?: string; readonly of: Expression }
  /** Whatever the row is: the resource with this id is there, and for that it holds. */
  | { readonly kind: 'there'; readonly type: ResourceType; readonly id: string; readonly of: Expression }
  /** The row is an item of some List for which `by` holds. */
  | { readonly kind: 'listed'; readonly by: Expression }
  /** The row refers to a resource that is part of this one (`below`), or that this one is part of (`above`), at any distance. It holds for all on the way. */
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
  /** The row is the data of the Patient with this id (`access/patient-compartment.ts`). */
  | { readonly kind: 'compartment'; readonly of: 'Patient'; readonly id: string }
  /** The row has one of these ids. */
  | { readonly kind: 'identified'; readonly ids: readonly string[] }
  | Relation

/** What only the rules of access ask: how the row stands to people, organizations, studies and consents. */
export type Relation =
  | Member
  | Consented
  | Staffed
  | Kept
  | Content
  /** Written last by this principal; by a Patient, whether through an app that nobody has confirmed or not, unless one is named. */
  | { readonly kind: 'created'; readonly by: Principal }
  /** A Subscription that was last written through this client. */
  | { readonly kind: 'written-through'; readonly client: string }
  /** A source Device: one that names no patient. */
  | { readonly kind: 'source-device' }
  /** This practitioner has a membership in force in the tenant of the row. `now`: a Practitioner who has left that tenant for another is not counted. */
  | { readonly kind: 'same-tenant'; readonly practitioner: string; readonly now?: true }
  /** A new Observation, of which each kind is in some active consent of its patient; with `to`, in one to the studies of that organization. */
  | { readonly kind: 'consentable'; readonly to?: string }
  /**
   * A ResearchStudy in which the patient is enrolled or to which they were invited; or a Consent to no other study than such a one. With `now`, a
   * ResearchStudy in which they have a place that is in force.
   */
  | { readonly kind: 'invited'; readonly patient: string; readonly now?: true }
  /** Since that instant nobody but `but` has answered the study for the row's patient, whether with yes or with no. */
  | { readonly kind: 'unanswered'; readonly study: string; readonly since: string; readonly but: Principal }
  /** The row is in the compartment of one of these patients, by their numbers in the tables. No rule asks this: storage narrows down where to look. */
  | { readonly kind: 'of-patients'; readonly patients: readonly number[] }
  /** An organization or person named by the patient's own record, by a study of theirs, or by a consent of theirs. */
  | { readonly kind: 'known-to'; readonly patient: string }

/** `practitioner` has at least this role, in force, in an organization that the row names. */
export type Member = {
  readonly kind: 'member'
  readonly of: OrganizationOf
  /** Where they have the role. node: in that organization; down: in it or above it, so that the role reaches down to it; up: in it or below it. */
  readonly reach: 'node' | 'down' | 'up'
  readonly role: Role | 'privacy-officer'
  readonly practitioner: string
}

/**
 * How the row names its organization. owner: by the column that the server sets. named: by an element of its own. self: it is one. parent: by
 * `partOf`. study: by its study. person: an account, by the practitioners that it is linked to. practitioner: by the owner, as long as the
 * practitioner works in no other tenant. staffed-study: by a study that names the practitioner as staff.
 */
type OrganizationOf = 'owner' | 'named' | 'self' | 'parent' | 'study' | 'person' | 'practitioner' | 'staffed-study'

export type Role = 'viewer' | 'member' | 'manager'

/** With whom data is shared. A practitioner reads what is given to their studies, to their organizations, and to themselves. */
export type Grantee =
  | { readonly kind: 'practitioner'; readonly id: string }
  /** A backend client of an organization reads what is given to the organization's studies. */
  | { readonly kind: 'organization'; readonly id: string }

/** The people of an organization, as far as something is given to that itself and to no study. */
type Members = { readonly kind: 'members'; readonly id: string }

/** At the moment of the query, a consent in force covers the row and reaches the grantee. */
export type Consented = {
  readonly kind: 'consented'
  readonly to: Grantee | Members
  readonly action: Action
  /** Narrowed to one ResearchStudy, by id. */
  readonly study?: string
  /** Narrowed to what is given by this Consent, which is to no study, by id. */
  readonly consent?: string
}

/** The row belongs to a study for which the grantee works: in which way, `by` says. */
export type Staffed = {
  readonly kind: 'staffed'
  readonly to: Grantee
  /**
   * study: it is the study, or its Group. lead: it is a study that they lead. enrolment: it is an enrolment. patient: it is a Patient who has
   * accepted and whom the study knows by name. consent: it is a Consent to it. request: it is a study for which they ask people to consent, or an
   * enrolment in it, or a Consent to it. name: it is an organization or practitioner that the study names.
   */
  readonly by: 'study' | 'lead' | 'enrolment' | 'patient' | 'consent' | 'request' | 'name'
  readonly study?: string
}

/** A write leaves this part of the stored resource as it is. In a new resource, the part must be absent. */
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

/** A claim that can be read from the row itself. */
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

/** Who wrote a resource, as its table keeps it. */
export type Principal = {
  readonly kind: 'person' | 'patient' | 'client'
  readonly id: string
  /** Only of a Patient: the grant of an app that took up an invitation by itself, as long as nobody has confirmed that it is theirs. */
  readonly app?: string
}

/** The letters of a SMART v2 scope. */
export type Action = 'c' | 'r' | 'u' | 'd' | 's'

export const all: Expression = { kind: 'all' }
export const none: Expression = { kind: 'none' }

/** All must hold. An empty list does not type-check, so that nothing never becomes everything. */
export const and = (...of: readonly [Expression, ...Expression[]]): Expression => {
  if (of.some(one => one.kind === 'none')) return none
  const [first, ...rest] = of.filter(one => one.kind !== 'all')
  if (first === undefined) return all
  return rest.length === 0 ? first : { kind: 'and', of: [first, ...rest] }
}

/** At least one must hold; with none given, it never does. */
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

/** The expressions that must all hold. */
export const conjuncts = (expression: Expression): readonly Expression[] =>
  expression.kind === 'and' ? expression.of.flatMap(conjuncts) : [expression]
