import type { Search } from '../../search/search.ts'
import type { RowNames } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Position } from './sort.ts'

/** Whether it asks for Patients in the order that an index of their names has. */
export const isByName = ({ type, sort: [first, second, ...others] }: Pick<Search, 'type' | 'sort'>): boolean =>
  type === 'Patient' && isUpwards(first, 'family') && isUpwards(second, 'given') && others.length === 0

const isUpwards = (one: Search['sort'][number] | undefined, code: string): boolean =>
  one?.parameter.code === code && !one.descending

/** Where to enter the index of names; what `beyond` says besides, it says of one row after another. */
export const fromName = ({ type, sort }: Search, { row }: RowNames, at: Position | undefined): SqlFragment => {
  if (at === undefined || !isByName({ type, sort })) return sql.fragment`TRUE`
  const [family = null, given = null] = at.values
  const sign = at.before ? sql.fragment`<=` : sql.fragment`>=`
  return sql.fragment`(${row}.family, ${row}.given) ${sign} (${family}::text, ${given}::text)`
}
