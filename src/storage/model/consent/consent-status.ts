import type { Consent } from '@medplum/fhirtypes'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import type { Projected } from '../projection.ts'

type Status = NonNullable<Consent['status']>

/** Which status may follow which. What has ended stays ended: it takes a new Consent to begin again. */
const next: Readonly<Record<Status, readonly Status[]>> = {
  draft: ['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error'],
  proposed: ['proposed', 'active', 'rejected', 'inactive', 'entered-in-error'],
  active: ['active', 'inactive', 'entered-in-error'],
  rejected: ['rejected', 'entered-in-error'],
  inactive: ['inactive', 'entered-in-error'],
  'entered-in-error': ['entered-in-error'],
}

/** Of the version before, which is in the history by now; undefined if there is none, or it was a deletion. */
export const findStatusBefore = async (
  connection: Connection,
  { patientId, pk }: Projected<Consent>,
): Promise<Status | undefined> => {
  const before = await connection.maybeOne<{ status: Status | null }>(sql.fragment`
    SELECT content ->> 'status' AS status FROM consent_history
    WHERE patient_id = ${patientId} AND pk = ${pk} ORDER BY version DESC LIMIT 1`)
  return before?.status ?? undefined
}

export const refuseTransition = (before: Status | undefined, { status }: Consent): void => {
  if (before === undefined || status === undefined || next[before].includes(status)) return
  throw new FhirError('business-rule', `A Consent that is ${before} does not become ${status}`, {
    expression: 'Consent.status',
  })
}
