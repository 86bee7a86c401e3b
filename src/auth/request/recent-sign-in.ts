/** https://openid.net/specs/openid-connect-core-1_0.html#AuthRequest: `prompt=login` and `max_age`. */

import type { Interaction as Kept } from 'oidc-provider'
import type { SignedIn } from './user-interaction.ts'

/** Counted until the request, so that somebody who takes time to decide is not asked again. */
export const isRecent = (kept: Kept, { authenticatedAt }: SignedIn): boolean => {
  const { params, iat = 0 } = kept
  const at = authenticatedAt === 'not told' ? -Infinity : epoch(authenticatedAt)
  if (wantsAnew(kept) && at < iat) return false
  return params.max_age === undefined || at >= iat - Number(params.max_age)
}

/** Whether the app wants somebody who has just signed in. */
export const wantsRecent = (kept: Kept): boolean => wantsAnew(kept) || kept.params.max_age !== undefined

const wantsAnew = ({ params }: Kept): boolean =>
  String(params.prompt ?? '')
    .split(' ')
    .includes('login')

/** What the app is told about the sign-in. If the institution does not say when it was, the latest possible time. */
export const loginOf = ({ person, authenticatedAt, signedInAt, methods }: SignedIn) => ({
  accountId: person,
  ts: epoch(authenticatedAt === 'not told' ? signedInAt : authenticatedAt),
  amr: [...methods],
  remember: false,
})

const epoch = (time: Date): number => Math.floor(time.getTime() / 1000)
