import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const base = 'http://localhost:8080'
const asked = (url: string, headers = {}) => server.inject({ url, headers })
const smart = (await asked('/fhir/.well-known/smart-configuration')).json()

/** https://hl7.org/fhir/smart-app-launch/conformance.html#metadata */
t.test('what apps find the server by has all that SMART wants, and nothing else', async t => {
  t.strictSame(smart, {
    issuer: `${base}/oauth`,
    jwks_uri: `${base}/oauth/jwks.json`,
    authorization_endpoint: `${base}/oauth/authorize`,
    token_endpoint: `${base}/oauth/token`,
    introspection_endpoint: `${base}/oauth/token/introspection`,
    revocation_endpoint: `${base}/oauth/token/revocation`,
    management_endpoint: `${base}/account/apps`,
    registration_endpoint: `${base}/oauth/register`,
    grant_types_supported: ['authorization_code', 'refresh_token', 'client_credentials'],
    response_types_supported: ['code'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    token_endpoint_auth_signing_alg_values_supported: ['RS384', 'ES384'],
    scopes_supported: [
      ...['openid', 'fhirUser', 'launch', 'launch/patient', 'offline_access', 'online_access'],
      ...['patient', 'user', 'system'].flatMap(context =>
        ['cruds', 'rs', 'read', 'write', '*'].map(letters => `${context}/*.${letters}`),
      ),
    ],
    capabilities: [
      ...['launch-ehr', 'launch-standalone', 'authorize-post'],
      ...['client-public', 'client-confidential-symmetric', 'client-confidential-asymmetric', 'sso-openid-connect'],
      ...['context-banner', 'context-style', 'context-ehr-patient', 'context-standalone-patient'],
      ...['permission-offline', 'permission-online', 'permission-patient', 'permission-user'],
      ...['permission-v1', 'permission-v2'],
    ],
  })
})

t.test('it is JSON whatever is accepted, for pages of any origin', async t => {
  for (const accept of ['application/fhir+xml', 'text/html', '*/*']) {
    const { statusCode, headers } = await asked('/fhir/.well-known/smart-configuration', {
      accept,
      origin: 'https://x.example',
    })
    t.match(
      { statusCode, headers },
      {
        statusCode: 200,
        headers: { 'content-type': /^application\/json/, 'access-control-allow-origin': '*' },
      },
      accept,
    )
  }
})

t.test('OpenID Connect is told the same', async t => {
  const openid = (await asked('/oauth/.well-known/openid-configuration')).json()
  for (const name of Object.keys(openid).filter(
    one => one in smart && !/^(scopes|token_endpoint_auth_methods)_/.test(one),
  ))
    t.strictSame(openid[name], smart[name], name)
  t.match(openid, {
    issuer: smart.issuer,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  })
})

t.test('each address in it answers', async t => {
  for (const [name, url] of Object.entries<string>(smart).filter(([name]) => /_(endpoint|uri)$/.test(name))) {
    const path = url.slice(base.length)
    const isPosted = /token|introspection|revocation|registration/.test(name)
    const { statusCode } = await server.inject({ method: isPosted ? 'POST' : 'GET', url: path })
    t.ok([200, 303, 400, 401].includes(statusCode), `${name}: ${statusCode}`)
  }
})
