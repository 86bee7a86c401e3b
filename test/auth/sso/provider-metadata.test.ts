import t from 'tap'
import { discoverProvider } from '../../../src/auth/sso/provider-metadata.ts'

const issuer = 'https://idp.example.org/realms/staff'
const said = {
  issuer,
  authorization_endpoint: `${issuer}/authorize`,
  token_endpoint: `${issuer}/token`,
  jwks_uri: `${issuer}/keys`,
  userinfo_endpoint: `${issuer}/userinfo`,
}
const asked: string[] = []
const discovered = (otherwise: object, { of = issuer, status = 200 } = {}) =>
  discoverProvider(
    {
      send: async ({ url }) => {
        asked.push(url)
        return { status, body: JSON.stringify({ ...said, issuer: of, ...otherwise }), header: () => undefined }
      },
    },
    of,
  )

t.test('the provider’s description below the issuer says where to send requests', async t => {
  const { issuer: _, ...endpoints } = said
  t.strictSame(await discovered({}), { ...endpoints, secretIn: 'header', namesIssuer: false })
  t.strictSame(await discovered({}, { of: `${issuer}/` }), { ...endpoints, secretIn: 'header', namesIssuer: false })
  t.strictSame(asked, Array(2).fill(`${issuer}/.well-known/openid-configuration`))
})

t.test('nothing is sent without TLS by a provider that has TLS, and never to a script', async t => {
  for (const name of ['authorization_endpoint', 'token_endpoint', 'jwks_uri'])
    for (const value of [said.token_endpoint.replace('https', 'http'), 'javascript:alert(1)', '/token', undefined])
      await t.rejects(discovered({ [name]: value }), { message: `its ${name} is no https URL` }, `${value}`)
  for (const value of [said.userinfo_endpoint.replace('https', 'http'), 'file:///etc/passwd'])
    t.notOk('userinfo_endpoint' in (await discovered({ userinfo_endpoint: value })), value)
  const plain = 'http://127.0.0.1/realms'
  t.match(await discovered({ token_endpoint: `${plain}/token` }, { of: plain }), { token_endpoint: `${plain}/token` })
  await t.rejects(discovered({ authorization_endpoint: 'javascript:alert(1)' }, { of: plain }), { message: /no https/ })
})

t.test('a provider that is another one, does not answer, or only supports plain PKCE is not used', async t => {
  await t.rejects(discovered({ issuer: `${issuer}/` }), { message: /another than OIDC_ISSUER/ })
  await t.rejects(discovered({}, { status: 404 }), { message: /answered 404/ })
  await t.rejects(discovered({ code_challenge_methods_supported: ['plain'] }), { message: /PKCE/ })
  await discovered({ code_challenge_methods_supported: ['plain', 'S256'] })
})

t.test('the secret is sent where the provider accepts it: in the header if it does not say', async t => {
  const secretIn = async (...methods: readonly string[]) =>
    (await discovered({ token_endpoint_auth_methods_supported: methods })).secretIn
  t.equal(await secretIn('client_secret_post'), 'form')
  t.equal(await secretIn('client_secret_post', 'client_secret_basic'), 'either')
  t.equal(await secretIn('private_key_jwt'), 'header')
})

t.test('a provider that promises to name the issuer in each answer is held to it', async t => {
  t.ok((await discovered({ authorization_response_iss_parameter_supported: true })).namesIssuer)
  t.notOk((await discovered({ authorization_response_iss_parameter_supported: 'yes' })).namesIssuer)
})
