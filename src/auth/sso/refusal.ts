/** Why a sign-in at the institution came to nothing, for whoever is in front of the screen. */
export type SsoRefusal = 'unreachable' | 'over' | 'denied' | 'untrusted'

/** `reason` is for the log: never a token, nor anything of a person. `continued` is where they were going, as far as it is known. */
export type SsoRefused = {
  readonly kind: 'refused'
  readonly refusal: SsoRefusal
  readonly reason: string
  readonly continued?: string | undefined
}

export const refused = (refusal: SsoRefusal, reason: string): SsoRefused => ({ kind: 'refused', refusal, reason })

export const refusedBy = (refusal: SsoRefusal, error: unknown): SsoRefused =>
  refused(refusal, error instanceof SyntaxError ? 'it is no JSON' : error instanceof Error ? error.message : 'unknown')
