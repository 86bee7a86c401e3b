import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import t from 'tap'
import { assertionType } from '../backend.ts'
import { type Asked, authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, client } = world
t.teardown(() => server.close())

const app = await client({})
const { challenge } = pkce()
const form = await client({ metadata: { token_endpoint_auth_method: 'client_secret_basic' } })
const keyed = await client({
  metadata: {
    grant_types: ['client_credentials'],
    token_endpoint_auth_method: 'private_key_jwt',
    jwks_uri: 'https://a.example',
  },
})

const notRegistered = 'no client of this id is registered here, or it is disabled'
const grantTypes = 'authorization_code, refresh_token or client_credentials'

t.test('an authorization request that is refused is answered with what would be accepted', async t => {
  const table: readonly (readonly [asked: Asked, error: string, accepted: string])[] = [
    [
      { code_challenge: undefined, code_challenge_method: undefined },
      'invalid_request',
      'code_challenge is missing: every client uses PKCE, with code_challenge_method=S256 and the base64url of the SHA-256 of its code_verifier',
    ],
    [{ code_challenge_method: 'plain' }, 'invalid_request', 'code_challenge_method must be S256'],
    [{ code_challenge_method: undefined }, 'invalid_request', 'code_challenge_method is missing: it must be S256'],
    [{ response_type: undefined }, 'invalid_request', 'response_type is missing: it must be code'],
    [{ response_type: 'token' }, 'unsupported_response_type', 'response_type must be code'],
    [{ response_mode: 'shout' }, 'unsupported_response_mode', 'response_mode must be query, fragment or form_post'],
    [{ prompt: 'maybe' }, 'invalid_request', 'prompt must be login, consent or none'],
    [
      { request: 'a.b.c' },
      'request_not_supported',
      'request is not supported: send what is asked for as parameters of their own',
    ],
    [{ scope: 'openid', max_age: 'old' }, 'invalid_request', 'max_age must be a whole number of seconds'],
  ]
  for (const [asked, error, accepted] of table) {
    const { location } = await world.browser().begin(authorizeQuery(app.id, 'patient/*.rs', challenge, asked))
    const { search, hash } = new URL(location)
    const { error: code, error_description } = Object.fromEntries(new URLSearchParams(search || hash.slice(1)))
    t.same([code, error_description], [error, accepted], JSON.stringify(asked))
  }
  const forms: readonly (readonly [asked: Asked, accepted: string])[] = [
    [{ response_type: undefined }, 'response_type is missing: it must be code'],
    [{ request: 'a.b.c' }, 'request is not supported: send what is asked for as parameters of their own'],
  ]
  for (const [asked, accepted] of forms) {
    const posted = { ...asked, response_mode: 'form_post' }
    const { body } = await world.browser().begin(authorizeQuery(app.id, 'patient/*.rs', challenge, posted))
    t.match(body, `name="error_description" value="${accepted}"/>`, 'in a form')
  }
})

t.test('the page for a request that goes nowhere says what would be accepted', async t => {
  const table: readonly (readonly [asked: Asked, accepted: string])[] = [
    [{ client_id: 'nobody' }, notRegistered],
    [{ redirect_uri: `${redirectUri}/` }, 'redirect_uri must be, letter by letter, one that the client has registered'],
    [{ redirect_uri: undefined }, 'redirect_uri is missing: it must be one that the client has registered'],
  ]
  for (const [asked, accepted] of table)
    t.match((await world.browser().begin(authorizeQuery(app.id, 'openid', challenge, asked))).body, accepted, accepted)
})

