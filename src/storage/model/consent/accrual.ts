import type { Consent, ResearchStudy } from '@medplum/fhirtypes'
import { intervalOfPeriod, isBefore } from '../../../fhir/date.ts'
import { FhirError } from '../../../fhir/error.ts'
import type { Connection } from '../../database.ts'
import { sql } from '../../sql.ts'
import { isInForce } from '../study.ts'
import { isSignedBefore } from './signing-time.ts'

/** Whether new patients are asked, and may come in, now. What patients in the study share does not depend on it. */
export const takesNewPatients = (study: ResearchStudy): boolean => study.status === 'active' && isInForce(study)

/** Nobody begins to give anything to a study that takes nobody new. What was signed before that may still be sent afterwards. */
export const refuseNewcomer = async (connection: Connection, study: string, consent: Consent): Promise<void> => {
  const closed = await findClosing(connection, study)
  if (closed === undefined || isSignedBefore(consent.dateTime, closed.at)) return
  const since = closed.at === '-infinity' ? 'yet, as its first day is to come' : `since ${closed.at}`
  throw new FhirError(
    'business-rule',
    `ResearchStudy/${study} takes nobody new ${since}; its status is ${closed.status}. Only a Consent that was signed before, as its dateTime tells, begins now; one that is active can be changed and ended`,
    { expression: 'Consent.status' },
  )
}

/** When it stopped taking new patients, as PostgreSQL reads it; `-infinity` if it has not begun to. */
export type Closing = { readonly at: string; readonly status: string }

/** Undefined where the study takes new patients. */
export const findClosing = async (connection: Connection, id: string): Promise<Closing | undefined> => {
  const found = await connection.maybeOne<{ pk: string; study: ResearchStudy }>(
    sql.fragment`SELECT pk, content AS study FROM research_study WHERE patient_id = 0 AND id = ${id}`,
  )
  if (found === undefined || takesNewPatients(found.study)) return undefined
  const { pk, study } = found
  const { low, high } = intervalOfPeriod(study.period ?? {})
  const now = new Date().toISOString()
  const status = study.status ?? 'unknown'
  if (low !== '-infinity' && isBefore(now, low)) return { at: '-infinity', status }
  const changed = study.status === 'active' ? undefined : await leftActive(connection, pk)
  return { at: changed !== undefined && isBefore(changed, high) ? changed : high, status }
}

/** When the version after the last active one was written; if none was active, the first one. */
const leftActive = async (connection: Connection, pk: string): Promise<string> => {
  const { at } = await connection.one<{ at: Date }>(sql.fragment`
    WITH version AS (
      SELECT version, last_updated, content ->> 'status' AS status FROM research_study
      WHERE patient_id = 0 AND pk = ${pk}
      UNION ALL
      SELECT version, last_updated, content ->> 'status' FROM research_study_history
      WHERE patient_id = 0 AND pk = ${pk})
    SELECT min(last_updated) AS at FROM version
    WHERE version > coalesce((SELECT max(version) FROM version WHERE status = 'active'), 0)`)
  return at.toISOString()
}
