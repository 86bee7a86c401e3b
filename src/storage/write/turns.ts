import { print } from '../../search/print.ts'
import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { lockPlaces, type Named } from './lock-places.ts'

type Asking = Parameters<typeof lockPlaces>[1]
type Criteria = Pick<Search, 'type' | 'where'>

/**
 * Until the end of the transaction, no other one carries out a conditional interaction with criteria of the same meaning, so that two at once
 * cannot both find nothing. All locks are taken in one order, and there are no more than PostgreSQL's table of locks can hold: different criteria
 * may share one, and then wait for each other needlessly. After that, what is to be changed is locked, also in one order.
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

/** Keeps them apart from all other advisory locks. */
const turnLocks = 0x5a7f

/** The same text for criteria that are written in another order, or twice. */
const meaningOf = (where: Search['where']): string => {
  if (where.kind !== 'and' && where.kind !== 'or') return print(where)
  return `(${where.kind} ${[...new Set(where.of.map(meaningOf))].sort().join(' ')})`
}