t.test('a token request that is refused is answered with what would be accepted', async t => {
  const refresh = { grant_type: 'refresh_token', refresh_token: 'x' }
  const secret = 'this client authenticates with its secret, by HTTP Basic or as client_secret in the body'
  const table: readonly (readonly [asked: Asked, error: string, accepted: string | RegExp])[] = [
    [{ client_id: app.id }, 'invalid_request', `grant_type is missing: it must be ${grantTypes}`],
    [{ client_id: app.id, grant_type: 'password' }, 'unsupported_grant_type', `grant_type must be ${grantTypes}`],
    [
      { client_id: app.id, grant_type: 'client_credentials', scope: 'system/*.rs' },
      'unauthorized_client',
      'this client may use authorization_code and refresh_token, as it is registered',
    ],
    [{ client_id: 'nobody', ...refresh }, 'invalid_client', notRegistered],
    [{ client_id: form.id, ...refresh }, 'invalid_client', secret],
    [
      { client_id: form.id, client_secret: 'x', ...refresh },
      'invalid_client',
      /^the secret is not that of this client: each is shown once/,
    ],
    [
      { client_id: app.id, client_secret: 'x', ...refresh },
      'invalid_client',
      'this client has neither secret nor key: it sends its client_id alone',
    ],
    [
      { client_id: keyed.id, client_secret: 'x', grant_type: 'client_credentials' },
      'invalid_client',
      `this client authenticates by client_assertion_type=${assertionType} and a client_assertion that it signs`,
    ],
    [
      { client_assertion_type: assertionType, client_assertion: 'x', grant_type: 'client_credentials' },
      'invalid_request',
      'client_assertion must be a JWT, header.claims.signature in base64url, signed with RS384 or ES384',
    ],
    [
      { client_id: app.id, grant_type: 'authorization_code', code: 'x', redirect_uri: redirectUri, code_verifier: 'x' },
      'invalid_grant',
      /^the code is not known here, .*: a code is sent once, within a minute/,
    ],
  ]
  for (const [asked, error, accepted] of table)
    t.match((await tokenRequest(server, asked)).body, { error, error_description: accepted }, JSON.stringify(asked))
  const basic = await tokenRequest(server, refresh, { authorization: 'Basic x' })
  t.match(basic.body.error_description, /^Authorization must be Basic, with the base64 of client_id:client_secret/)
})

t.test('a form without a Content-Type is not taken for one without parameters', async t => {
  const form = `client_id=${app.id}&grant_type=refresh_token&refresh_token=x&token=x`
  for (const path of ['/token', '/token/revocation', '/token/introspection']) {
    const { statusCode, body } = await server.inject({
      method: 'POST',
      url: `/oauth${path}`,
      payload: Buffer.from(form),
    })
    const refused = {
      error: 'invalid_request',
      error_description: 'Content-Type is missing: it must be application/x-www-form-urlencoded',
    }
    t.same([statusCode, JSON.parse(body)], [400, refused], path)
  }
})

t.test('an address below /oauth at which nothing is leads to where the endpoints are named', async t => {
  for (const path of ['/oauth/introspect', '/oauth/token/', '/oauth/par']) {
    const { statusCode, body } = await server.inject({ method: 'POST', url: `${path}?a=b` })
    const refused = {
      error: 'invalid_request',
      error_description: `Nothing is at ${path}; the endpoints are named at /oauth/.well-known/openid-configuration`,
    }
    t.same([statusCode, JSON.parse(body)], [404, refused], path)
  }
})

t.test(
  'discovery finds the issuer in each way, and whoever looks at the root is told which issuer is meant',
  async t => {
    const found = await server.inject('/oauth/.well-known/openid-configuration')
    for (const path of ['openid-configuration', 'oauth-authorization-server'])
      t.same((await server.inject(`/.well-known/${path}/oauth?x=1`)).json(), found.json(), path)
    const led = '; the endpoints are named at /oauth/.well-known/openid-configuration'
    for (const [path, why] of [
      ['/.well-known/openid-configuration', ', since the issuer is /oauth here and not the root'],
      ['/.well-known/oauth-authorization-server', ', since the issuer is /oauth here and not the root'],
      ['/oauth', ''],
    ] as const) {
      const { statusCode, body } = await server.inject({ url: path, headers: { accept: 'text/html' } })
      const refused = { error: 'invalid_request', error_description: `Nothing is at ${path}${why}${led}` }
      t.same([statusCode, JSON.parse(body)], [404, refused], path)
    }
  },
)

t.test('what is sent as no media type is told which one is meant', async t => {
  for (const [path, type] of [
    ['/token', 'application/x-www-form-urlencoded'],
    ['/register', 'application/json'],
  ] as const) {
    const { statusCode, body } = await server.inject({
      method: 'POST',
      url: `/oauth${path}`,
      headers: { 'content-type': 'form' },
      payload: 'a=b',
    })
    const refused = {
      error: 'invalid_request',
      error_description: `Content-Type names no media type: it must be ${type}`,
    }
    t.same([statusCode, JSON.parse(body)], [415, refused], path)
  }
})

t.test('what is told of an address has only characters that OAuth allows', async t => {
  const { port } = new URL(await server.listen({ port: 0, host: '127.0.0.1' }))
  const socket = connect(Number(port), '127.0.0.1')
  socket.end('GET /oauth/a"b\\c HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
  t.match(await text(socket), `"error_description":"Nothing is at /oauth/a'b?c; the endpoints`)
})

t.test('what is told has only characters that OAuth allows, whatever the request says', async t => {
  const asked = { client_id: app.id, grant_type: 'refresh_token', refresh_token: 'x' }
  const { body } = await tokenRequest(server, asked, { origin: 'https://"é\\' })
  t.equal(body.error_description, `origin https://'?? not allowed for client: ${app.id}`)
})
