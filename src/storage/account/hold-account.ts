import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** Until the transaction ends, no other invitation links a Patient or a Practitioner to the account, so that what was found out about it still holds. */
export const holdAccount = async (connection: Connection, person: string): Promise<void> => {
  await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('patients of'), hashtext(${person}))`)
}
