/** Why a launch came to nothing, for whoever is in front of the screen. */
export type Refusal =
  | 'incomplete'
  | 'unknown-ehr'
  | 'unreachable'
  | 'unfit'
  | 'another-browser'
  | 'denied'
  | 'untrusted'
  | 'no-patient'

/** `reason` is for the log: never a token, nor anything of a patient. */
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
