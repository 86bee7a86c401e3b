import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import type { Match } from '../store.ts'
import { holdPlaces } from '../write/lock-places.ts'
import { searchMatches } from './search.ts'

type Searching = Parameters<typeof searchMatches>[1] & Parameters<typeof holdPlaces>[1]

/** Some matches, in no order, which still match at the commit: whoever else is just changing one is waited for, and then it is asked anew. */
export const heldMatches = async (
  connection: Connection,
  searching: Searching,
  search: Search,
  limit: number,
): Promise<readonly Match[]> => {
  const held = new Set<string>()
  for (;;) {
    const matches = await searchMatches(connection, searching, search, limit)
    const others = matches.flatMap(({ id }) => (held.has(id) ? [] : { type: search.type, id }))
    if (others.length === 0) return matches
    await holdPlaces(connection, searching, others)
    for (const { id } of others) held.add(id)
  }
}
