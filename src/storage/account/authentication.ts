import { type SqlFragment, sql } from '../sql.ts'

/** How somebody signed in; `mfa` is what an identity provider says of itself. https://www.rfc-editor.org/rfc/rfc8176 */
export type Method = 'pwd' | 'otp' | 'mfa'

/** When somebody showed who they are: here, or long before at an institution, which may not tell. */
export type AuthenticatedAt = Date | 'not told'

/** For its column; now, where nothing is said. */
export const toColumn = (at: AuthenticatedAt | undefined): SqlFragment =>
  at === undefined ? sql.fragment`now()` : sql.fragment`${at === 'not told' ? null : at.toISOString()}::timestamptz`

export const fromColumn = (at: Date | null): AuthenticatedAt => at ?? 'not told'
