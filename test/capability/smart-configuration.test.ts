import t from 'tap'
import { fhirServer } from '../support/fhir-server.ts'

const server = await fhirServer()
t.teardown(() => server.close())
const base = 'http://localhost:8080'
const asked = (url: string, headers = {}) => server.inject({ url, headers })
const smart = (await asked('/fhir/.well-known/smart-configuration')).json()

/** https://hl7.org/fhir/smart-app-launch/conformance.html#metadata */
t.test('smart-configuration has everything that SMART requires, and nothing else', async t => {
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

t.test('it is JSON whatever is accepted, and readable by pages of any origin', async t => {
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

t.test('the OpenID configuration says the same', async t => {
  const openid = (await asked('/oauth/.well-known/openid-configuration')).json()
  const shared = Object.keys(openid).filter(one => one in smart && !/^(scopes|token_endpoint_auth_methods)_/.test(one))
  t.ok(shared.length >= 10, shared.join())
  for (const name of shared) t.strictSame(openid[name], smart[name], name)
  t.match(openid, {
    issuer: smart.issuer,
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  })
})

t.test('the metadata says how clients authenticate at each endpoint', async t => {
  const methods = ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt']
  const algorithms = ['RS384', 'ES384']
  for (const path of ['/oauth/.well-known/openid-configuration', '/.well-known/oauth-authorization-server/oauth'])
    t.match(
      (await asked(path)).json(),
      {
        token_endpoint_auth_methods_supported: methods,
        token_endpoint_auth_signing_alg_values_supported: algorithms,
        revocation_endpoint_auth_methods_supported: methods,
        revocation_endpoint_auth_signing_alg_values_supported: algorithms,
        introspection_endpoint_auth_methods_supported: [...methods, 'Bearer'],
        introspection_endpoint_auth_signing_alg_values_supported: algorithms,
      },
      path,
    )
})

t.test('each address in it does what its name says', async t => {
  const ask = async (name: string, payload?: object | string, query = '') => {
    const type = typeof payload === 'string' ? 'application/x-www-form-urlencoded' : 'application/json'
    const { statusCode, headers, body } = await server.inject({
      method: payload === undefined ? 'GET' : 'POST',
      url: smart[name].slice(base.length) + query,
      ...(payload === undefined ? {} : { payload, headers: { 'content-type': type } }),
    })
    return `${statusCode} ${headers.location ?? body}`
  }
  const redirect_uri = 'https://app.example.org/back'
  const app = { client_name: 'App', redirect_uris: [redirect_uri], token_endpoint_auth_method: 'client_secret_post' }
  const registered = await ask('registration_endpoint', app)
  const { client_id, client_secret } = JSON.parse(registered.slice(4))
  const form = (more: Record<string, string>) => new URLSearchParams({ client_id, client_secret, ...more }).toString()
  const challenge = { code_challenge: 'x'.repeat(43), code_challenge_method: 'S256', aud: `${base}/fhir`, state: 's' }
  const begun = new URLSearchParams({
    ...{ client_id, redirect_uri, response_type: 'code', scope: 'patient/Patient.rs' },
    ...challenge,
  })
  const code = form({ grant_type: 'authorization_code', code: 'x', redirect_uri, code_verifier: 'x'.repeat(43) })
  const answers = {
    registration_endpoint: [registered, /^201 /],
    jwks_uri: [await ask('jwks_uri'), /^200 \{"keys":\[\{/],
    authorization_endpoint: [
      await ask('authorization_endpoint', undefined, `?${begun}`),
      /^303 .*\/sign-in|^303 .*\/authorize\//,
    ],
    token_endpoint: [await ask('token_endpoint', code), /^400 \{"error":"invalid_grant"/],
    introspection_endpoint: [await ask('introspection_endpoint', form({ token: 'x' })), /^200 \{"active":false\}/],
    revocation_endpoint: [await ask('revocation_endpoint', form({ token: 'x' })), /^200 $/],
    management_endpoint: [await ask('management_endpoint'), /^303 \/sign-in\?continue=%2Faccount%2Fapps/],
  } as const
  t.same(
    Object.keys(answers).sort(),
    Object.keys(smart)
      .filter(name => /_(endpoint|uri)$/.test(name))
      .sort(),
  )
  for (const [name, [answer, expected]] of Object.entries(answers)) t.match(answer, expected, name)
})
