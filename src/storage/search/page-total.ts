import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import type { Page } from '../store.ts'
import { type Amount, ofFew } from './many-patients.ts'
import { countByPatient } from './page-statement.ts'
import { sourceOf } from './search-source.ts'
import { mostCounted, totalOf } from './total.ts'

type Searching = Parameters<typeof sourceOf>[0] & Parameters<typeof ofFew>[1]

/** Others write while it is answered: what is all on one page is not counted once more, and no total is less than what is seen. */
export const totalBeside = async (
  connection: Connection,
  searching: Searching,
  search: Search,
  { isFirst, more, length }: { readonly isFirst: boolean; readonly more: boolean; readonly length: number },
): Promise<Pick<Page, 'total'>> => {
  if (search.total !== 'none' && isFirst && !more) return { total: length }
  const { total } = await totalFor(connection, searching, search)
  return total === undefined ? {} : { total: Math.max(total, more ? length + 1 : length) }
}

/** Patient by patient if they are few. What cannot be counted quickly is estimated, however few the Patients are. */
export const totalFor = async (
  connection: Connection,
  searching: Searching,
  search: Search,
): Promise<Pick<Page, 'total'>> => {
  if (search.total === 'none') return {}
  const most = search.total === 'estimate' ? mostCounted : undefined
  const source = sourceOf(searching, search, { inOwnOrder: true })
  const few = await ofFew<Counted>(connection, searching, source.byPatient, one => countByPatient(source, one, most))
  const counted = few?.[0]
  if (counted !== undefined && (most === undefined || Number(counted.total) <= most))
    return { total: Number(counted.total) }
  return totalOf(connection, search.total, sample => sourceOf(searching, search, { sample }))
}

type Counted = Amount & { readonly total: string }
