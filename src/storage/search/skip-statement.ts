import type { Search } from '../../search/search.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { ByPatient } from './by-patient.ts'
import { type AskedKeys, keysByPatient, keysInOrder, withBodies } from './page-statement.ts'
import { mostLetters } from './room.ts'
import type { Source } from './search-source.ts'

/** `pages`: the most pages to skip; `letters`: the room of each page. */
export type AskedSkip = AskedKeys & { readonly pages: number; readonly letters: number }

/**
 * Counts, without reading any content, how many of the next pages surely have room for all of their rows, and answers the last row of these.
 * It stops before the first page that might end early because its rows are long: nobody knows then where the page behind it begins.
 */
export const skipStatement = (asked: AskedSkip, source: Source): SqlFragment =>
  wholePages(asked, keysInOrder(keysOf(asked), source), sql.fragment`FALSE`)

/** The same, patient by patient, unless they are too many. */
export const skipByPatient = (asked: AskedSkip, source: Source, byPatient: ByPatient): SqlFragment =>
  wholePages(asked, keysByPatient(keysOf(asked), source, byPatient), sql.fragment`(SELECT many FROM amount)`)

/** The statement of a page has one more than its count. */
const keysOf = ({ search, pages, ...asked }: AskedSkip): AskedKeys => ({
  ...asked,
  search: { ...search, count: pages * search.count - 1 } satisfies Search,
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
