import type { Consent } from '@medplum/fhirtypes'
import type { ConsentTerms } from '../../../access/consent.ts'
import type { Permit } from '../../../access/consent-permit.ts'
import type { SignedText } from './consent-source.ts'

/** What was given to the same grantee before the current version. */
export type Before = {
  readonly text: SignedText | undefined
  readonly permits: readonly Permit[]
  readonly until: Date
  readonly isEndedByJoining: boolean
}

export type Open = {
  readonly permits: readonly Permit[]
  readonly consented: boolean
  /** Nothing that was measured or stored from then on is opened. */
  readonly until?: Date
}

/** What a Consent opens as it stands. Once it has ended, that is what its text said would be kept, unless a joining of records ended that as well. */
export const openBy = (consent: Consent, { permits }: ConsentTerms, before: Before | undefined): Open => {
  if (isStanding(consent)) return { permits, consented: consent.status === 'active' }
  return consent.status === 'inactive' && before?.text?.withdrawal === 'keep' && !before.isEndedByJoining
    ? { permits: before.permits, consented: true, until: before.until }
    : { permits: [], consented: false }
}

/** The text that was signed: ending a Consent does not sign it anew. */
export const signedBy = (
  { status }: Consent,
  text: SignedText | undefined,
  before: Before | undefined,
): SignedText | undefined => (status === 'inactive' ? before?.text : text)

export const isStanding = ({ status }: Consent): boolean => status === 'proposed' || status === 'active'
