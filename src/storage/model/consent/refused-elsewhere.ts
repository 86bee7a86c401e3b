import type { Consent } from '@medplum/fhirtypes'
import { granteeOf } from '../../../access/consent.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { findLastLeaving } from './last-leaving.ts'
import { findRefusals } from './last-refusal.ts'
import { type EndedByJoining, whyEndedByJoining } from './left-consents.ts'
import { isSignedAfter } from './signing-time.ts'

type Refused = { readonly id: string; readonly why: EndedByJoining }

/**
 * Of the Consents that are active, or of which something is kept: those to whose grantee another of the patients has said no since they
 * were signed, and those to a study that the patients, taken as one, have left since. Once they are one, the grantee would read what that other
 * one has refused, or took away by leaving. That a joining ended a Consent is no refusal.
 */
export const findRefusedElsewhere = async (
  connection: Connection,
  patientIds: readonly number[],
): Promise<readonly Refused[]> => {
  const given = await connection.any<Given>(sql.fragment`
    SELECT given.consent_id AS id, given.patient_id AS "patientId", consent.content AS consent
    FROM consent_grantee AS given
    JOIN consent ON consent.patient_id = given.patient_id AND consent.pk = given.pk
    WHERE given.patient_id = ANY(${sql.array([...patientIds], 'int4')})
      AND (consent.content ->> 'status' = 'active' OR given.withdrawal = 'keep' AND consent.content ->> 'status' = 'inactive')
    ORDER BY given.consent_id`)
  const refused: Refused[] = []
  for (const one of given) {
    if (await isRefusedByOthers(connection, patientIds, one)) refused.push({ id: one.id, why: 'refused' })
    else if (await isLeftSince(connection, patientIds, one)) refused.push({ id: one.id, why: 'left' })
  }
  return refused
}

type Given = { readonly id: string; readonly patientId: number; readonly consent: Consent }

const isRefusedByOthers = async (
  connection: Connection,
  patientIds: readonly number[],
  { patientId, consent }: Given,
): Promise<boolean> => {
  const grantee = granteeOf(consent)
  if (grantee === undefined) return false
  const others = anyPatient(patientIds.filter(one => one !== patientId))
  return (await findRefusals(connection, others, grantee)).some(
    ({ at, consent: no }) => whyEndedByJoining(no) === undefined && !isSignedAfter(consent.dateTime, at.toISOString()),
  )
}

/** Since it was signed, they left the study as one of the patients, even if they have come into it as another. */
const isLeftSince = async (
  connection: Connection,
  patientIds: readonly number[],
  { consent }: Given,
): Promise<boolean> => {
  const grantee = granteeOf(consent)
  if (grantee?.kind !== 'study') return false
  const leftAt = await findLastLeaving(connection, anyPatient(patientIds), grantee.id)
  return leftAt !== undefined && !isSignedAfter(consent.dateTime, leftAt.toISOString())
}

const anyPatient = (patientIds: readonly number[]) => sql.fragment`ANY(${sql.array([...patientIds], 'int4')})`
