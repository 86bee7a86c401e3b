/** Why a launch failed, for whoever sits in front of the screen. */
export type Refusal =
  | 'incomplete'
  | 'unknown-ehr'
  | 'unreachable'
  | 'unfit'
  | 'another-browser'
  | 'denied'
  | 'untrusted'
  | 'no-patient'

/** `reason` is for the log, and never has a token or anything about a patient. */
export type Refused = {
  readonly kind: 'refused'
  readonly refusal: Refusal
  readonly issuer?: string
  readonly reason: string
}

export const refused = (refusal: Refusal, reason: string, issuer?: string): Refused => ({
  kind: 'refused',
  refusal,
  reason,
  ...(issuer === undefined ? {} : { issuer }),
})
