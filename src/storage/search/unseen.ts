import { fullAccess } from '../../access/access.ts'
import type { Search } from '../../search/search.ts'
import type { Connection } from '../database.ts'
import { searchMatches } from './search.ts'

type Searching = Parameters<typeof searchMatches>[1]

/** Which of these are stored, and not among what the caller may find. */
export const unseen = async (
  connection: Connection,
  searching: Searching,
  search: Search,
  ids: readonly string[],
): Promise<readonly string[]> => {
  const among = async (asking: Searching, some: readonly string[]) => {
    const asked: Search = { ...search, where: { kind: 'identified', ids: some } }
    return (await searchMatches(connection, asking, asked, some.length)).map(({ id }) => id)
  }
  const seen = new Set(await among(searching, ids))
  const others = ids.filter(id => !seen.has(id))
  return others.length === 0 ? [] : among({ ...searching, access: fullAccess }, others)
}
