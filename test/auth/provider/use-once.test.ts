import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { serverOver } from '../../support/server-over.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openBreakingWire } from '../../support/wire.ts'
import { assertion, assertionType, makeKey } from '../backend.ts'
import { authorizeQuery, base, openApps, pkce, redirectUri, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, ann, account, database, signIn, client } = world
t.teardown(() => server.close())

const anns = await signIn(await account(ann))
const app = await client({})
const scopes = ['patient/Patient.rs', 'offline_access']

const codeForm = async (of: { readonly id: string } = app) => {
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const begun = await browser.begin(authorizeQuery(of.id, scopes.join(' '), challenge))
  const code = (await browser.allow(begun.id, anns, { scopes })).searchParams.get('code') ?? ''
  return {
    grant_type: 'authorization_code',
    code,
    redirect_uri: redirectUri,
    code_verifier: verifier,
    client_id: of.id,
  }
}
const come = { status: 503, headers: { 'retry-after': '2' }, body: { error: 'temporarily_unavailable' } }
const refreshForm = (token: string) => ({ grant_type: 'refresh_token', refresh_token: token })

const key = await makeKey('ES384')
/** The id of a backend service. */
const nightJob = async (): Promise<string> => {
  const { id } = await client({
    name: 'Night job',
    organization: world.lab.organization,
    scope: 'system/Observation.rs',
    metadata: {
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
    },
  })
  return id
}
/** Makes forms of requests with an assertion that the service has signed once. */
const assertionsOf = (id: string) => async () => ({
  grant_type: 'client_credentials',
  client_assertion_type: assertionType,
  client_assertion: await assertion(id, key),
  scope: 'system/Observation.rs',
})
const assertionForm = async () => assertionsOf(await nightJob())()
const usedTwice = {
  status: 401,
  body: { error: 'invalid_client', error_description: 'client assertions are used once' },
}

for (const table of ['authorization_record', 'token'] as const)
  t.test(
    `if the database goes away at the ${table}, a code and a refresh token work when they are sent again`,
    async t => {
      const form = await codeForm()
      t.match(await whileGoneAt(database, table, () => tokenRequest(server, form)), come)
      const given = await tokenRequest(server, form)
      t.match(given, { status: 200, body: { access_token: /./, refresh_token: /./ } })

      const again = refreshForm(given.body.refresh_token)
      t.match(await whileGoneAt(database, table, () => tokenRequest(server, again)), come)
      const refreshed = await tokenRequest(server, again)
      t.match(refreshed, { status: 200, body: { access_token: /./, refresh_token: /./ } })
      t.match(await tokenRequest(server, refreshForm(refreshed.body.refresh_token)), { status: 200 })

      t.match(await tokenRequest(server, again), { status: 400, body: { error: 'invalid_grant' } }, 'used twice')
    },
  )

t.test(
  'an app whose code or refresh token was redeemed while the connection to the database was lost loses nothing',
  async t => {
    const wire = await openBreakingWire(world.url)
    const breaking = await serverOver(t, wire)
    const redeemed = { status: 200, body: { access_token: /./, refresh_token: /./ } }

    const form = await codeForm()
    wire.cutBefore('COMMIT')
    t.match(await tokenRequest(breaking, form), come, 'nothing was done')
    wire.cutAt('COMMIT')
    const given = await tokenRequest(breaking, form)
    t.match(given, redeemed, 'it was done, and is answered')

    const again = refreshForm(given.body.refresh_token)
    wire.cutBefore('COMMIT')
    t.match(await tokenRequest(breaking, again), come)
    wire.cutAt('COMMIT')
    const refreshed = await tokenRequest(breaking, again)
    t.match(refreshed, redeemed)
    t.match(await tokenRequest(breaking, refreshForm(refreshed.body.refresh_token)), redeemed)
    t.match(await tokenRequest(breaking, again), { status: 400, body: { error: 'invalid_grant' } }, 'used twice')

    const signed = await assertionForm()
    wire.cutBefore('COMMIT')
    t.match(await tokenRequest(breaking, signed), come)
    wire.cutAt('COMMIT')
    t.match(await tokenRequest(breaking, signed), { status: 200, body: { access_token: /./ } })
    t.match(await tokenRequest(breaking, signed), usedTwice)
  },
)

