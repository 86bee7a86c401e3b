import type { Consent } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import type { Projected } from './projection.ts'

/** What was last in force before the version that stands now, and the moment at which it ended. */
export type Given = { readonly consent: Consent; readonly until: Date }

/** The current version is in its table by now, and the ones before in the history. */
export const findGiven = (
  connection: Connection,
  { patientId, pk }: Pick<Projected<Consent>, 'patientId' | 'pk'>,
): Promise<Given | undefined> =>
  connection.maybeOne<Given>(sql.fragment`
    SELECT given.content AS consent, (
      SELECT min(later.last_updated)
      FROM (
        SELECT version, last_updated FROM consent WHERE patient_id = ${patientId} AND pk = ${pk}
        UNION ALL
        SELECT version, last_updated FROM consent_history WHERE patient_id = ${patientId} AND pk = ${pk}
      ) AS later
      WHERE later.version > given.version) AS until
    FROM consent_history AS given
    WHERE given.patient_id = ${patientId} AND given.pk = ${pk} AND given.content ->> 'status' = 'active'
    ORDER BY given.version DESC LIMIT 1`)
