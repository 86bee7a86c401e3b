import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import {
  type OrganizationClient,
  type OrganizationClientRow,
  organizationClientRows,
  toOrganizationClient,
} from './client-registration.ts'

export type ClientsAsked = {
  /** Part of a name, or a whole id; empty for any. */
  readonly name: string
  /** Whose they are; empty for anybody's. */
  readonly of: ClientOwner | ''
  readonly order: ClientOrder
}

/** The last registered first, or last used first; or by name. */
export type ClientOrder = 'registered' | 'name' | 'used'

/** `itself` has registered itself, and nobody has approved it. */
export type ClientOwner = 'installation' | 'organization' | 'itself'

/** Clients of the whole installation, with those that are disabled. */
export const listAllClients = async (
  connection: Connection,
  { name, of, order }: ClientsAsked,
  { offset, limit }: { readonly offset: number; readonly limit: number },
): Promise<readonly OrganizationClient[]> =>
  (
    await connection.any<OrganizationClientRow>(sql.fragment`
      ${organizationClientRows}
        AND (${name} IN ('', client.id) OR position(fhir_fold(${name}) IN fhir_fold(client.name)) > 0)
        AND ${of} IN ('', CASE
          WHEN client.self_registered THEN 'itself'
          WHEN client.organization IS NOT NULL THEN 'organization'
          ELSE 'installation' END)
      ORDER BY CASE ${order} WHEN 'name' THEN fhir_fold(client.name) END,
        CASE ${order} WHEN 'used' THEN client.token_at END DESC NULLS LAST, client.registered_at DESC, client.id
      LIMIT ${limit} OFFSET ${offset}`)
  ).map(toOrganizationClient)

/** Undefined if there is none with the id, or it belongs to an organization. */
export const findInstallationClient = (connection: Connection, id: string): Promise<OrganizationClient | undefined> =>
  findOwn(connection, id, sql.fragment``)

/** The same; until the transaction ends, nobody else can change it, or whose it is. */
export const lockInstallationClient = (connection: Connection, id: string): Promise<OrganizationClient | undefined> =>
  findOwn(connection, id, sql.fragment`FOR UPDATE OF client`)

const findOwn = async (
  connection: Connection,
  id: string,
  locking: SqlFragment,
): Promise<OrganizationClient | undefined> => {
  const row = await connection.maybeOne<OrganizationClientRow>(
    sql.fragment`${organizationClientRows} AND client.organization IS NULL AND client.id = ${id} ${locking}`,
  )
  return row && toOrganizationClient(row)
}
