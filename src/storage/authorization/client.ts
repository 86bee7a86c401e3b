import type { ClientPolicy } from '../../access/caller.ts'
import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** The client of this server's own command line, whose tokens may record consents. */
export const commandLineClient = 'cli'

export type Client = {
  readonly id: string
  readonly name: string
  /** Id of the Organization; a backend client reads the data of its studies. */
  readonly organization?: string
  readonly policies: readonly Exclude<ClientPolicy, 'everything'>[]
}

/** Makes the client, or changes it to this. The policy `everything` belongs to single tokens, never to a client. */
export const registerClient = async (connection: Connection, client: Client): Promise<void> => {
  const { id, name, organization, policies } = client
  await connection.run(sql.fragment`
    INSERT INTO client (id, name, organization, policies)
    VALUES (${id}, ${name}, ${organization ?? null}, ${sql.array([...policies], 'text')})
    ON CONFLICT (id) DO UPDATE
    SET name = excluded.name, organization = excluded.organization, policies = excluded.policies`)
}

/** Id of the Organization that the client works for. */
export const organizationOf = async (connection: Connection, id: string): Promise<string | undefined> => {
  const client = await connection.maybeOne<{ organization: string | null }>(
    sql.fragment`SELECT organization FROM client WHERE id = ${id}`,
  )
  return client?.organization ?? undefined
}

export const isClient = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM client WHERE id = ${id}`)) !== undefined