t.test(
  'a person whom an app sends while the database is away is told to come again, and of no fault of the app',
  async t => {
    const query = authorizeQuery(app.id, scopes.join(' '), pkce().challenge)
    const begun = await whileGoneAt(database, 'authorization_record', () => world.browser().begin(query))
    t.match(begun, { status: 503, location: '', body: /<h1>We cannot answer at the moment<\/h1>/ })
    t.notMatch(begun.body, /server_error|oops|whoever makes the app/)
    t.match(await world.browser().begin(query), { status: 303 })
  },
)

t.test(
  'somebody who has decided while the database is away gets back to the app when they come again, once',
  async t => {
    const { verifier, challenge } = pkce()
    const browser = world.browser()
    const begun = await browser.begin(authorizeQuery(app.id, scopes.join(' '), challenge))
    const location = await server.authorization.interactions.allow(begun.id, browser.header(), anns, { scopes })
    const goOn = () => browser.follow({ url: location.slice(base.length) })
    const away = await whileGoneAt(database, 'authorization_record', goOn)
    t.match(away, {
      statusCode: 503,
      headers: { 'retry-after': '2' },
      body: /<h1>We cannot answer at the moment<\/h1>/,
    })
    t.equal(away.headers.location, undefined)
    const back = await goOn()
    t.equal(back.statusCode, 303)
    const code = new URL(back.headers.location ?? '').searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
    t.match(await tokenRequest(server, { ...form, client_id: app.id }), { status: 200, body: { access_token: /./ } })
    t.equal((await goOn()).statusCode, 400)
  },
)

t.test('an assertion that was answered 503 works when it is sent again, and once', async t => {
  const form = await assertionForm()
  t.match(await whileGoneAt(database, 'token', () => tokenRequest(server, form)), come)
  t.match(await tokenRequest(server, form), { status: 200, body: { access_token: /./ } })
  t.match(await tokenRequest(server, form), usedTwice)
})

t.test('an assertion that is refused for something else is used up by that', async t => {
  const form = await assertionForm()
  t.match(await tokenRequest(server, { ...form, scope: 'system/Patient.rs' }), { status: 400 })
  t.match(await tokenRequest(server, form), usedTwice)
})

t.test('an assertion that comes with a refresh token that another request has used is used up as well', async t => {
  const signing = await client({
    metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.jwk] } },
  })
  const proof = async () => ({
    client_assertion_type: assertionType,
    client_assertion: await assertion(signing.id, key),
  })
  const { client_id: _, ...form } = await codeForm(signing)
  const first = await tokenRequest(server, { ...form, ...(await proof()) })
  const refresh = { ...refreshForm(first.body.refresh_token), ...(await proof()) }
  const answers = await Promise.all([1, 2, 3].map(() => tokenRequest(server, refresh)))
  t.same(answers.map(({ status }) => status).sort(), [200, 401, 401])
  t.match(await tokenRequest(server, refresh), usedTwice, 'and this ends nothing')
  const given = answers.find(({ status }) => status === 200) ?? first
  const both = await Promise.all(
    [await proof(), await proof()].map(async one => ({
      one,
      answer: await tokenRequest(server, { ...refreshForm(given.body.refresh_token), ...one }),
    })),
  )
  t.same(both.map(({ answer }) => answer.status).sort(), [200, 400])
  for (const { one } of both)
    t.match(await tokenRequest(server, { ...refreshForm(given.body.refresh_token), ...one }), usedTwice)
})

