import type { Connection } from './database.ts'
import { sql } from './sql.ts'

export const isOrganization = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM organization_node WHERE id = ${id}`)) !== undefined

/** Undefined where it has none. */
export const organizationName = async (connection: Connection, id: string): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ readonly name: string | null }>(
      sql.fragment`SELECT content ->> 'name' AS name FROM organization WHERE id = ${id}`,
    )
  )?.name ?? undefined
