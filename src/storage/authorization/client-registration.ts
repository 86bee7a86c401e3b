import type { ClientPolicy } from '../../access/caller.ts'
import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'
import { isOutsider } from './outsider.ts'

/** A client of the authorization server, and what it may have. */
export type RegisteredClient = {
  readonly id: string
  readonly name: string
  /** Id of the Organization that it belongs to; absent for a public client. */
  readonly organization?: string
  readonly policies: readonly ClientPolicy[]
  /** The most `user/` and `system/` scopes that it can have; `patient/` scopes are granted by patients. */
  readonly scope: string
  /** Then nobody has approved it. */
  readonly selfRegistered: boolean
  readonly registeredAt: Date
  /** https://www.rfc-editor.org/rfc/rfc7591#section-2, without the secret. */
  readonly metadata: ClientMetadata
  /** SHA-256. */
  readonly secretHash?: Buffer
}

/** A client that belongs to an organization, as the organization sees it. */
export type OrganizationClient = RegisteredClient & {
  /** When it last got an access token, to the minute. */
  readonly tokenAt?: Date
  /** Who has disabled it. */
  readonly disabledBy?: Disabler
}

export type ClientMetadata = {
  readonly redirect_uris: readonly string[]
  readonly grant_types: readonly string[]
  readonly response_types: readonly string[]
  readonly token_endpoint_auth_method: string
  readonly application_type?: string
  readonly jwks?: { readonly keys: readonly Readonly<Record<string, unknown>>[] }
  readonly jwks_uri?: string
  /** Where the app opens an invitation: `CODE` stands for this host and the invitation's token. */
  readonly invitation_url?: string
  /** Where the app is opened from our pages. */
  readonly launch_uris?: readonly string[]
  readonly client_uri?: string
  readonly logo_uri?: string
  readonly policy_uri?: string
  readonly tos_uri?: string
  readonly contacts?: readonly string[]
  /** The scopes that a client which registered itself said it would ask for. They give it no right. */
  readonly smart_scope?: string
}

export type NewClient = Omit<RegisteredClient, 'registeredAt' | 'secretHash'> & {
  readonly secretHash?: Buffer | undefined
}

/** Makes the client, or changes it to this. If none is given, it keeps its secret as long as it authenticates by one. */
export const keepClient = async (connection: Connection, client: NewClient): Promise<void> => {
  const { id, name, organization, policies, scope, selfRegistered, metadata, secretHash } = client
  await connection.run(sql.fragment`
    INSERT INTO client AS known (id, name, organization, policies, scope, self_registered, registration, secret_hash)
    VALUES (${id}, ${name}, ${organization ?? null}, ${sql.array([...policies], 'text')}, ${scope}, ${selfRegistered},
      ${JSON.stringify(metadata)}::jsonb, ${secretHash === undefined ? null : sql.binary(secretHash)})
    ON CONFLICT (id) DO UPDATE SET
      name = excluded.name, organization = excluded.organization, policies = excluded.policies, scope = excluded.scope,
      self_registered = excluded.self_registered, registration = excluded.registration,
      secret_hash = CASE WHEN starts_with(excluded.registration ->> 'token_endpoint_auth_method', 'client_secret')
        THEN coalesce(excluded.secret_hash, known.secret_hash) END`)
}

