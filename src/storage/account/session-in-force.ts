import { type SqlFragment, sql } from '../sql.ts'
import { isBarred } from './barred.ts'
import { areEnough } from './second-factor.ts'

/** In a statement: whether the session with the id still counts as signed in. */
export const isSessionInForce = (id: SqlFragment): SqlFragment =>
  sql.fragment`EXISTS (SELECT FROM user_session AS session WHERE session.id = ${id} AND ${sessionInForce})`

/** For a row `session`: when it ends if it is not used any more. */
export const idleEnd: SqlFragment = sql.fragment`session.seen_at + interval '2 hours'`

/**
 * For a row `session`. If a person has a second factor, or must have one, and signed in without it, they count as signed out; so do those whose
 * Person is not active.
 */
export const sessionInForce: SqlFragment = sql.fragment`session.expires_at > now() AND ${idleEnd} > now()
  AND ${areEnough(sql.fragment`session.methods`, sql.fragment`session.person`)} AND NOT ${isBarred(sql.fragment`session.person`)}`
