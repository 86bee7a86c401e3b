import type { Connection } from '../database.ts'
import { type SqlFragment, sql } from '../sql.ts'

/** An EHR that launches us, and how we are registered there. https://hl7.org/fhir/smart-app-launch/app-launch.html#register-app-with-ehr */
export type SmartClientConfig = {
  /** A part of the addresses that the EHR is given. */
  readonly id: string
  /** FHIR base of the EHR, without a slash at the end. */
  readonly issuer: string
  /** Id of the Organization for which it is, and for all below that. */
  readonly organization: string
  readonly clientId: string
  readonly authentication: 'none' | 'secret' | 'private_key_jwt'
  /** Sealed. */
  readonly secret?: string
  readonly scope: string
  /** Whether an id_token without the nonce that we sent is refused. If not, we send none. */
  readonly requiresNonce: boolean
  readonly enabled: boolean
  /** The origins whose pages may show ours in a frame. If there are none, launches continue in a tab of their own. */
  readonly frameOrigins: readonly string[]
}

type Kept = Omit<SmartClientConfig, 'id'>

/** Answers its id; undefined if the organization already has this EHR. */
export const addSmartClientConfig = async (connection: Connection, config: Kept): Promise<string | undefined> =>
  (
    await connection.maybeOne<{ readonly id: string }>(
      sql.fragment`${insert(config)} ON CONFLICT (issuer, organization) DO NOTHING RETURNING id`,
    )
  )?.id

/** Makes the configuration, or changes it to this. Answers its id. */
export const keepSmartClientConfig = async (connection: Connection, config: Kept): Promise<string> =>
  (
    await connection.one<{ readonly id: string }>(sql.fragment`
      ${insert(config)}
      ON CONFLICT (issuer, organization) DO UPDATE SET client_id = excluded.client_id,
        authentication = excluded.authentication, secret = excluded.secret, scope = excluded.scope,
        requires_nonce = excluded.requires_nonce, enabled = excluded.enabled,
        frame_origins = excluded.frame_origins, changed_at = now()
      RETURNING id`)
  ).id

const insert = (config: Kept): SqlFragment => {
  const { issuer, organization, clientId, authentication, secret, scope, requiresNonce, enabled, frameOrigins } = config
  return sql.fragment`
    INSERT INTO smart_client_config
      (issuer, organization, client_id, authentication, secret, scope, requires_nonce, enabled, frame_origins)
    VALUES (${issuer}, ${organization}, ${clientId}, ${authentication}, ${secret ?? null}, ${scope}, ${requiresNonce},
      ${enabled}, ${sql.array([...frameOrigins], 'text')})`
}

export const findSmartClientConfig = (connection: Connection, id: string): Promise<SmartClientConfig | undefined> =>
  findOne(connection, sql.fragment`id = ${id}`)

/** Undefined if it is not one of the organization's own. */
export const findSmartClientConfigOf = (
  connection: Connection,
  organization: string,
  id: string,
): Promise<SmartClientConfig | undefined> =>
  findOne(connection, sql.fragment`organization = ${organization} AND id = ${id}`)

/** The same. Nobody else can change it until the transaction ends. */
export const lockSmartClientConfigOf = (
  connection: Connection,
  organization: string,
  id: string,
): Promise<SmartClientConfig | undefined> =>
  findOne(connection, sql.fragment`organization = ${organization} AND id = ${id} FOR UPDATE`)

/** Those of all organizations that are set up at the EHR, oldest first. */
export const listSmartClientConfigsAt = (
  connection: Connection,
  issuer: string,
): Promise<readonly SmartClientConfig[]> =>
  list(connection, sql.fragment`WHERE issuer = ${issuer} ORDER BY made_at, id`)

export const listSmartClientConfigs = (connection: Connection): Promise<readonly SmartClientConfig[]> =>
  list(connection, sql.fragment`ORDER BY issuer, made_at, id`)

export const listSmartClientConfigsOf = (
  connection: Connection,
  organization: string,
): Promise<readonly SmartClientConfig[]> =>
  list(connection, sql.fragment`WHERE organization = ${organization} ORDER BY issuer`)

/** The EHRs that an organization uses because one above it is set up there, with the name of that organization. */
export const listInheritedEhrs = (
  connection: Connection,
  organization: string,
): Promise<readonly { readonly issuer: string; readonly name: string }[]> =>
  connection.any(sql.fragment`
    SELECT config.issuer, coalesce(above.content ->> 'name', above.id) AS name
    FROM organization_ancestor AS tree
    JOIN smart_client_config AS config ON config.organization = tree.ancestor
    JOIN organization AS above ON above.id = tree.ancestor
    WHERE tree.organization = ${organization} AND tree.ancestor <> ${organization} AND config.enabled
    ORDER BY config.issuer, name`)

/** False if there is none. Launches under way, and sessions in its frames, end with it. */
export const removeSmartClientConfig = async (connection: Connection, id: string): Promise<boolean> => {
  await connection.run(sql.fragment`DELETE FROM user_session WHERE frame = ${id}`)
  return (await connection.run(sql.fragment`DELETE FROM smart_client_config WHERE id = ${id}`)) > 0
}

/** Whether it is still there. Whoever removes it waits until the transaction ends, and then sees what was done in it. */
export const holdSmartClientConfig = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM smart_client_config WHERE id = ${id} FOR KEY SHARE`)) !==
  undefined

const columns = sql.fragment`id, issuer, organization, client_id AS "clientId", authentication, secret, scope,
  requires_nonce AS "requiresNonce", enabled, frame_origins AS "frameOrigins"`

const findOne = async (connection: Connection, where: SqlFragment): Promise<SmartClientConfig | undefined> => {
  const row = await connection.maybeOne<Row>(sql.fragment`SELECT ${columns} FROM smart_client_config WHERE ${where}`)
  return row && toConfig(row)
}

const list = async (connection: Connection, which: SqlFragment): Promise<readonly SmartClientConfig[]> =>
  (await connection.any<Row>(sql.fragment`SELECT ${columns} FROM smart_client_config ${which}`)).map(toConfig)

type Row = Omit<SmartClientConfig, 'secret'> & { readonly secret: string | null }

const toConfig = ({ secret, ...row }: Row): SmartClientConfig => ({ ...row, ...(secret === null ? {} : { secret }) })