/** Until the transaction ends, nobody else who takes this turn registers a client with the id. */
export const lockNewClient = (connection: Connection, id: string): Promise<number> =>
  connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('client'), hashtext(${id}))`)

/** Undefined also if it is disabled, or is only a name that the command line uses. */
export const findClient = async (connection: Connection, id: string): Promise<RegisteredClient | undefined> => {
  const row = await connection.maybeOne<ClientRow>(sql.fragment`${clientRows} AND client.id = ${id}`)
  return row && toClient(row)
}

/** The same; until the transaction ends, nobody else reads it to change it. */
export const lockClient = async (connection: Connection, id: string): Promise<RegisteredClient | undefined> => {
  const row = await connection.maybeOne<ClientRow>(
    sql.fragment`${clientRows} AND client.id = ${id} FOR UPDATE OF client`,
  )
  return row && toClient(row)
}

/** The same; until the transaction ends, nobody changes or disables it. */
export const holdClient = async (connection: Connection, id: string): Promise<RegisteredClient | undefined> => {
  const row = await connection.maybeOne<ClientRow>(
    sql.fragment`${clientRows} AND client.id = ${id} FOR SHARE OF client`,
  )
  return row && toClient(row)
}

/** Sorted by name. */
export const listClients = async (connection: Connection): Promise<readonly RegisteredClient[]> =>
  (await connection.any<ClientRow>(sql.fragment`${clientRows} ORDER BY name, id`)).map(toClient)

/** Those of the organization itself, sorted by name, with those that are disabled. */
export const listClientsOf = async (
  connection: Connection,
  organization: string,
): Promise<readonly OrganizationClient[]> =>
  (
    await connection.any<OrganizationClientRow>(
      sql.fragment`${organizationClientRows} AND client.organization = ${organization} ORDER BY name, id`,
    )
  ).map(toOrganizationClient)

/** Undefined if the organization itself has no client with the id. */
export const findClientOf = (
  connection: Connection,
  organization: string,
  id: string,
): Promise<OrganizationClient | undefined> => findOf(connection, organization, id, sql.fragment``)

/** The same; until the transaction ends, nobody else can change it, or whose it is. */
export const lockClientOf = (
  connection: Connection,
  organization: string,
  id: string,
): Promise<OrganizationClient | undefined> => findOf(connection, organization, id, sql.fragment`FOR UPDATE OF client`)

const findOf = async (
  connection: Connection,
  organization: string,
  id: string,
  locking: SqlFragment,
): Promise<OrganizationClient | undefined> => {
  const row = await connection.maybeOne<OrganizationClientRow>(
    sql.fragment`${organizationClientRows} AND client.organization = ${organization} AND client.id = ${id} ${locking}`,
  )
  return row && toOrganizationClient(row)
}

/**
 * Clients that can be opened from our pages: approved ones that are public, or belong to an Organization where, or below which, the Person is a
 * member.
 */
export const listClientsToLaunch = async (
  connection: Connection,
  person: string,
): Promise<readonly RegisteredClient[]> =>
  (
    await connection.any<ClientRow>(sql.fragment`
      ${clientRows} AND NOT client.self_registered AND jsonb_array_length(client.registration -> 'launch_uris') > 0
        AND NOT ${isOutsider(sql.fragment`(SELECT practitioner FROM person_practitioner WHERE person = ${person})`)}
      ORDER BY name, id`)
  ).map(toClient)

type Disabler = 'organization' | 'operator'

/**
 * Answers its name; undefined if there is none to disable. The caller ends its tokens and grants. If the operator has disabled it, no organization
 * can enable it.
 */
export const disableClient = (connection: Connection, id: string, by: Disabler): Promise<string | undefined> =>
  switched(
    sql.fragment`
    UPDATE client SET disabled_at = now(), disabled_by_operator = ${by === 'operator'}
    WHERE id = ${id} AND registration IS NOT NULL
      AND (disabled_at IS NULL OR (${by === 'operator'} AND NOT disabled_by_operator))
    RETURNING name`,
    connection,
  )

/** The same, for a client that is disabled. */
export const enableClient = (connection: Connection, id: string, by: Disabler): Promise<string | undefined> =>
  switched(
    sql.fragment`
    UPDATE client SET disabled_at = NULL, disabled_by_operator = FALSE
    WHERE id = ${id} AND disabled_at IS NOT NULL AND (${by === 'operator'} OR NOT disabled_by_operator)
    RETURNING name`,
    connection,
  )

const switched = async (query: SqlFragment, connection: Connection): Promise<string | undefined> =>
  (await connection.maybeOne<{ readonly name: string }>(query))?.name

const columns = sql.fragment`client.id, client.name, client.organization, client.policies, client.scope,
  client.self_registered, client.registered_at, client.registration, client.secret_hash`

const clientRows = sql.fragment`
  SELECT ${columns} FROM client WHERE client.registration IS NOT NULL AND client.disabled_at IS NULL`

export const organizationClientRows = sql.fragment`
  SELECT ${columns}, client.token_at, client.disabled_at, client.disabled_by_operator
  FROM client WHERE client.registration IS NOT NULL`

type ClientRow = {
  readonly id: string
  readonly name: string
  readonly organization: string | null
  readonly policies: readonly ClientPolicy[]
  readonly scope: string
  readonly self_registered: boolean
  readonly registered_at: Date
  readonly registration: ClientMetadata
  readonly secret_hash: Buffer | null
}

const toClient = (row: ClientRow): RegisteredClient => ({
  id: row.id,
  name: row.name,
  ...(row.organization === null ? {} : { organization: row.organization }),
  policies: row.policies,
  scope: row.scope,
  selfRegistered: row.self_registered,
  registeredAt: row.registered_at,
  metadata: row.registration,
  ...(row.secret_hash === null ? {} : { secretHash: row.secret_hash }),
})

export type OrganizationClientRow = ClientRow & {
  readonly token_at: Date | null
  readonly disabled_at: Date | null
  readonly disabled_by_operator: boolean
}

export const toOrganizationClient = (row: OrganizationClientRow): OrganizationClient => ({
  ...toClient(row),
  ...(row.token_at === null ? {} : { tokenAt: row.token_at }),
  ...(row.disabled_at === null ? {} : { disabledBy: row.disabled_by_operator ? 'operator' : 'organization' }),
})
