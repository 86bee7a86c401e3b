import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Whether no resource was ever stored, deleted ones included. */
export const isEmpty = async (connection: Connection): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM resource_identity LIMIT 1`)) === undefined
