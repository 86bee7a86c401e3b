import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { type Limit, mayTry } from './attempt.ts'

/**
 * Counts one more message of an organization to an address, and says whether it is allowed. Each tenant's are counted for themselves:
 * whoever is refused would learn that another has written there.
 */
export const mayWriteTo = async (
  connection: Connection,
  secretKey: Uint8Array,
  limit: Limit,
  { organization, address }: { readonly organization: string; readonly address: string },
): Promise<boolean> => {
  const node = await connection.maybeOne<{ tenant: string }>(
    sql.fragment`SELECT tenant FROM organization_node WHERE id = ${organization}`,
  )
  return mayTry(connection, secretKey, limit, `${node?.tenant ?? organization} ${address}`)
}
