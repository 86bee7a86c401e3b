import { createServer } from 'node:http'
import t from 'tap'
import { disable } from '../../src/auth/client/approved-clients.ts'
import { assertion, assertionType, type Key, makeKey } from './backend.ts'
import { openApps, tokenRequest } from './world.ts'

/** A server that publishes key sets, as its own clients would. */
const published = { keys: [] as object[], cacheControl: 'max-age=600', asked: 0, status: 200 }
const publisher = createServer((_request, response) => {
  published.asked++
  response.writeHead(published.status, { 'content-type': 'application/json', 'cache-control': published.cacheControl })
  response.end(JSON.stringify({ keys: published.keys }))
})
const port = await new Promise<number>(resolve => {
  publisher.listen(0, '127.0.0.1', () => resolve((publisher.address() as { port: number }).port))
})
const jwksUri = `http://127.0.0.1:${port}/jwks.json`

const world = await openApps({ OUTBOUND_ORIGINS: `http://127.0.0.1:${port}` })
const { server, lab, ann, client, send } = world
t.teardown(async () => {
  await server.close()
  publisher.close()
})

const [rsa, ec] = await Promise.all([makeKey('RS384'), makeKey('ES384')])
const backend = async (keys: readonly Key[], scope = 'system/Observation.rs system/Patient.rs') => {
  const { id } = await client({
    name: 'Night job',
    organization: lab.organization,
    scope,
    metadata: { ...backendMetadata, jwks: { keys: keys.map(({ jwk }) => jwk) } },
  })
  return id
}
const backendMetadata = {
  redirect_uris: [],
  response_types: [],
  grant_types: ['client_credentials'],
  token_endpoint_auth_method: 'private_key_jwt',
}

const ask = (client_assertion: string, scope: string | undefined = 'system/Observation.rs') =>
  tokenRequest(server, {
    grant_type: 'client_credentials',
    client_assertion_type: assertionType,
    client_assertion,
    scope,
  })

t.test('a client that signs with RS384 or ES384 gets a token for five minutes, which reads what it may', async t => {
  const next = await makeKey('RS384')
  const id = await backend([rsa, ec, next])
  for (const key of [rsa, ec, next]) {
    const { status, headers, body } = await ask(await assertion(id, key), 'system/Patient.rs')
    t.match(
      { status, body },
      {
        status: 200,
        body: { access_token: /^[\w-]{43}$/, token_type: 'Bearer', expires_in: 300, scope: /^system\/Patient\.rs$/ },
      },
    )
    t.match(headers, { 'cache-control': 'no-store', pragma: 'no-cache' })
    t.strictSame(Object.keys(body).sort(), ['access_token', 'expires_in', 'scope', 'token_type'])
    const found = await send(body.access_token, 'GET', `Patient/${ann}`)
    t.equal(found.statusCode, 200)
    t.equal((await send(body.access_token, 'GET', 'Observation')).statusCode, 403, 'nothing beyond its scopes')
  }
})

t.test('it gets the scopes that its organization’s administrator set, and of broader ones the part within', async t => {
  const id = await backend([rsa])
  const granted = async (scope: string) => {
    const { status, body } = await ask(await assertion(id, rsa), scope)
    return status === 200 ? body.scope : `${status} ${body.error}`
  }
  t.equal(
    await granted('system/Observation.read'),
    'system/Observation.read',
    'version 1 is answered as it was asked for',
  )
  t.equal(await granted('system/*.cruds'), 'system/Observation.rs system/Patient.rs')
  t.equal(
    await granted('system/Observation.rs?code=http://loinc.org|8867-4'),
    'system/Observation.rs?code=http://loinc.org|8867-4',
  )
  t.equal(
    await granted('system/Observation.rs system/Condition.rs user/Observation.rs openid'),
    'system/Observation.rs',
  )
  t.equal(await granted('system/Condition.rs'), '400 invalid_scope')
  t.equal(await granted('user/Observation.rs'), '400 invalid_scope')
  t.equal(await granted('patient/Observation.rs'), '400 invalid_scope')
  t.equal(await granted('system/Observation.rs?code:in=http://example.org/vs'), '400 invalid_scope')
  t.match((await ask(await assertion(id, rsa), '')).body, {
    error: 'invalid_scope',
    error_description: 'scope is missing: say what is asked for',
  })
})

