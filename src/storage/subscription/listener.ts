import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { isResting } from './unanswered.ts'

/** A subscriber to a type. */
export type Listener = { readonly id: string; readonly rests: boolean; readonly wasLate: boolean }

/**
 * All subscribers to the type but those who come for patients other than these: they could not see what has changed, and there may be as many of them
 * as there are patients. Everybody may see what is in no compartment, or in several: 0. Those whose question was not answered last time come last.
 */
export const listenersTo = (
  connection: Connection,
  type: string,
  patientIds: readonly number[],
): Promise<readonly Listener[]> =>
  connection.any<Listener>(sql.fragment`
    WITH concerned AS MATERIALIZED (
      SELECT id FROM patient_compartment WHERE patient_id = ANY(${sql.array([...patientIds], 'int4')}))
    SELECT id, ${isResting} AS rests, unanswered > 0 AS "wasLate" FROM subscriber
    WHERE type = ${type} AND status <> 'off' AND (
      ${patientIds.includes(0)}
      OR kind NOT IN ('patient', 'user')
      OR person_id IN (SELECT person FROM person_practitioner)
      OR patient_id IN (SELECT id FROM concerned)
      OR person_id IN (SELECT person FROM person_patient WHERE patient IN (SELECT id FROM concerned)))
    ORDER BY unanswered, id`)
