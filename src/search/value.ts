import type { Interval } from '../fhir/date.ts'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'

/** https://hl7.org/fhir/R4/search.html#prefix */
export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap'

export type { Interval }

/** One value of a search parameter. Numbers are decimal text, so that they keep their precision; `low` and `high` bound the range that it implies. */
export type Value =
  /** `system` absent: any; null: none, as in `|code`. `code` absent: any of the system, as in `system|`. */
  | ({ readonly kind: 'token' } & TokenParts)
  /** The text for people beside a code or reference: its display, CodeableConcept.text, Identifier.type.text. */
  | { readonly kind: 'display'; readonly text: string }
  /** Reference.identifier */
  | ({ readonly kind: 'identifier' } & TokenParts)
  /** An Identifier by a coding of its type. */
  | { readonly kind: 'of-type'; readonly system: string; readonly code: string; readonly value: string }
  /** One of the codes that a value set or code system names; `codes` is absent until they have been looked up. */
  | { readonly kind: 'concepts'; readonly asked: Concepts; readonly codes?: readonly Concept[] }
  /** A MIME type, whatever its parameters. */
  | { readonly kind: 'mime'; readonly type: string }
  /** A literal reference; `type` is absent where the text is a bare id. */
  | { readonly kind: 'reference'; readonly type?: string; readonly id: string }
  /** An absolute or canonical URL that is not of this server. `version`: that of a canonical. `below`: also versions under it, as 1.2 is under 1. */
  | { readonly kind: 'url'; readonly url: string; readonly version?: string; readonly below?: true }
  | ({ readonly kind: 'date'; readonly prefix: Prefix } & Interval)
  /** `match` absent: starts with the text. */
  | { readonly kind: 'string'; readonly text: string; readonly match?: 'exact' | 'contains' }
  | Ranged<'number'>
  | (Ranged<'quantity'> & {
      /** Absent: any unit. */
      readonly unit?: { readonly system?: string; readonly code: string }
    })
  /** `match` absent: equal. above: the element's URI is the beginning of this one. below: this one is the beginning of the element's. */
  | { readonly kind: 'uri'; readonly uri: string; readonly match?: 'above' | 'below' }
  /** Within so many kilometres of a point, in degrees of WGS84. */
  | { readonly kind: 'near'; readonly latitude: number; readonly longitude: number; readonly distanceKm: number }
  | { readonly kind: 'composite'; readonly parts: readonly Part[] }
  /** Words of a text: all of them, unless "or", - and quotes say otherwise. */
  | { readonly kind: 'words'; readonly query: string }
  /** Of `_filter`: the whole text or a part of it, regardless of case and accents. */
  | { readonly kind: 'text'; readonly operator: TextOperator; readonly text: string }
  /** Of `_filter`: some value other than this. */
  | { readonly kind: 'unequal'; readonly to: Value }

/** Equals, contains, starts with, ends with. https://hl7.org/fhir/R4/search_filter.html */
export type TextOperator = 'eq' | 'co' | 'sw' | 'ew'

type TokenParts = { readonly system?: string | null; readonly code?: string }

/** `in`: a value set, by its URL or `ValueSet/id`. `above`: the concepts that subsume a code. `below`: those that it subsumes. */
export type Concepts =
  | { readonly by: 'in'; readonly valueSet: string }
  | { readonly by: 'above' | 'below'; readonly system: string; readonly code: string }

export type Concept = { readonly system: string; readonly code: string }

export type Part = { readonly parameter: SearchParameter; readonly value: Value }

type Ranged<Kind extends string> = {
  readonly kind: Kind
  readonly prefix: Prefix
  readonly value: string
  readonly low: string
  readonly high: string
}
