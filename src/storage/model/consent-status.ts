import type { Consent } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import type { Projected } from './projection.ts'

type Status = NonNullable<Consent['status']>

/** What may follow; what has ended stays ended, and a new Consent begins anew. */
const next: Readonly<Record<Status, readonly Status[]>> = {
  draft: ['draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error'],
  proposed: ['proposed', 'active', 'rejected', 'inactive', 'entered-in-error'],
  active: ['active', 'inactive', 'entered-in-error'],
  rejected: ['rejected', 'entered-in-error'],
  inactive: ['inactive', 'entered-in-error'],
  'entered-in-error': ['entered-in-error'],
}

/** The version before is in the history by now. */
export const refuseTransition = async (
  connection: Connection,
  { patientId, pk }: Projected<Consent>,
  { status }: Consent,
): Promise<void> => {
  const before = await connection.maybeOne<{ status: Status | null }>(sql.fragment`
    SELECT content ->> 'status' AS status FROM consent_history
    WHERE patient_id = ${patientId} AND pk = ${pk} ORDER BY version DESC LIMIT 1`)
  if (!before?.status || status === undefined || next[before.status].includes(status)) return
  throw new FhirError('business-rule', `A Consent that is ${before.status} does not become ${status}`, {
    expression: 'Consent.status',
  })
}
