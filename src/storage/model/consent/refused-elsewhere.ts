import type { Consent } from '@medplum/fhirtypes'
import { granteeOf } from '../../../access/consent.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { findRefusals } from './last-refusal.ts'
import { whyEndedByJoining } from './left-consents.ts'
import { isSignedAfter } from './signing-time.ts'

/**
 * Of the Consents that are active, or of which something is kept: those to whose grantee another of the patients has said no since they
 * were signed. Once the patients are one, the grantee would read what that other one has refused. That a joining ended a Consent is no refusal.
 */
export const findRefusedElsewhere = async (
  connection: Connection,
  patientIds: readonly number[],
): Promise<readonly string[]> => {
  const given = await connection.any<{ id: string; patientId: number; consent: Consent }>(sql.fragment`
    SELECT given.consent_id AS id, given.patient_id AS "patientId", consent.content AS consent
    FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    WHERE given.patient_id = ANY(${sql.array([...patientIds], 'int4')})
      AND (consent.content ->> 'status' = 'active' OR given.withdrawal = 'keep' AND consent.content ->> 'status' = 'inactive')
    ORDER BY given.consent_id`)
  const refused: string[] = []
  for (const { id, patientId, consent } of given) {
    const others = patientIds.filter(one => one !== patientId)
    if (await isRefusedBy(connection, others, consent)) refused.push(id)
  }
  return refused
}

const isRefusedBy = async (
  connection: Connection,
  patientIds: readonly number[],
  consent: Consent,
): Promise<boolean> => {
  const grantee = granteeOf(consent)
  if (grantee === undefined) return false
  const refusals = await findRefusals(connection, sql.fragment`ANY(${sql.array([...patientIds], 'int4')})`, grantee)
  return refusals.some(
    ({ at, consent: no }) => whyEndedByJoining(no) === undefined && !isSignedAfter(consent.dateTime, at.toISOString()),
  )
}
