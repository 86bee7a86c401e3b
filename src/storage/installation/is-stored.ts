import type { ResourceType } from '@medplum/fhirtypes'
import type { Connection } from '../database.ts'
import { tableOf, typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

/** For the operator, so no access is checked. */
export const isStored = async (connection: Connection, type: ResourceType, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM resource_identity AS identity JOIN ${tableOf(type)} AS row USING (patient_id, pk)
    WHERE identity.id = ${id} AND identity.type_id = ${typeIdOf(type)}`)) !== undefined

/** Whether no resource was ever stored, deleted ones included. */
export const isEmpty = async (connection: Connection): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM resource_identity LIMIT 1`)) === undefined
