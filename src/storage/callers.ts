import type { Caller } from '../access/caller.ts'
import type { Connection } from './database.ts'
import { findToken } from './token.ts'

/**
 * Who a bearer token is. An app sends request after request with the same one, so what was found is kept for a moment, and
 * never beyond the token's own end. What a caller may see is asked of the database at every request all the same: only that
 * a token was revoked, or whose it is, may go unnoticed for that moment.
 */
export const openCallers = (connection: Connection): ((bearer: string) => Promise<Caller | undefined>) => {
  const known = new Map<string, { readonly caller: Caller; readonly until: number }>()
  return async bearer => {
    const kept = known.get(bearer)
    if (kept !== undefined && Date.now() < kept.until) return kept.caller
    known.delete(bearer)
    const found = await findToken(connection, bearer)
    if (found === undefined) return undefined
    if (known.size >= most) known.clear()
    known.set(bearer, { caller: found.caller, until: Math.min(Date.now() + keptMs, found.expiresAt.getTime()) })
    return found.caller
  }
}

const keptMs = 2000
const most = 10_000