t.test('what a client may have for people it does not get for itself', async t => {
  const id = await backend([rsa], 'system/Observation.rs user/Patient.rs patient/Patient.rs')
  for (const scope of ['user/Patient.rs', 'patient/Patient.rs'])
    t.match(await ask(await assertion(id, rsa), scope), { status: 400, body: { error: 'invalid_scope' } }, scope)
  const { body } = await ask(await assertion(id, rsa), 'user/Patient.rs system/Observation.rs')
  t.equal(body.scope, 'system/Observation.rs')
})

t.test('an assertion that does not follow SMART does not authenticate', async t => {
  const id = await backend([rsa])
  const other = await backend([ec])
  const seconds = (ahead: number) => Math.floor(Date.now() / 1000) + ahead
  const stranger = await makeKey('RS384', rsa.kid)
  const noKey = 'the client has no key of the kid and alg of the assertion'
  const forAud = 'aud of the client_assertion must be http://localhost:8080/oauth/token'
  const wrong: Readonly<Record<string, readonly [assertion: string, why: string]>> = {
    'too far ahead': [
      await assertion(id, rsa, { exp: seconds(400) }),
      'exp is too far ahead: it is in seconds since 1970, at most 300 from now',
    ],
    expired: [
      await assertion(id, rsa, { exp: seconds(-60) }),
      'exp of the client_assertion is past: it is in seconds since 1970, and here it is ',
    ],
    'without exp': [await assertion(id, rsa, { exp: undefined }), 'exp of the client_assertion must be a number'],
    'with an exp in quotes': [
      await assertion(id, rsa, { exp: String(seconds(100)) as unknown as number }),
      'exp of the client_assertion must be a number without quotes',
    ],
    'without jti': [await assertion(id, rsa, { jti: undefined }), 'jti of the client_assertion must be a text'],
    'for another server': [await assertion(id, rsa, { aud: 'https://elsewhere.example/token' }), forAud],
    'without aud': [await assertion(id, rsa, { aud: undefined }), forAud],
    'of another issuer': [await assertion(id, rsa, { iss: other }), 'iss'],
    'about another subject': [await assertion(id, rsa, { sub: other }), 'iss'],
    'of nobody': [await assertion('nobody', rsa), 'no client of this id is registered here'],
    'of what no client can be': [await assertion('a\0b', rsa), 'no client of this id is registered here'],
    'of a kid that no key can have': [await assertion(id, rsa, {}, { kid: 'a\0b' }), noKey],
    'with a key of the same name': [
      await assertion(id, stranger),
      'the signature of the client_assertion is not by the private key',
    ],
    'with another client’s key': [await assertion(id, ec), noKey],
    'without kid': [await assertion(id, rsa, {}, { kid: undefined }), noKey],
    'of an unknown kid': [await assertion(id, rsa, {}, { kid: 'unknown' }), noKey],
    'of another typ': [await assertion(id, rsa, {}, { typ: 'at+jwt' }), 'typ must be JWT'],
    'with a typ that is no text': [await assertion(id, rsa, {}, { typ: { toString: 1 } }), 'typ must be JWT'],
    'with a jku that is not registered': [await assertion(id, rsa, {}, { jku: jwksUri }), 'jku is not the registered'],
    'not yet valid': [
      await assertion(id, rsa, { nbf: seconds(120) }),
      'nbf of the client_assertion is still to come: it is in seconds since 1970, and here it is ',
    ],
  }
  for (const [how, [made, why]] of Object.entries(wrong)) {
    const { status, body } = await ask(made)
    t.match({ status, error: body.error }, { status: 401, error: 'invalid_client' }, how)
    t.match(body.error_description, why, `${how}: it is told why`)
  }
  const none = `${Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url')}.${wrong.expired?.[0].split('.')[1]}.`
  const byRsaOrEc = { error: 'invalid_client', error_description: 'the alg of an assertion is RS384 or ES384' }
  t.match(await ask(none), { status: 401, body: byRsaOrEc }, 'unsigned')
  t.match(await ask('no.jwt.at all'), { status: 400, body: { error: 'invalid_request' } })
  t.equal((await ask(await assertion(id, rsa, { exp: seconds(-5) }))).status, 200, 'clocks may differ by seconds')
  t.equal((await ask(await assertion(id, rsa, { exp: seconds(310) }))).status, 200, 'in either direction')
  t.equal((await ask(await assertion(id, rsa, { aud: ['x', 'http://localhost:8080/oauth/token'] }))).status, 200)
})

