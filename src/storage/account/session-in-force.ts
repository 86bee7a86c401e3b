import { type SqlFragment, sql } from '../sql.ts'
import { isBarred } from './barred.ts'
import { areEnough } from './second-factor.ts'

/** Whether the session of the id is one that signs somebody in, within a statement. */
export const isSessionInForce = (id: SqlFragment): SqlFragment =>
  sql.fragment`EXISTS (SELECT FROM user_session AS session WHERE session.id = ${id} AND ${sessionInForce})`

/**
 * Of a row `session`. Who has a second factor, or must have one, and came without it, is as good as signed out; so is whose Person is
 * not active.
 */
export const sessionInForce: SqlFragment = sql.fragment`session.expires_at > now() AND session.seen_at > now() - interval '2 hours'
  AND ${areEnough(sql.fragment`session.methods`, sql.fragment`session.person`)} AND NOT ${isBarred(sql.fragment`session.person`)}`
