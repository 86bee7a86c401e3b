import { FhirError } from '../../fhir/error.ts'
import type { InvitationState } from '../../storage/study/invitation-state.ts'
import type { EnrolledPerson } from '../people/enrolled-people.ts'

/** What whoever sends a reminder may know of the person's answer and data. */
export type Standing = Pick<EnrolledPerson, 'state' | 'isSilent' | 'isEarlier'>

/** Throws FhirError if there is nothing to be reminded of. */
export const dueOf = (
  { state, isSilent, isEarlier }: Standing,
  last: InvitationState | undefined,
): { readonly kind: 'reminder' | 'silence' | 'changed'; readonly invitation?: string } => {
  if (isEarlier) return { kind: 'changed' }
  if (isSilent) return { kind: 'silence' }
  const mayWait = state === 'none' || state === undefined
  if (mayWait && last?.isOpen) return { kind: 'reminder', invitation: last.id }
  if (state === 'none' && last?.endedBy === 'used') return { kind: 'reminder' }
  throw new FhirError(
    'business-rule',
    mayWait
      ? 'They have no open invitation: invite them'
      : 'They have answered, and there is nothing to remind them of',
  )
}
