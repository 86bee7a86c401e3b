import type { ResourceType } from '@medplum/fhirtypes'
import { type SqlFragment, sql } from '../sql.ts'

/**
 * A CTE that keeps which rows of `source` were written, where anybody listens to the type: part of the statement that writes
 * them, so that none is missed, and nothing at all where nobody does.
 */
export const changes = (type: ResourceType, source: SqlFragment): SqlFragment => sql.fragment`
  changes AS (
    INSERT INTO change (type, patient_id, pk)
    SELECT ${type}, patient_id, pk FROM ${source}
    WHERE EXISTS (SELECT FROM subscriber WHERE subscriber.type = ${type} AND subscriber.status <> 'off')
  )`
