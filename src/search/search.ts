import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Expression } from './expression.ts'
import type { Include } from './include.ts'

/** What a client asked for, parsed whole: nothing below this looks at a query string again. */
export type Search = {
  readonly type: ResourceType
  readonly where: Expression
  /** Empty: the type's default order. */
  readonly sort: readonly Sort[]
  readonly count: number
  /** Letters that the page has room for: it ends early where the next match does not fit, and has one at least. Absent: as many as it takes. */
  readonly room?: number
  readonly total: 'none' | 'estimate' | 'accurate'
  /** What of each resource is served; `count`: no resource at all. */
  readonly summary: 'true' | 'text' | 'data' | 'count' | undefined
  /** Of the matches only these elements: `value`, `code`, … */
  readonly elements: readonly string[] | undefined
  readonly include: readonly Include[]
  /** The parameters that were applied, in their own words and order: they make the self link. */
  readonly applied: readonly (readonly [name: string, value: string])[]
  /** Parameters that `Prefer: handling=lenient` let pass. */
  readonly ignored: readonly string[]
  /** Opaque text of a `next` link. */
  readonly cursor: string | undefined
  /** So many pages from there are left out: the page is the one that is reached by following as many `next` links. */
  readonly skip?: number
}

export type Sort = { readonly parameter: SearchParameter; readonly descending: boolean }

/** The query of the self link: what was applied, in the client's words. */
export const selfQuery = ({ applied }: Pick<Search, 'applied'>): string =>
  new URLSearchParams(applied.map(([name, value]): [string, string] => [name, value])).toString()
