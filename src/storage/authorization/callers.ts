import type { Caller } from '../../access/caller.ts'
import type { Connection } from '../database.ts'
import { isSecret } from '../secret/secret.ts'
import { findGoingOn, findRefused, findToken } from './token.ts'

export type Callers = {
  /** `for`: what the token has let in and goes on by it, also when it has run out. */
  readonly find: (bearer: string, asked?: { readonly for: 'going-on' }) => Promise<Caller | undefined>
  /** Whose a token is that is in force no more; undefined for one that never was, and for one that was asked about just before. */
  readonly findRefused: (bearer: string) => Promise<Caller | undefined>
  /** After something was revoked here: everybody is asked about anew. */
  readonly forget: () => void
}

/**
 * Who a bearer token is. An app sends request after request with the same one, so what was found is kept for a moment, and
 * never beyond the token's own end. What a caller may see is asked of the database at every request all the same: only that
 * a token was revoked by another process, or whose it is, may go unnoticed for that moment. One that ends with a sign-in is
 * asked about each time: sign-ins end in many places, and who signs out is believed at once. A clock that is set back draws none of it out.
 */
export const openCallers = (connection: Connection): Callers => {
  const known = new Map<string, { readonly caller: Caller; readonly until: number }>()
  let forgotten = 0
  const find: Callers['find'] = async (bearer, asked) => {
    if (asked?.for === 'going-on') return findGoingOn(connection, bearer)
    const kept = known.get(bearer)
    if (kept !== undefined && performance.now() < kept.until) return kept.caller
    known.delete(bearer)
    const before = forgotten
    const found = await findToken(connection, bearer)
    if (found === undefined) return undefined
    if (known.size >= most) known.clear()
    // What was read before something was revoked may not outlive it.
    if (before === forgotten && !found.isOnline)
      known.set(bearer, {
        caller: found.caller,
        until: performance.now() + Math.min(keptMs, found.expiresAt.getTime() - Date.now()),
      })
    return found.caller
  }
  const forget = () => {
    forgotten++
    known.clear()
  }
  return { find, findRefused: onceAMinute(bearer => findRefused(connection, bearer)), forget }
}

/** Whoever goes on with what is over asks nothing of the database, and adds nothing to it. What can be no token is not kept: it may be long. */
const onceAMinute = (find: Callers['findRefused']): Callers['findRefused'] => {
  const asked = new Map<string, number>()
  return async bearer => {
    const now = performance.now()
    if (!isSecret(bearer) || now < (asked.get(bearer) ?? 0)) return undefined
    if (asked.size >= most) asked.clear()
    asked.set(bearer, now + minuteMs)
    return find(bearer)
  }
}

const minuteMs = 60_000

const keptMs = 2000
const most = 10_000