t.test('an assertion counts once, even if used fifty times at the same moment', async t => {
  const id = await backend([rsa])
  const once = await assertion(id, rsa)
  const answers = await Promise.all(Array.from({ length: 50 }, () => ask(once)))
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.ok(answers.every(({ status, body }) => status === 200 || (status === 401 && body.error === 'invalid_client')))
  t.equal((await ask(once)).status, 401)
  const other = await backend([rsa])
  const jti = 'the same for both'
  t.equal((await ask(await assertion(id, rsa, { jti }))).status, 200)
  t.equal((await ask(await assertion(other, rsa, { jti }))).status, 200, 'another client has its own ids')
})

t.test('two keys with one kid authenticate nobody', async t => {
  const twice = await makeKey('RS384', rsa.kid)
  const id = await backend([rsa, twice])
  t.equal((await ask(await assertion(id, rsa))).status, 401)
  const both = await makeKey('ES384', rsa.kid)
  t.equal(
    (await ask(await assertion(await backend([rsa, both]), rsa))).status,
    200,
    'of the type that signs there is one',
  )
})

t.test('a key that is not for signatures authenticates nobody, registered or published', async t => {
  const unusable = [
    { n: undefined },
    { n: '!!' },
    { n: 'AAAA' },
    { use: 'enc' },
    { alg: 'RS256' },
    { key_ops: ['sign'] },
  ]
  for (const [index, more] of unusable.entries()) {
    const jwk = { ...rsa.jwk, ...more }
    const id = await backend([{ ...rsa, jwk }])
    published.keys = [jwk]
    const { id: byUrl } = await client({
      organization: lab.organization,
      scope: 'system/Observation.rs',
      metadata: { ...backendMetadata, jwks_uri: `${jwksUri}?unusable=${index}` },
    })
    for (const one of [id, byUrl])
      t.match(
        await ask(await assertion(one, rsa)),
        { status: 401, body: { error: 'invalid_client' } },
        JSON.stringify(more),
      )
  }
})

t.test('a key set is requested by URL as often as its publisher allows', async t => {
  const { id } = await client({
    organization: lab.organization,
    scope: 'system/Observation.rs',
    metadata: { ...backendMetadata, jwks_uri: jwksUri },
  })
  published.keys = [rsa.jwk]
  const asked = async (key: Key, header: object = {}) => {
    const before = published.asked
    const { status } = await ask(await assertion(id, key, {}, header as never))
    return { status, asked: published.asked - before }
  }
  t.same(await asked(rsa), { status: 200, asked: 1 })
  t.same(await asked(rsa, { jku: jwksUri }), { status: 200, asked: 0 }, 'max-age')
  t.same(await asked(rsa, { jku: `${jwksUri}?other` }), { status: 401, asked: 0 })
  published.keys = [ec.jwk]
  t.same(await asked(ec), { status: 401, asked: 0 }, 'an unknown kid does not make it ask all the time')
})

t.test('an answer with no-store is not kept', async t => {
  const url = `${jwksUri}?fresh`
  const metadata = { ...backendMetadata, jwks_uri: url }
  const { id } = await client({ organization: lab.organization, scope: 'system/Observation.rs', metadata })
  published.keys = [rsa.jwk]
  published.cacheControl = 'no-store'
  const before = published.asked
  for (const _ of [1, 2]) t.equal((await ask(await assertion(id, rsa))).status, 200)
  t.equal(published.asked - before, 2)
  published.keys = [ec.jwk]
  t.equal((await ask(await assertion(id, rsa))).status, 401, 'a key that is no longer published')
  published.status = 500
  t.equal(
    (await ask(await assertion(id, ec))).status,
    401,
    'nor is anything accepted while the set cannot be requested',
  )
})

t.test('only servers that are allowed are requested', async t => {
  const metadata = { ...backendMetadata, jwks_uri: 'http://127.0.0.1:9/jwks.json' }
  const { id } = await client({ organization: lab.organization, scope: 'system/Observation.rs', metadata })
  t.equal((await ask(await assertion(id, rsa))).status, 401)
})

t.test('a disabled client has no tokens any more, and gets none', async t => {
  const id = await backend([rsa])
  const { body } = await ask(await assertion(id, rsa), 'system/Patient.rs')
  await disable(world.database, id, 'operator')
  // What another process has ended is noticed within two seconds.
  await new Promise(resolve => setTimeout(resolve, 2100))
  t.equal((await send(body.access_token, 'GET', `Patient/${ann}`)).statusCode, 401)
  t.equal((await ask(await assertion(id, rsa))).status, 401)
})
