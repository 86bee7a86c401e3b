import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Keys of the token index that many rows of a type have. */
export type CommonTokens = (type: ResourceType, key: bigint) => boolean

/**
 * Rows with a common token are found sooner in the order of the page than all at once by the index: of `n` rows, of which a
 * fraction `f` has it, 20 are among the first 20 / f, and the index would fetch f × n. PostgreSQL's own statistics have the
 * fractions, but a plan that is kept for all values does not look at them. They are read anew every few minutes, beside what
 * is being answered; where they cannot be, what was known is used.
 */
export const openCommonTokens = (connection: Connection): CommonTokens => {
  let known: ReadonlySet<string> = new Set()
  let readAt = Number.NEGATIVE_INFINITY
  const renew = async () => {
    readAt = performance.now()
    known = await read(connection)
  }
  return (type, key) => {
    if (performance.now() > readAt + keptMs) renew().catch(() => {})
    return known.has(keyOf(type, key))
  }
}

const keptMs = 5 * 60_000

const keyOf = (type: string, key: bigint | string): string => `${type} ${key}`

const read = async (connection: Connection): Promise<ReadonlySet<string>> => {
  const rows = await connection.any<{ type: ResourceType; key: string }>(sql.fragment`
    SELECT resource_type.name AS type, token.key::text
    FROM resource_type
    JOIN pg_class AS class ON class.oid = to_regclass(quote_ident(resource_type.table_name))
    JOIN pg_stats AS stats ON stats.schemaname = class.relnamespace::regnamespace::text
      AND stats.tablename = class.relname AND stats.attname = 'tokens',
    unnest(stats.most_common_elems::text::bigint[], stats.most_common_elem_freqs) AS token(key, fraction)
    WHERE token.key IS NOT NULL AND token.fraction * token.fraction * class.reltuples > ${scannedRows}`)
  return new Set(rows.map(({ type, key }) => keyOf(type, key)))
}

/** The 20 rows of a page, and as much again for each row that is read in vain: it is tested by its content. */
const scannedRows = 400
