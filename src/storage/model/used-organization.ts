import { FhirError } from '../../fhir/error.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/**
 * Refuses to delete an organization that has been of use; it can only be closed. What belongs or belonged to it, and what was recorded
 * about that, is shown to its people and to the privacy officers above it by its place in the tree: without the tree, nobody would see it.
 * Throws `conflict`.
 */
export const refuseUsed = async (connection: Connection, id: string): Promise<void> => {
  const uses: readonly (readonly [what: string, isSo: () => Promise<boolean>])[] = [
    ['has parts', () => exists(connection, sql.fragment`FROM organization_node WHERE parent = ${id}`)],
    ['has, or had, people with a role in it', () => existed(connection, id, 'practitioner_role', 'organization')],
    ['has, or had, studies', () => existed(connection, id, 'research_study', 'sponsor')],
    ['has, or had, patients', () => ownedEver(connection, id, 'patient')],
    ['has apps', () => exists(connection, sql.fragment`FROM client WHERE organization = ${id}`)],
    ['has EHRs', () => exists(connection, sql.fragment`FROM smart_client_config WHERE organization = ${id}`)],
    ['owns resources', () => ownsAny(connection, id)],
  ]
  for (const [what, isSo] of uses)
    if (await isSo())
      throw new FhirError(
        'conflict',
        `The organization ${what}: it is closed, by active=false, and not deleted. What is recorded of it would be shown to nobody`,
      )
}

const exists = async (connection: Connection, from: SqlFragment): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT ${from} LIMIT 1`)) !== undefined

/** Whether any version, also of a deleted resource, names it. */
const existed = (connection: Connection, id: string, table: string, element: string): Promise<boolean> => {
  const named = sql.fragment`referenced_id(content -> ${element}, 'Organization') = ${id}`
  return exists(
    connection,
    sql.fragment`FROM (
      SELECT FROM ${sql.identifier([table])} WHERE ${named}
      UNION ALL SELECT FROM ${sql.identifier([`${table}_history`])} WHERE ${named}) AS version`,
  )
}

const ownedEver = (connection: Connection, id: string, table: string): Promise<boolean> =>
  exists(
    connection,
    sql.fragment`FROM (
      SELECT FROM ${sql.identifier([table])} WHERE owner = ${id}
      UNION ALL SELECT FROM ${sql.identifier([`${table}_history`])} WHERE owner = ${id}) AS version`,
  )

/** Observations are left out: they belong to their patient, and to no organization. */
const ownsAny = async (connection: Connection, id: string): Promise<boolean> => {
  const types = await connection.any<{ table: string }>(
    sql.fragment`SELECT table_name AS "table" FROM resource_type WHERE name <> 'Observation' ORDER BY type_id`,
  )
  for (const { table } of types)
    if (await exists(connection, sql.fragment`FROM ${sql.identifier([table])} WHERE owner = ${id}`)) return true
  return false
}
