import type { Connection } from '../database.ts'
import { inForce } from '../model/reference.ts'
import { name, sql } from '../sql.ts'

export const isOrganization = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM organization_node WHERE id = ${id}`)) !== undefined

/** Undefined if it has none. */
export const organizationName = async (connection: Connection, id: string): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ readonly name: string | null }>(
      sql.fragment`SELECT content ->> 'name' AS name FROM organization WHERE id = ${id}`,
    )
  )?.name ?? undefined

export const isClosed = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(
    sql.fragment`SELECT FROM organization WHERE id = ${id} AND content ->> 'active' = 'false'`,
  )) !== undefined

/** Whether the Person has a role in the organization itself. */
export const worksIn = async (connection: Connection, person: string, organization: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM person_practitioner JOIN membership ON membership.practitioner = person_practitioner.practitioner
    WHERE person_practitioner.person = ${person} AND membership.organization = ${organization}
      AND ${inForce(name('membership'))} LIMIT 1`)) !== undefined
