import { type SqlFragment, sql } from '../sql.ts'

/** How somebody signed in. `mfa` is said by an identity provider. https://www.rfc-editor.org/rfc/rfc8176 */
export type Method = 'pwd' | 'otp' | 'mfa'

/** When somebody proved who they are: here, or earlier at an institution, which may not tell. */
export type AuthenticatedAt = Date | 'not told'

/** The value of the column; now, if none is given. */
export const toColumn = (at: AuthenticatedAt | undefined): SqlFragment =>
  at === undefined ? sql.fragment`now()` : sql.fragment`${at === 'not told' ? null : at.toISOString()}::timestamptz`

export const fromColumn = (at: Date | null): AuthenticatedAt => at ?? 'not told'
