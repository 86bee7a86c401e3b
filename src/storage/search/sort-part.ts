import type { Search } from '../../search/search.ts'
import type { RowNames } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isOldestFirst, type Position, sortKeys } from './sort.ts'

/** A part of the rows, in their order, and where the page begins in it. */
export type SortPart = { readonly part?: 'known' | 'unknown'; readonly at: Position | undefined }

/** In which parts a page is read, one after the other: those of an unknown time come last in either order, but from the end of the index first. */
export const partsFrom = (search: Search, position: Position | undefined): readonly SortPart[] => {
  if (!isOldestFirst(search)) return [{ at: position }]
  const at = position === undefined || position.tiesAsIndexed ? position : besideTies(position)
  const isUnknown = at !== undefined && (at.values[0] ?? unknownTime) === unknownTime
  if (!isUnknown && at?.before) return [{ part: 'known', at }]
  if (!isUnknown)
    return [
      { part: 'known', at },
      { part: 'unknown', at: undefined },
    ]
  const within: SortPart = { part: 'unknown', at: { ...at, values: [unknownTime] } }
  return at.before ? [within, { part: 'known', at: theEnd }] : [within]
}

/** With all that have the time at which a page ended: some come twice, and none is left out. */
const besideTies = (position: Position): Position => ({ ...position, pk: position.before ? greatestPk : '0' })

const greatestPk = '9223372036854775807'

const unknownTime = '-infinity'
const theEnd: Position = { values: ['infinity'], pk: '0', before: true }

export const isInPart = (search: Search, row: RowNames, part: SortPart['part']): SqlFragment => {
  const [key] = sortKeys(search, row)
  if (part === undefined || key === undefined) return sql.fragment`TRUE`
  return part === 'known' ? sql.fragment`${key.value} > '-infinity'` : sql.fragment`${key.value} = '-infinity'`
}
