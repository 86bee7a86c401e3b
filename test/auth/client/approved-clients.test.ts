import t from 'tap'
import { type ClientApproval, changeApproved, disable, enable } from '../../../src/auth/client/approved-clients.ts'
import { requireOffered } from '../../../src/auth/request/offered-scope.ts'
import { ownScopeRules } from '../../../src/cli/own-scope-rules.ts'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import { createGrant, findGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import type { ClientMetadata } from '../../../src/storage/authorization/client-registration.ts'
import { findToken } from '../../../src/storage/authorization/token.ts'
import { sql } from '../../../src/storage/sql.ts'
import { assertion, assertionType, makeKey } from '../backend.ts'
import { authorizeQuery, openApps, pkce, redirectUri, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, database, client, lab, study, ann, send } = world
t.teardown(() => server.close())

const change = (id: string, approval: Partial<ClientApproval>) =>
  changeApproved({ database, refusalOf: () => undefined, rules: ownScopeRules() }, id, { metadata: {}, ...approval })

const statusOf = async (token: string): Promise<number> => (await send(token, 'GET', `Patient/${ann}`)).statusCode

t.test('people’s grants end with a user/ scope that the operator removes, and those of patients stay', async t => {
  const { id } = await client({ name: 'Desk', organization: lab.organization, scope: 'user/*.rs' })
  const researcher = await openAccount(database, study.researcher.email, study.researcher.person)
  const granted = async (person: string, scope: string) => {
    const { verifier, challenge } = pkce()
    const browser = world.browser()
    const { id: asked } = await browser.begin(authorizeQuery(id, `${scope} offline_access`, challenge))
    const back = await browser.allow(asked, await world.signIn(person), { scopes: [scope, 'offline_access'] })
    const code = back.searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
    return (await tokenRequest(server, { ...form, client_id: id })).body
  }
  const refresh = ({ refresh_token }: { refresh_token: string }) =>
    tokenRequest(server, { grant_type: 'refresh_token', refresh_token, client_id: id })
  const staff = await granted(researcher, 'user/Patient.rs')
  const own = await granted(await world.account(ann), 'patient/Patient.rs')

  await change(id, { name: 'Front desk' })
  await change(id, { scope: 'user/*.rs user/*.cu' })
  const { body: refreshed } = await refresh(staff)
  t.equal(await statusOf(refreshed.access_token), 200, 'another name, or more scopes, end nothing')
  const { body: latest } = await refresh(refreshed)

  await change(id, { scope: 'user/ResearchStudy.rs' })
  t.equal(await statusOf(latest.access_token), 401)
  t.match(await refresh(latest), { status: 400, body: { error: 'invalid_grant' } })
  t.equal(await statusOf(own.access_token), 200)
  t.has(await refresh(own), { status: 200, body: { scope: 'patient/Patient.rs offline_access' } })
})

t.test('what is taken from an app while a person is asked is not granted any more', async t => {
  const { id } = await client({ name: 'Desk', organization: lab.organization, scope: 'user/*.rs' })
  const scopes = ['user/Patient.rs', 'user/ResearchStudy.rs']
  const { verifier, challenge } = pkce()
  const browser = world.browser()
  const { id: asked } = await browser.begin(authorizeQuery(id, scopes.join(' '), challenge))
  const researcher = await world.signIn(study.researcher.person)
  await change(id, { scope: 'user/ResearchStudy.rs' })
  t.has(await browser.find(asked, researcher), { kind: 'decide', scopes: ['user/ResearchStudy.rs'] })
  await t.rejects(browser.allow(asked, researcher, { scopes }), { message: /user\/Patient.rs is not among/ })
  const back = await browser.allow(asked, researcher, { scopes: ['user/ResearchStudy.rs'] })
  const code = back.searchParams.get('code') ?? ''
  const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
  const { body } = await tokenRequest(server, { ...form, client_id: id })
  t.equal(body.scope, 'user/ResearchStudy.rs')
  t.equal((await send(body.access_token, 'GET', 'Patient?_count=1')).statusCode, 403)
  t.equal((await send(body.access_token, 'GET', `ResearchStudy/${study.id}`)).statusCode, 200)
})

t.test('an app is of an organization that is there', async t => {
  const { id } = await client({ name: 'Desk', organization: lab.organization, scope: 'user/*.rs' })
  await t.rejects(change(id, { organization: 'nowhere' }), {
    message: 'Organization/nowhere is not known',
    status: 404,
  })
})

t.test('nothing is granted to where an app may not be answered any more', async t => {
  const { id } = await client({ name: 'Desk', organization: lab.organization, scope: 'user/*.rs' })
  const browser = world.browser()
  const { id: asked } = await browser.begin(authorizeQuery(id, 'user/Patient.rs', pkce().challenge))
  const researcher = await world.signIn(study.researcher.person)
  const metadata = { redirect_uris: ['https://moved.example.org/back'] }
  await changeApproved({ database, refusalOf: () => undefined, rules: ownScopeRules() }, id, { metadata })
  t.match(await browser.find(asked, researcher), { kind: 'unknown' })
  await t.rejects(browser.allow(asked, researcher, { scopes: ['user/Patient.rs'] }), { message: /is over/ })
})

t.test('a code that went to where an app may not be answered any more gives no token', async t => {
  const kinds: readonly (readonly [string, string, Partial<ClientMetadata>])[] = [
    ['web', redirectUri, {}],
    ['confidential', redirectUri, { token_endpoint_auth_method: 'client_secret_basic' }],
    ['native', 'http://127.0.0.1:9999/back', { application_type: 'native', redirect_uris: ['http://127.0.0.1/back'] }],
  ]
  const researcher = await world.signIn(study.researcher.person)
  for (const [kind, redirect_uri, metadata] of kinds) {
    const { id, secret } = await client({ organization: lab.organization, scope: 'user/*.rs', metadata })
    const { verifier, challenge } = pkce()
    const browser = world.browser()
    const query = authorizeQuery(id, 'user/Patient.rs', challenge, { redirect_uri })
    const back = await browser.allow((await browser.begin(query)).id, researcher, { scopes: ['user/Patient.rs'] })
    const form = { grant_type: 'authorization_code', redirect_uri, code_verifier: verifier }
    const exchange = () =>
      tokenRequest(
        server,
        { ...form, code: back.searchParams.get('code') ?? '', client_id: secretOf(metadata) ? undefined : id },
        secretOf(metadata) ? { authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}` } : {},
      )
    const known = metadata.redirect_uris ?? [redirectUri]
    const elsewhere = kind === 'native' ? 'http://127.0.0.1/moved' : 'https://moved.example.org/back'
    await change(id, { metadata: { redirect_uris: [elsewhere] } })
    const { status, body } = await exchange()
    t.equal(status, 400, kind)
    t.strictSame(
      body,
      {
        error: 'invalid_grant',
        error_description: 'the redirect_uri of the code is not one of the client any more',
      },
      kind,
    )
    await change(id, { metadata: { redirect_uris: [elsewhere, ...known] } })
    t.match(await exchange(), { status: 200, body: { scope: 'user/Patient.rs' } }, `${kind}, beside another one`)
  }
})

const secretOf = ({ token_endpoint_auth_method }: Partial<ClientMetadata>): boolean =>
  token_endpoint_auth_method === 'client_secret_basic'

t.test('nobody takes something from an app at the moment when it is granted, without ending the grant', async t => {
  const { id } = await client({ name: 'Desk', organization: lab.organization, scope: 'user/*.rs' })
  const granting = Promise.withResolvers<void>()
  const granted = database.transaction(async connection => {
    await requireOffered(connection, id, ['user/Patient.rs'])
    granting.resolve()
    await connection.run(sql.fragment`SELECT pg_sleep(0.2)`)
    const { researcher } = study
    return createGrant(connection, {
      person: researcher.person,
      client: id,
      scope: 'user/Patient.rs',
      context: {},
      ttlSeconds: 60,
    })
  })
  await granting.promise
  await change(id, { scope: 'user/ResearchStudy.rs' })
  t.equal(await findGrant(database, (await granted) ?? ''), undefined)
  await t.rejects(
    database.transaction(connection => requireOffered(connection, id, ['user/Patient.rs'])),
    { message: 'This request is over: open the app again' },
  )
  await change(id, { scope: 'user/Patient.r' })
  await t.rejects(
    database.transaction(connection => requireOffered(connection, id, ['user/Patient.rs'])),
    { message: 'This request is over: open the app again' },
    'as it may only read them now',
  )
  await disable(database, id, 'operator')
  await t.rejects(
    database.transaction(connection => requireOffered(connection, id, ['openid'])),
    { message: 'This request is over: open the app again' },
  )
})

t.test('the tokens of a service end with a scope that the operator removes', async t => {
  const key = await makeKey('ES384')
  const { id } = await client({
    organization: lab.organization,
    scope: 'system/Patient.rs system/Observation.rs',
    metadata: {
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
    },
  })
  const ask = async (): Promise<string> => {
    const client_assertion = await assertion(id, key)
    const form = { grant_type: 'client_credentials', client_assertion_type: assertionType, client_assertion }
    return (await tokenRequest(server, { ...form, scope: 'system/Patient.rs' })).body.access_token
  }
  const [first, second] = [await ask(), await ask()]
  await change(id, { name: 'Night job' })
  t.equal(await statusOf(first), 200)
  await change(id, { scope: 'system/Observation.rs' })
  t.equal(await statusOf(second), 401)
})

t.test('what an app had when it was disabled does not come back when it is enabled', async t => {
  const { id } = await client({ name: 'Desk', organization: lab.organization, scope: 'user/*.rs system/*.rs' })
  const { person } = study.researcher
  const given = { person, client: id, scope: 'user/Patient.rs', context: {}, ttlSeconds: 60 }
  const grant = (await database.transaction(connection => createGrant(connection, given))) ?? ''
  const own = await world.token({ subject: { kind: 'client' }, client: id, scope: 'system/Patient.rs' })
  t.match(await findGrant(database, grant), { person })
  t.match(await findToken(database, own), { caller: { client: { id } } })
  await database.transaction(connection => disable(connection, id, 'operator'))
  await database.transaction(connection => enable(connection, id, 'operator'))
  t.equal(await findGrant(database, grant), undefined)
  t.equal(await findToken(database, own), undefined)
})

t.test('a secret ends once an app authenticates by a key, and a later one is another', async t => {
  const byWhat = { token_endpoint_auth_method: 'client_secret_basic' } as const
  const { id, secret } = await client({ policies: ['cloud-storage-partner'], metadata: byWhat })
  const statusWith = async (known = '') => {
    const authorization = `Basic ${Buffer.from(`${id}:${known}`).toString('base64')}`
    const url = `/api/v1/sharing-partners/${id}`
    return (await server.inject({ url, headers: { authorization } })).statusCode
  }
  await change(id, { name: 'Trial' })
  t.equal(await statusWith(secret), 200, 'another name does not end it')
  const { jwk } = await makeKey('ES384')
  await change(id, { metadata: { token_endpoint_auth_method: 'private_key_jwt', jwks: { keys: [jwk] } } })
  t.equal(await statusWith(secret), 401)
  const { client_secret } = await change(id, { metadata: byWhat })
  t.strictSame([await statusWith(secret), await statusWith(client_secret)], [401, 200])
})
