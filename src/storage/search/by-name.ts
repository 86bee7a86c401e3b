import type { Search } from '../../search/search.ts'
import type { RowNames } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Position } from './sort.ts'

/** Whether it asks for Patients in the order that an index of their names has. */
export const isByName = ({ type, sort: [first, second, ...others] }: Pick<Search, 'type' | 'sort'>): boolean =>
  type === 'Patient' && isUpwards(first, 'family') && isUpwards(second, 'given') && others.length === 0

const isUpwards = (one: Search['sort'][number] | undefined, code: string): boolean =>
  one?.parameter.code === code && !one.descending

/**
 * The same position, of a link of a version that said nothing in the place of a name that somebody does not have. TODO remove after the release that
 * follows this one: links hold for a day.
 */
export const withoutNames = ({ type, sort }: Pick<Search, 'type' | 'sort'>, at: Position): Position => {
  const isName = (one: Search['sort'][number] | undefined) => isUpwards(one, 'family') || isUpwards(one, 'given')
  if (type !== 'Patient') return at
  return { ...at, values: at.values.map((value, index) => value ?? (isName(sort[index]) ? noName : null)) }
}

/** What the index has there: it comes after all letters. */
const noName = '\uffff'

/** Where to enter the index of names; what `beyond` says besides, it says of one row after another. */
export const fromName = ({ type, sort }: Search, { row }: RowNames, at: Position | undefined): SqlFragment => {
  if (at === undefined || !isByName({ type, sort })) return sql.fragment`TRUE`
  const [family = null, given = null] = at.values
  const sign = at.before ? sql.fragment`<=` : sql.fragment`>=`
  return sql.fragment`(${row}.family, ${row}.given) ${sign} (${family}::text, ${given}::text)`
}
