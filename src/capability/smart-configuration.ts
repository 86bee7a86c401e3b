/**
 * https://hl7.org/fhir/smart-app-launch/conformance.html#using-well-known
 *
 * What the authorization server at this address can do. Everything that the smart-configuration names is served.
 */
export const toSmartConfiguration = ({ address, isRegistrationOpen }: SmartServed) => ({
  issuer: `${address}/oauth`,
  jwks_uri: `${address}/oauth/jwks.json`,
  authorization_endpoint: `${address}/oauth/authorize`,
  token_endpoint: `${address}/oauth/token`,
  introspection_endpoint: `${address}/oauth/token/introspection`,
  revocation_endpoint: `${address}/oauth/token/revocation`,
  management_endpoint: `${address}/account/apps`,
  ...(isRegistrationOpen ? { registration_endpoint: `${address}/oauth/register` } : {}),
  grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
  response_types_supported: ['code'],
  code_challenge_methods_supported: ['S256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
  token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
  scopes_supported: [
    ...['openid', 'fhirUser', 'launch', 'launch/patient', 'offline_access', 'online_access'],
    ...(['patient', 'user', 'system'] as const).flatMap(context =>
      ['cruds', 'rs', 'read', 'write', '*'].map(letters => `${context}/*.${letters}`),
    ),
  ],
  capabilities: [
    'launch-ehr',
    'launch-standalone',
    'authorize-post',
    'client-public',
    'client-confidential-symmetric',
    'client-confidential-asymmetric',
    'sso-openid-connect',
    'context-banner',
    'context-style',
    'context-ehr-patient',
    'context-standalone-patient',
    'permission-offline',
    'permission-online',
    'permission-patient',
    'permission-user',
    'permission-v1',
    'permission-v2',
  ],
})

export type SmartServed = {
  /** Where others reach the server, without a slash at the end. */
  readonly address: string
  readonly isRegistrationOpen: boolean
}
