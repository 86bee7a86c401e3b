import type { Interval } from '../fhir/date.ts'
import type { SearchParameter } from '../fhir/search-parameter.ts'

/** https://hl7.org/fhir/R4/search.html#prefix */
export type Prefix = 'eq' | 'ne' | 'gt' | 'lt' | 'ge' | 'le' | 'sa' | 'eb' | 'ap'

export type { Interval }

/**
 * One value of a search parameter, parsed at the door.
 * Numbers are decimal text, so that precision is kept; `low` and `high` bound the implicit range of the value.
 */
export type Value =
  /** `system` absent: any; null: none, as in `|code`. `code` absent: any of the system, as in `system|`. */
  | { readonly kind: 'token'; readonly system?: string | null; readonly code?: string }
  /** A literal reference; `type` is absent where the text is a bare id. */
  | { readonly kind: 'reference'; readonly type?: string; readonly id: string }
  /** An absolute or canonical URL that is not of this server. */
  | { readonly kind: 'url'; readonly url: string }
  | ({ readonly kind: 'date'; readonly prefix: Prefix } & Interval)
  | { readonly kind: 'string'; readonly text: string }
  | Ranged<'number'>
  | (Ranged<'quantity'> & {
      /** Absent: any unit. */
      readonly unit?: { readonly system?: string; readonly code: string }
    })
  | { readonly kind: 'uri'; readonly uri: string }
  | { readonly kind: 'composite'; readonly parts: readonly Part[] }
  /** Words that a text has: all of them, or as "or", - and quotes say. */
  | { readonly kind: 'words'; readonly query: string }
  /** Of `_filter`: compared whole, or with a piece of it, case and accents aside. */
  | { readonly kind: 'text'; readonly operator: TextOperator; readonly text: string }
  /** Of `_filter`: some value, and another than this. */
  | { readonly kind: 'unequal'; readonly to: Value }

/** Equals, contains, starts with, ends with. https://hl7.org/fhir/R4/search_filter.html */
export type TextOperator = 'eq' | 'co' | 'sw' | 'ew'

export type Part = { readonly parameter: SearchParameter; readonly value: Value }

type Ranged<Kind extends string> = {
  readonly kind: Kind
  readonly prefix: Prefix
  readonly value: string
  readonly low: string
  readonly high: string
}
