import { FhirError } from '../../fhir/error.ts'

/** Why a sign-in at the institution failed, for whoever sits in front of the screen. */
export type SsoRefusal = 'unreachable' | 'over' | 'denied' | 'untrusted' | 'earlier'

/** `reason` is for the log, and never has a token or anything about a person. `continued`: where they were going, if it is known. */
export type SsoRefused = {
  readonly kind: 'refused'
  readonly refusal: SsoRefusal
  readonly reason: string
  readonly continued?: string | undefined
}

export const refused = (refusal: SsoRefusal, reason: string): SsoRefused => ({ kind: 'refused', refusal, reason })

/** Throws what is a fault of ours, as while the database is away: the provider has nothing to do with it. */
export const refusedBy = (refusal: SsoRefusal, error: unknown): SsoRefused => {
  if (error instanceof FhirError && error.status >= 500) throw error
  return refused(
    refusal,
    error instanceof SyntaxError ? 'it is no JSON' : error instanceof Error ? error.message : 'unknown',
  )
}
