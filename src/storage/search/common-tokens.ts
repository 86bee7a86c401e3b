import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Whether many rows of the type have the key in their index of tokens. */
export type CommonTokens = (type: ResourceType, key: bigint) => boolean

/**
 * Rows with a common token are found sooner by reading rows in the order of the page than by the index: if a fraction `f` of `n` rows has it,
 * 20 of them are among the first 20 / f rows, while the index would fetch f × n. PostgreSQL's own statistics know the fractions, but a plan
 * that is kept for all values does not use them. They are read anew every few minutes, in the background; if that fails, the last ones are used.
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

/** For a page of 20 rows, with as many again for each: a row that is read in vain costs more, since its content is tested. */
const scannedRows = 400
