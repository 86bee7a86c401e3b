import type { Search } from '../../search/search.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { ByPatient } from './by-patient.ts'
import { type AskedKeys, keysByPatient, keysInOrder, withBodies } from './page-statement.ts'
import { mostLetters } from './room.ts'
import type { Source } from './search-source.ts'

/** `pages`: so many at most; `letters`: that each of them has room for. */
export type AskedSkip = AskedKeys & { readonly pages: number; readonly letters: number }

/**
 * How many of the next pages are certain to be whole, though nothing of them is read, and the last row of these. One that might end early for
 * its length is not among them, nor is what comes behind it: where the next begins nobody knows then.
 */
export const skipStatement = (asked: AskedSkip, source: Source): SqlFragment =>
  wholePages(asked, keysInOrder(keysOf(asked), source), sql.fragment`FALSE`)

/** The same of Patients whose rows alone it can be, unless they are many. */
export const skipByPatient = (asked: AskedSkip, source: Source, byPatient: ByPatient): SqlFragment =>
  wholePages(asked, keysByPatient(keysOf(asked), source, byPatient), sql.fragment`(SELECT many FROM amount)`)

/** Of a page it is one more than its count. */
const keysOf = ({ search, at, pages }: AskedSkip): AskedKeys => ({
  search: { ...search, count: pages * search.count - 1 } satisfies Search,
  at,
})

const wholePages = ({ search, letters }: AskedSkip, keys: SqlFragment, many: SqlFragment): SqlFragment => sql.fragment`
  WITH ${keys},
  sized AS MATERIALIZED (
    SELECT page.position, page.pk, page.keys, ${mostLetters} AS letters FROM ${withBodies(search)}
  ),
  whole AS (
    SELECT number, row_number() OVER (ORDER BY number) AS place
    FROM (
      SELECT 1 + (position - 1) / ${search.count}::integer AS number FROM sized
      GROUP BY number HAVING count(*) = ${search.count}::integer AND sum(letters) <= ${letters}::bigint) AS page
  ),
  certain AS (SELECT coalesce(max(number), 0) AS pages FROM whole WHERE number = place)
  SELECT ${many} AS many, certain.pages::integer AS pages, sized.pk, sized.keys
  FROM certain LEFT JOIN sized ON sized.position = certain.pages * ${search.count}::integer`
