import { print } from '../../search/print.ts'
import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { lockPlaces, type Named } from './lock-places.ts'

type Asking = Parameters<typeof lockPlaces>[1]
type Criteria = Pick<Search, 'type' | 'where'>

/**
 * From here to the end of the transaction no other carries out a conditional interaction with criteria of the same meaning:
 * two at once cannot both find nothing. All locks are taken in one order, and so many at most that PostgreSQL's table of
 * locks holds them: criteria that share one wait for each other needlessly, and no harm is done. Then what is to be changed is
 * locked, in one order as well.
 */
export const takeTurns = async (
  connection: Connection,
  asking: Asking,
  criteria: readonly Criteria[],
  changed: readonly Named[] = [],
): Promise<void> => {
  await takeMeanings(connection, criteria)
  await lockPlaces(connection, asking, changed)
}

const takeMeanings = async (connection: Connection, criteria: readonly Criteria[]): Promise<void> => {
  if (criteria.length === 0) return
  const meanings = new Set(criteria.map(({ type, where }) => `${type} ${meaningOf(where)}`))
  await connection.any(sql.fragment`
    SELECT pg_advisory_xact_lock(${turnLocks}, turn.number) FROM (
      SELECT DISTINCT (hashtextextended(meaning, 0) & 1023)::integer AS number
      FROM unnest(${sql.array([...meanings], 'text')}) AS meaning
      ORDER BY number
    ) AS turn`)
}

/** Apart from every other use of advisory locks. */
const turnLocks = 0x5a7f

/** The same for what was written in another order, or twice. */
const meaningOf = (where: Search['where']): string => {
  if (where.kind !== 'and' && where.kind !== 'or') return print(where)
  return `(${where.kind} ${[...new Set(where.of.map(meaningOf))].sort().join(' ')})`
}
