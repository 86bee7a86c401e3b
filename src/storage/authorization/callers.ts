import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import type { Caller } from '../../access/caller.ts'
import type { Connection } from '../database.ts'
import { isSecret } from '../secret/secret.ts'
import { findGoingOn, findRefused, findToken } from './token.ts'

export type Callers = {
  /** `for`: for something that the token has let in and that still goes on, even if the token has expired. */
  readonly find: (bearer: string, asked?: { readonly for: 'going-on' }) => Promise<Caller | undefined>
  /** Whose a token is that is no longer in force; undefined if it never was one, and if it was looked up just before. */
  readonly findRefused: (bearer: string) => Promise<Caller | undefined>
  /** To be called after something was revoked here: everybody is looked up anew. */
  readonly forget: () => void
}

/**
 * Whose a bearer token is. An app sends request after request with the same one, so what was found is kept for a moment, and never beyond the token's
 * own end. What a caller may see is still asked of the database in every request: only that another process has revoked a token, or that whose it is
 * has changed, may go unnoticed for that moment. A token that ends with a sign-in is looked up each time, since sign-ins end in many places, and
 * signing out has to take effect at once. Setting a clock back does not prolong the moment.
 */
export const openCallers = (connection: Connection): Callers => {
  const known = new LRUCache<string, Caller>({ max: most, ttl: keptMs, ttlResolution: 0 })
  let forgotten = 0
  const find: Callers['find'] = async (bearer, asked) => {
    if (asked?.for === 'going-on') return findGoingOn(connection, bearer)
    const key = keyOf(bearer)
    const kept = known.get(key)
    if (kept !== undefined) return kept
    const before = forgotten
    const found = await findToken(connection, bearer)
    if (found === undefined) return undefined
    const ttl = Math.min(keptMs, found.expiresAt.getTime() - Date.now())
    // What was read before something was revoked must not be kept. For the library, a ttl of 0 has no end.
    if (before === forgotten && !found.isOnline && ttl > 0) known.set(key, found.caller, { ttl })
    return found.caller
  }
  const forget = () => {
    forgotten++
    known.clear()
  }
  return { find, findRefused: onceAMinute(bearer => findRefused(connection, bearer)), forget }
}

/**
 * An app that goes on using an ended token costs no queries, and adds nothing to the record. What cannot be a token is not kept, since it may be
 * long.
 */
const onceAMinute = (find: Callers['findRefused']): Callers['findRefused'] => {
  const asked = new LRUCache<string, true>({ max: most, ttl: minuteMs, ttlResolution: 0 })
  return async bearer => {
    if (!isSecret(bearer)) return undefined
    const key = keyOf(bearer)
    if (asked.has(key)) return undefined
    asked.set(key, true)
    return find(bearer)
  }
}

/** The token itself, as a part of its header, would keep in memory whatever else is in that: 64 KB of spaces, say. */
const keyOf = (bearer: string): string => hash('sha256', bearer, 'base64')

const minuteMs = 60_000

const keptMs = 2000
const most = 10_000
