import { visibleName } from '../../fhir/display-name.ts'
import type { Connection } from '../database.ts'
import { inForce } from '../model/reference.ts'
import { name, sql } from '../sql.ts'

export const isOrganization = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM organization_node WHERE id = ${id}`)) !== undefined

/** Undefined if it has none that can be seen. */
export const organizationName = async (connection: Connection, id: string): Promise<string | undefined> => {
  const found = await connection.maybeOne<{ readonly name: string | null }>(
    sql.fragment`SELECT content ->> 'name' AS name FROM organization WHERE id = ${id}`,
  )
  return visibleName(found?.name ?? undefined)
}

export const isClosed = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(
    sql.fragment`SELECT FROM organization WHERE id = ${id} AND content ->> 'active' = 'false'`,
  )) !== undefined

/** Whose account the Practitioner is; undefined if nobody's. */
export const personOfPractitioner = async (connection: Connection, practitioner: string): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ person: string }>(
      sql.fragment`SELECT person FROM person_practitioner WHERE practitioner = ${practitioner}`,
    )
  )?.person

/** Whether the Person has a role in the organization itself, be it that of a privacy officer. */
export const worksIn = async (connection: Connection, person: string, organization: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`
    SELECT FROM person_practitioner JOIN (
      SELECT practitioner, organization, period_start, period_end FROM membership
      UNION ALL SELECT practitioner, organization, period_start, period_end FROM privacy_officer
    ) AS held USING (practitioner)
    WHERE person = ${person} AND organization = ${organization} AND ${inForce(name('held'))} LIMIT 1`)) !== undefined
