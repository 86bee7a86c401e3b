import type { ResourceType } from '@medplum/fhirtypes'
import { type SqlFragment, sql } from '../sql.ts'

/**
 * A CTE that notes which rows of `source` were written, if anybody listens to the type. It is a part of the statement that writes them, so that
 * none is missed; if nobody listens, it does nothing.
 */
export const changes = (type: ResourceType, source: SqlFragment): SqlFragment => sql.fragment`
  changes AS (
    INSERT INTO change (type, patient_id, pk)
    SELECT ${type}, patient_id, pk FROM ${source}
    WHERE EXISTS (SELECT FROM subscriber WHERE subscriber.type = ${type} AND subscriber.status <> 'off')
  )`
