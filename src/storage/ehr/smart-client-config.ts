import type { Connection } from '../database.ts'
import { sql } from '../sql.ts'

/** An EHR that launches us, and how we are registered there. https://hl7.org/fhir/smart-app-launch/app-launch.html#register-app-with-ehr */
export type SmartClientConfig = {
  /** FHIR base of the EHR, without a slash at the end. */
  readonly issuer: string
  /** Id of the Organization that it is for, and for all below it. */
  readonly organization: string
  readonly clientId: string
  readonly authentication: 'none' | 'secret' | 'private_key_jwt'
  /** Sealed. */
  readonly secret?: string
  readonly scope: string
  /** Whether an id_token without the nonce that we sent is refused. Where it is not required we send none. */
  readonly requiresNonce: boolean
  readonly enabled: boolean
  /** Whose pages may show ours in a frame; of none, launches go on in a tab of their own. */
  readonly frameOrigins: readonly string[]
}

/** Makes it, or changes it to this. */
export const keepSmartClientConfig = async (connection: Connection, config: SmartClientConfig): Promise<void> => {
  const { issuer, organization, clientId, authentication, secret, scope, requiresNonce, enabled, frameOrigins } = config
  await connection.run(sql.fragment`
    INSERT INTO smart_client_config
      (issuer, organization, client_id, authentication, secret, scope, requires_nonce, enabled, frame_origins)
    VALUES (${issuer}, ${organization}, ${clientId}, ${authentication}, ${secret ?? null}, ${scope}, ${requiresNonce},
      ${enabled}, ${sql.array([...frameOrigins], 'text')})
    ON CONFLICT (issuer) DO UPDATE SET organization = excluded.organization, client_id = excluded.client_id,
      authentication = excluded.authentication, secret = excluded.secret, scope = excluded.scope,
      requires_nonce = excluded.requires_nonce, enabled = excluded.enabled,
      frame_origins = excluded.frame_origins, changed_at = now()`)
}

export const findSmartClientConfig = async (
  connection: Connection,
  issuer: string,
): Promise<SmartClientConfig | undefined> => {
  const row = await connection.maybeOne<Row>(
    sql.fragment`SELECT ${columns} FROM smart_client_config WHERE issuer = ${issuer}`,
  )
  return row && toConfig(row)
}

export const listSmartClientConfigs = async (connection: Connection): Promise<readonly SmartClientConfig[]> =>
  (await connection.any<Row>(sql.fragment`SELECT ${columns} FROM smart_client_config ORDER BY issuer`)).map(toConfig)

/** False where there is none. Launches under way end with it. */
export const removeSmartClientConfig = async (connection: Connection, issuer: string): Promise<boolean> =>
  (await connection.run(sql.fragment`DELETE FROM smart_client_config WHERE issuer = ${issuer}`)) > 0

export const isOrganization = async (connection: Connection, id: string): Promise<boolean> =>
  (await connection.maybeOne(sql.fragment`SELECT FROM organization_node WHERE id = ${id}`)) !== undefined

const columns = sql.fragment`issuer, organization, client_id AS "clientId", authentication, secret, scope,
  requires_nonce AS "requiresNonce", enabled, frame_origins AS "frameOrigins"`

type Row = Omit<SmartClientConfig, 'secret'> & { readonly secret: string | null }

const toConfig = ({ secret, ...row }: Row): SmartClientConfig => ({ ...row, ...(secret === null ? {} : { secret }) })
