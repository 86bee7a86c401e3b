import t from 'tap'
import { discoverEhr } from '../../../src/auth/ehr/metadata.ts'

const issuer = 'https://ehr.example.org/fhir'
const said = {
  authorization_endpoint: 'https://login.example.org/authorize',
  token_endpoint: 'https://login.example.org/token',
  jwks_uri: 'https://login.example.org/keys',
  code_challenge_methods_supported: ['S256'],
}
const discovered = (otherwise: object, { of = issuer, status = 200, body = '' } = {}) =>
  discoverEhr(
    {
      send: async () => ({ status, body: body || JSON.stringify({ ...said, ...otherwise }), header: () => undefined }),
    },
    of,
  )

t.test('of an EHR’s metadata only what a launch needs is kept, and its own issuer if it has one', async t => {
  const { code_challenge_methods_supported: _, ...endpoints } = said
  t.strictSame(await discovered({ scopes_supported: ['openid'], authorization_response_iss_parameter_supported: 1 }), {
    kind: 'found',
    metadata: { ...endpoints, issuer },
  })
  const more = {
    issuer: 'https://login.example.org',
    token_endpoint_auth_methods_supported: ['client_secret_post'],
    token_endpoint_auth_signing_alg_values_supported: ['ES384'],
    authorization_response_iss_parameter_supported: true,
  }
  t.strictSame(await discovered(more), { kind: 'found', metadata: { ...endpoints, ...more } })
  t.strictSame(await discovered({ token_endpoint_auth_methods_supported: ['none', 7] }), {
    kind: 'found',
    metadata: { ...endpoints, issuer, token_endpoint_auth_methods_supported: ['none'] },
  })
})

t.test('no browser is sent to an EHR with unfit metadata, or without TLS by one that has TLS', async t => {
  const unfit: readonly (readonly [otherwise: object, reason: RegExp])[] = [
    [{ code_challenge_methods_supported: ['plain'] }, /PKCE/],
    [{ code_challenge_methods_supported: 'S256' }, /PKCE/],
    ...['authorization_endpoint', 'token_endpoint', 'jwks_uri'].flatMap(name =>
      ['javascript:alert(1)', 'xhttp://a/', 'httpx://a/', '/here', 7, undefined].map(
        value => [{ [name]: value }, new RegExp(`its ${name} is no http or https URL`)] as const,
      ),
    ),
    [{ authorization_endpoint: 'http://login.example.org/authorize' }, /its authorization_endpoint is without TLS/],
    [{ issuer: 7 }, /its issuer is no text/],
  ]
  for (const [otherwise, reason] of unfit)
    t.match(
      await discovered(otherwise),
      { kind: 'refused', refusal: 'unfit', issuer, reason },
      JSON.stringify(otherwise),
    )
  const plain = { authorization_endpoint: 'http://127.0.0.1/authorize' }
  t.match(await discovered(plain, { of: 'http://127.0.0.1/fhir' }), { kind: 'found', metadata: plain })
})

t.test('an EHR that does not answer is told apart from an unfit one, and its answer is not quoted', async t => {
  const unreachable = { kind: 'refused', refusal: 'unreachable', issuer }
  t.match(await discovered({}, { status: 404 }), { ...unreachable, reason: /answered 404/ })
  t.match(await discovered({}, { body: 'secret' }), {
    ...unreachable,
    reason: /^its smart-configuration: it is no JSON$/,
  })
})
