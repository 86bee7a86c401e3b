import type { ResourceType } from '@medplum/fhirtypes'
import { definitionTypes } from '../../access/definition-type.ts'
import type { Connection } from '../database.ts'
import { tableOf, typeIdOf } from '../row.ts'
import { sql } from '../sql.ts'

/** For the operator, so no access is checked. */
export const isStored = async (connection: Connection, type: ResourceType, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM resource_identity AS identity JOIN ${tableOf(type)} AS row USING (patient_id, pk)
    WHERE identity.id = ${id} AND identity.type_id = ${typeIdOf(type)}`)) !== undefined

/** Whether nothing but definitions was ever stored, deleted resources included: the server stores those that it publishes itself. */
export const isEmpty = async (connection: Connection): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM resource_identity JOIN resource_type AS type USING (type_id)
    WHERE type.name <> ALL(${sql.array([...definitionTypes], 'text')}) LIMIT 1`)) === undefined
