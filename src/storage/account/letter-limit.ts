import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'
import { type Limit, mayTry } from './attempt.ts'

/** A message from an organization to an address. */
type Written = { readonly organization: string; readonly address: string }

/**
 * Counts one more message from an organization to an address, and answers whether it is allowed. Each tenant's messages are counted separately:
 * otherwise, whoever is refused would learn that another tenant has written to that address.
 */
export const mayWriteTo = async (
  connection: Connection,
  secretKey: Uint8Array,
  limit: Limit,
  written: Written,
): Promise<boolean> => mayTry(connection, secretKey, limit, await whomOf(connection, written))

const whomOf = async (connection: Connection, { organization, address }: Written): Promise<string> => {
  const node = await connection.maybeOne<{ tenant: string }>(
    sql.fragment`SELECT tenant FROM organization_node WHERE id = ${organization}`,
  )
  return `${node?.tenant ?? organization} ${address}`
}
