import type { ResourceType } from '@medplum/fhirtypes'
import type { SearchParameter } from '../fhir/definition/search-parameter.ts'
import type { Expression } from './expression.ts'
import type { Include } from './include.ts'

/** What a client asked for, parsed completely: nothing behind this looks at a query string again. */
export type Search = {
  readonly type: ResourceType
  readonly where: Expression
  /** Empty: the type's default order. */
  readonly sort: readonly Sort[]
  readonly count: number
  /** How many letters the page may have: it ends before a match that would not fit, but has at least one. Absent: any number. */
  readonly room?: number
  readonly total: 'none' | 'estimate' | 'accurate'
  /** Which part of each resource is served; `count`: no resources at all. */
  readonly summary: 'true' | 'text' | 'data' | 'count' | undefined
  /** The only elements of the matches that are served. */
  readonly elements: readonly string[] | undefined
  readonly include: readonly Include[]
  /** The parameters that were applied, in the client's order, for the self link. */
  readonly applied: readonly (readonly [name: string, value: string])[]
  /** Parameters that `Prefer: handling=lenient` let pass. */
  readonly ignored: readonly string[]
  /** Opaque text of a `next` link. */
  readonly cursor: string | undefined
  /** How many pages to leave out from there: the page is the one that as many `next` links lead to. */
  readonly skip?: number
}

export type Sort = { readonly parameter: SearchParameter; readonly descending: boolean }

/** The query of the self link. */
export const selfQuery = ({ applied }: Pick<Search, 'applied'>): string =>
  new URLSearchParams(applied.map(([name, value]): [string, string] => [name, value])).toString()