t.test('nor does one that comes while the other is being answered', async t => {
  const signing = await client({
    metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [key.jwk] } },
  })
  const proof = async () => ({
    client_assertion_type: assertionType,
    client_assertion: await assertion(signing.id, key),
  })
  const { client_id: _, ...form } = await codeForm(signing)
  const first = await tokenRequest(server, { ...form, ...(await proof()) })
  const second = await tokenRequest(server, { ...refreshForm(first.body.refresh_token), ...(await proof()) })
  const same = await proof()
  const answers = await database.transaction(async connection => {
    await connection.any(sql.fragment`SELECT FROM authorization_record WHERE kind = 'RefreshToken' FOR UPDATE`)
    const answered = tokenRequest(server, { ...refreshForm(second.body.refresh_token), ...same })
    await someoneWaits(connection)
    const repeated = tokenRequest(server, { ...refreshForm(first.body.refresh_token), ...same })
    await someoneWaits(connection, 2)
    return { answered, repeated }
  })
  const third = await answers.answered
  t.match(third, { status: 200 })
  t.match(await answers.repeated, usedTwice)
  const last = await tokenRequest(server, { ...refreshForm(third.body.refresh_token), ...(await proof()) })
  t.match(last, { status: 200 }, 'what was granted goes on')
})

t.test('of several requests with the same assertion at once, one gets a token', async t => {
  const form = await assertionForm()
  const answers = await Promise.all([1, 2, 3, 4].map(() => tokenRequest(server, form)))
  t.same(answers.map(({ status }) => status).sort(), [200, 401, 401, 401])
})

t.test('an app that sends several codes, or assertions, at the same moment gets a token for each', async t => {
  const other = await client({})
  for (const formOf of [() => codeForm(other), assertionsOf(await nightJob())]) {
    const forms = await Promise.all(Array.from({ length: 8 }, () => formOf()))
    const answers = await database.transaction(async connection => {
      await connection.run(sql.fragment`SELECT FROM client FOR UPDATE`)
      const asked = forms.map(form => tokenRequest(server, form))
      await someoneWaits(connection, forms.length)
      return asked
    })
    const given = await Promise.all(answers)
    t.same(
      given.map(({ status }) => status),
      forms.map(() => 200),
    )
  }
})

t.test('an assertion is used once at the other endpoints, too', async t => {
  for (const at of ['introspection', 'revocation']) {
    const { grant_type: _, scope: __, ...form } = await assertionForm()
    const ask = () => tokenRequest(server, { ...form, token: 'unknown' }, {}, `/oauth/token/${at}`)
    t.match(await ask(), { status: 200 }, at)
    t.match(await ask(), usedTwice, at)
  }
})

t.test(
  'an app that gives back a token while the database is away gives back everything when it comes again',
  async t => {
    const giveBack = (token: string) =>
      tokenRequest(server, { token, client_id: app.id }, {}, '/oauth/token/revocation')
    for (const kind of ['refresh_token', 'access_token']) {
      const { body } = await tokenRequest(server, await codeForm())
      await whileGoneAt(database, 'audit_event', async () => {
        t.match(await giveBack(body[kind]), come, kind)
        t.match(await giveBack(body[kind]), come, `${kind}: nothing is said to be done that is not`)
      })
      t.match(await giveBack(body[kind]), { status: 200 }, kind)
      t.match(await tokenRequest(server, refreshForm(body.refresh_token)), { status: 400 }, kind)
      t.equal((await world.send(body.access_token, 'GET', 'Patient')).statusCode, 401, kind)
    }
  },
)

t.test('introspection while the database is away says when to ask again', async t => {
  await database.run(sql.fragment`ALTER TABLE token RENAME COLUMN expires_at TO ends_at`)
  await database.run(sql.fragment`INSERT INTO migration (number, name, checksum) VALUES (9999, '9999-newer.sql', '')`)
  const token = 'x'.repeat(43)
  const headers = { authorization: `Bearer ${token}` }
  t.match(await tokenRequest(server, { token }, headers, '/oauth/token/introspection'), come)
})
