import type { ConsentGrantee } from '../../../access/consent.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { isLeft } from './left-consents.ts'

/** The grantees to whom more than one of the patients have a standing Consent; one that the joining would end does not count. */
export const findAnsweredTwice = (
  connection: Connection,
  patientIds: readonly number[],
): Promise<readonly ConsentGrantee[]> =>
  connection.any<ConsentGrantee>(sql.fragment`
    SELECT grantee.kind, grantee.id FROM consent_grantee JOIN grantee ON grantee.grantee = consent_grantee.grantee
    WHERE consent_grantee.patient_id = ANY(${sql.array([...patientIds], 'int4')}) AND consent_grantee.standing
      AND NOT ${isLeft(sql.fragment`consent_grantee`)}
    GROUP BY grantee.grantee HAVING count(*) > 1 ORDER BY grantee.grantee`)

/** Patients who turn out to be one have one standing Consent to a grantee between them, or are not joined. */
export const refuseTwoConsents = async (connection: Connection, patientIds: readonly number[]): Promise<void> => {
  const [twice] = await findAnsweredTwice(connection, patientIds)
  if (twice === undefined) return
  throw new FhirError(
    'conflict',
    `Two of the patients have a proposed or active Consent to the same ${twice.kind}, ${twice.id}: end one of them first`,
    { expression: 'Person.link' },
  )
}
