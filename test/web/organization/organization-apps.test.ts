import type { ResearchStudy } from '@medplum/fhirtypes'
import t from 'tap'
import { accountOf } from '../../../src/accounts/person.ts'
import { disable } from '../../../src/auth/client/approved-clients.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { sql } from '../../../src/storage/sql.ts'
import { assertion, assertionType, makeKey } from '../../auth/backend.ts'
import { authorizeQuery, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants({ OUTBOUND_ORIGINS: 'https://keys.example.org' })
const { server, database, lab, ward, clinic, ann, carl, people, persons, send, told } = world
const { manager } = people
t.teardown(() => server.close())

const pages = `/organizations/${lab.organization}/apps`
const fresh = `${pages}/new`
const register = (by: Browser, fields: Readonly<Record<string, string>>, page = fresh) =>
  by.send(page, { name: 'Heart <diary>', kind: 'public', redirect_uris: redirectUri, ...fields })
const pageOf = ({ location = '' }: Shown): string => location.split('?', 1)[0] ?? ''
const idOf = (shown: Shown): string => pageOf(shown).split('/').at(-1) ?? ''
const secretIn = ({ body }: Shown): string => /<dt>client_secret<\/dt><dd><code[^>]*>([\w-]{43})</.exec(body)?.[1] ?? ''
/** The hidden fields of the form on a page that posts to `action`. */
const hiddenIn = async (page: string, action: string) => {
  const [, form = ''] = (await manager.get(page)).body.split(`action="${action}"`)
  const inputs = form.split('</form>', 1)[0]?.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g) ?? []
  return Object.fromEntries([...inputs].map(([, name = '', value = '']) => [name, value]))
}

const [rsa, other] = await Promise.all([makeKey('RS384'), makeKey('ES384')])
const keySet = (...keys: readonly { jwk: object }[]) => JSON.stringify({ keys: keys.map(({ jwk }) => jwk) })
const service = (by: Browser, scope: string, more: Readonly<Record<string, string>> = {}, page = fresh) =>
  by.send(page, { name: 'Night job', kind: 'backend', jwks: keySet(rsa), scope, ...more })
const askAs = async (id: string, scope: string, key = rsa) => {
  const client_assertion = await assertion(id, key)
  const grant = { grant_type: 'client_credentials', client_assertion_type: assertionType }
  return tokenRequest(server, { ...grant, client_assertion, scope })
}
const patientsOf = async (token: string): Promise<string[]> =>
  (await send(token, 'GET', 'Patient'))
    .json()
    .entry?.map(({ resource }: { resource: { id: string } }) => resource.id) ?? []

t.test('managers of an organization or the installation find its apps from its page; nobody else does', async t => {
  const page = `/organizations/${lab.organization}`
  for (const who of ['manager', 'administrator'] as const) {
    t.match(wordsOf(await people[who].get('/account')), /See your organizations/, who)
    const shown = await people[who].get(page)
    t.match(wordsOf(shown), /Apps and backend services 0 apps and backend services/, who)
    t.match(shown.body, `href="${pages}"`, who)
  }
  for (const who of ['member', 'viewer', 'privacy officer'] as const) {
    t.notMatch(wordsOf(await people[who].get(page)), /apps and backend/i, who)
    t.equal((await people[who].get(pages)).status, 404, who)
  }
  t.notMatch(wordsOf(await people.patient.get('/account')), /See your organizations/)
})

t.test('an app that the operator gives to another organization at the same moment is not taken back', async t => {
  const page = pageOf(await register(manager, {}))
  const id = page.split('/').at(-1) ?? ''
  const { answer } = await database.transaction(async connection => {
    await connection.run(sql.fragment`UPDATE client SET organization = ${clinic.organization} WHERE id = ${id}`)
    const answer = register(manager, { name: 'Still ours' }, page)
    await Promise.race([answer, someoneWaits(database)])
    return { answer }
  })
  t.match(await answer, { status: 404 })
  t.match(await database.one(sql.fragment`SELECT name, organization FROM client WHERE id = ${id}`), {
    name: 'Heart <diary>',
    organization: clinic.organization,
  })
})

t.test('a public app is registered, listed and changed, and can ask people', async t => {
  t.match(wordsOf(await manager.get(pages)), /There are none yet.* Back to lab$/)
  const launches = 'https://app.example.org/launch https://app.example.org/other'
  const made = await register(manager, { launch_uris: launches })
  t.equal(made.status, 303)
  const page = pageOf(made)
  const shown = await manager.get(page)
  t.match(shown.body, `value="${launches}"`)
  const configuration = /href="([^"]*)">SMART configuration</.exec(shown.body)?.[1] ?? ''
  t.match((await server.inject({ url: configuration })).json(), { token_endpoint: /\/oauth\/token$/ })
  t.match(wordsOf(await manager.get(pages)), /Heart &lt;diary&gt; App without a secret .* It has never had a token/)
  const { challenge } = pkce()
  const ask = () => openBrowser(server).get(`/oauth/authorize?${authorizeQuery(idOf(made), 'patient/*.rs', challenge)}`)
  t.match(await ask(), { status: 303, location: /\/authorize\// })

  const moved = {
    name: 'Diary',
    kind: 'public',
    redirect_uris: 'https://new.example.org/back',
    scope: 'user/Patient.rs',
  }
  t.match(await manager.send(page, moved), { status: 303, location: `${page}?saved` })
  t.match(wordsOf(await manager.get(`${page}?saved`)), /Diary Saved/)
  t.equal((await ask()).status, 400, 'the old redirect URI does not work any more')
  const row = await database.one<object>(sql.fragment`
    SELECT name, organization, scope, self_registered, policies, registration FROM client WHERE id = ${idOf(made)}`)
  t.same(row, {
    name: 'Diary',
    organization: lab.organization,
    scope: 'user/Patient.rs',
    self_registered: false,
    policies: [],
    registration: {
      redirect_uris: ['https://new.example.org/back'],
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      token_endpoint_auth_method: 'none',
      application_type: 'web',
    },
  })
})

t.test('a slower editor does not restore a scope that was removed, and is shown what the app is now', async t => {
  const made = await register(manager, { scope: 'user/Observation.rs\nuser/Patient.rs' })
  const page = pageOf(made)
  const [, version = ''] = /name="version" value="([^"]*)"/.exec((await manager.get(page)).body) ?? []
  await manager.send(page, { name: 'Heart', kind: 'public', redirect_uris: redirectUri, scope: 'user/Patient.rs' })
  const stale = {
    name: 'Mine',
    kind: 'public',
    redirect_uris: redirectUri,
    scope: 'user/Observation.rs\nuser/Patient.rs',
  }
  const late = await manager.send(page, { ...stale, version })
  t.match(
    [late.status, wordsOf(late)],
    [
      409,
      /Somebody else has changed this.*The current values: Name Heart Scopes that it may be given user\/Patient\.rs/,
    ],
  )
  t.match(late.body, 'value="Mine"')
  const scopeOf = async () =>
    (await database.one<{ scope: string }>(sql.fragment`SELECT scope FROM client WHERE id = ${idOf(made)}`)).scope
  t.equal(await scopeOf(), 'user/Patient.rs')
  t.match(
    await manager.send(page, { ...stale, version: '' }),
    { status: 409 },
    'without saying which version was shown',
  )
  const [, now = ''] = /name="version" value="([^"]*)"/.exec(late.body) ?? []
  t.match(await manager.send(page, { ...stale, version: now }), { status: 303 }, 'whoever has seen it can')
  t.equal(await scopeOf(), 'user/Observation.rs user/Patient.rs')
})

t.test('a secret is shown once, and a new one ends the old one at once', async t => {
  const made = await register(manager, { kind: 'secret' })
  t.match(made, { status: 200, headers: { 'cache-control': 'no-store' } })
  const id = /<dt>client_id<\/dt><dd><code[^>]*>([\w-]{22})</.exec(made.body)?.[1] ?? ''
  const page = `${pages}/${id}`
  const authenticates = async (secret: string) => {
    const authorization = `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
    return (await tokenRequest(server, { token: 'x' }, { authorization }, '/oauth/token/introspection')).status
  }
  t.equal(await authenticates(secretIn(made)), 200)
  t.notMatch((await manager.get(page)).body, secretIn(made))
  t.match(await manager.send(page, { name: 'Heart diary', kind: 'secret', redirect_uris: redirectUri }), {
    status: 303,
  })
  t.equal(await authenticates(secretIn(made)), 200, 'other changes leave it')
  const renewed = await manager.send(page, {}, `${page}/secret`)
  t.same([await authenticates(secretIn(made)), await authenticates(secretIn(renewed))], [401, 200])
  const { kept } = await database.one<{ kept: string }>(
    sql.fragment`SELECT string_agg(client::text, ' ') AS kept FROM client`,
  )
  t.notMatch(kept, secretIn(renewed))
  t.match(await manager.send(page, { name: 'x', kind: 'public', redirect_uris: redirectUri }), { status: 303 })
  t.equal(await authenticates(secretIn(renewed)), 401)
  const again = await manager.send(page, { name: 'x', kind: 'secret', redirect_uris: redirectUri })
  t.same([await authenticates(secretIn(renewed)), await authenticates(secretIn(again))], [401, 200])
})

t.test('an address that an earlier version of this server took holds up no new secret and no other change', async t => {
  const made = await register(manager, { kind: 'secret', redirect_uris: redirectUri })
  const id = /<dt>client_id<\/dt><dd><code[^>]*>([\w-]{22})</.exec(made.body)?.[1] ?? ''
  const page = `${pages}/${id}`
  const earlier = 'https://b\u00fccher.example/back'
  await database.run(sql.fragment`
    UPDATE client SET registration = jsonb_set(registration, '{redirect_uris}', ${JSON.stringify([earlier])}::jsonb) WHERE id = ${id}`)
  const renewed = await manager.send(page, {}, `${page}/secret`)
  t.match(secretIn(renewed), /./)
  const said = { name: 'Renamed', kind: 'secret' }
  t.match(await manager.send(page, { ...said, redirect_uris: earlier }), { status: 303 })
  t.match(wordsOf(await manager.get(page)), /Renamed/)
  const added = await manager.send(page, { ...said, redirect_uris: `${earlier}\n${earlier}/other` })
  t.match(added, { status: 422, body: /back\/other” must be in ASCII/ })
  const opened = await manager.send(page, { ...said, redirect_uris: earlier, launch_uris: earlier })
  t.match(opened, { status: 422, body: /bücher\.example\/back” must be https/ }, 'for what it was taken')
})

t.test('a page with a secret that is reloaded registers no second app, and creates no second secret', async t => {
  const idsOf = async () => [...(await manager.get(pages)).body.matchAll(/apps\/([\w-]{22})"/g)].map(([, id]) => id)
  const before = await idsOf()
  const said = { ...(await hiddenIn(fresh, fresh)), name: 'Reloaded', kind: 'secret', redirect_uris: redirectUri }
  const answers = await Promise.all([manager.post(fresh, said), manager.post(fresh, said)])
  const made = answers.find(({ status }) => status === 200)
  const page = /<a href="([^"]*)">I have saved it/.exec(made?.body ?? '')?.[1] ?? ''
  for (const answer of [...answers.filter(one => one !== made), await manager.post(fresh, said)])
    t.match(answer, { status: 303, location: `${page}?known` })
  t.same((await idsOf()).length, before.length + 1)
  t.match(
    wordsOf(await manager.get(`${page}?known`)),
    /nothing was done now\. The client secret was shown at that time/,
  )
  t.match(await manager.post(fresh, { ...said, name: '' }), { status: 303 }, 'whatever else is in the form')

  const again = await hiddenIn(page, `${page}/secret`)
  const renewed = await manager.post(`${page}/secret`, again)
  t.not(secretIn(renewed), '')
  t.match(await manager.post(`${page}/secret`, again), { status: 303, location: `${page}?known` })
  const authorization = `Basic ${Buffer.from(`${page.split('/').at(-1)}:${secretIn(renewed)}`).toString('base64')}`
  const answer = await tokenRequest(server, { token: 'x' }, { authorization }, '/oauth/token/introspection')
  t.equal(answer.status, 200, 'the secret that was shown is the one that counts')
})

t.test('a service of a tenant sees what the tenant was consented, whatever else is sent', async t => {
  const forged = { organization: clinic.organization, policies: 'everything', id: 'importer', client_id: 'importer' }
  const ours = await service(manager, 'system/*.rs', forged)
  const theirs = await service(
    people['manager of another tenant'],
    'system/*.rs',
    {},
    `/organizations/${clinic.organization}/apps/new`,
  )
  const tokens = await Promise.all([ours, theirs].map(made => askAs(idOf(made), 'system/*.rs')))
  const [mine, others] = await Promise.all(tokens.map(({ body }) => patientsOf(body.access_token)))
  t.ok(mine?.includes(ann) && !mine.includes(carl))
  t.same(others, [carl])
  t.match(wordsOf(await manager.get(pages)), /Night job Backend service At most system\/\*\.rs Last got a token .* UTC/)
  const below = await service(manager, 'system/Patient.rs', {}, `/organizations/${ward}/apps/new`)
  t.match(below.location, `/organizations/${ward}/apps/`)
  t.match(wordsOf(await people['manager of the ward'].get(`/organizations/${ward}/apps`)), /Night job/)
})

t.test('if a form asks for a new secret many times at once, one secret is shown, and it counts', async t => {
  const made = await register(manager, { kind: 'secret' })
  const page = /<a href="([^"]*)">I have saved it/.exec(made.body)?.[1] ?? ''
  const id = page.split('/').at(-1)
  const form = await hiddenIn(page, `${page}/secret`)
  const answers = await Promise.all(Array.from({ length: 8 }, () => manager.post(`${page}/secret`, form)))
  const secrets = answers.map(secretIn).filter(secret => secret !== '')
  t.equal(secrets.length, 1)
  const authorization = `Basic ${Buffer.from(`${id}:${secrets[0]}`).toString('base64')}`
  t.equal((await tokenRequest(server, { token: 'x' }, { authorization }, '/oauth/token/introspection')).status, 200)
})

t.test('disabling an app ends everything at once, and enabling it starts anew', async t => {
  const page = pageOf(await service(manager, 'system/Patient.rs'))
  const id = page.split('/').at(-1) ?? ''
  const { access_token: token } = (await askAs(id, 'system/Patient.rs')).body
  const status = async () => (await send(token, 'GET', `Patient/${ann}`)).statusCode
  t.equal(await status(), 200)
  t.match(await manager.send(page, {}, `${page}/disable`), { status: 303, location: `${page}?disabled` })
  t.match((await manager.get(`${page}?disabled`)).body, / autofocus><p>It has been disabled\.<\/p>/)
  t.equal(await status(), 401)
  t.equal((await askAs(id, 'system/Patient.rs')).status, 401)
  t.match(wordsOf(await manager.get(page)), /It is disabled: it gets no tokens/)
  t.match(wordsOf(await manager.get(pages)), /Backend service, disabled/)
  t.match(await manager.send(page, {}, `${page}/enable`), { status: 303, location: `${page}?enabled` })
  t.match(
    (await manager.get(`${page}?enabled`)).body,
    / autofocus><p>It has been enabled: it can get tokens again\.<\/p>/,
  )
  t.equal(await status(), 401, 'the old token stays invalid')
  t.equal((await askAs(id, 'system/Patient.rs')).status, 200)
  await manager.send(page, {}, `${page}/disable`)
  await disable(database, id, 'operator')
  t.match(wordsOf(await manager.get(page)), /The operator of this server has disabled it/)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await manager.get(page)).body)?.[1] ?? ''
  t.equal((await manager.post(`${page}/enable`, { _csrf })).location, page, 'it is not said to be enabled')
  t.equal((await askAs(id, 'system/Patient.rs')).status, 401, 'a manager cannot enable what the operator disabled')
})

t.test(
  'a button that is pressed twice at the same moment disables or enables an app once, and leads to it twice',
  async t => {
    const page = pageOf(await service(manager, 'system/Patient.rs'))
    const id = page.split('/').at(-1) ?? ''
    for (const action of ['disable', 'enable']) {
      const form = await hiddenIn(page, `${page}/${action}`)
      const { both } = await database.transaction(async connection => {
        await connection.run(sql.fragment`SELECT FROM client WHERE id = ${id} FOR UPDATE`)
        const both = Promise.all([1, 2].map(() => manager.post(`${page}/${action}`, form)))
        await someoneWaits(database, 2)
        return { both }
      })
      const locations = (await both).map(({ location }) => location)
      t.strictSame(locations.toSorted(), [page, `${page}?${action}d`])
    }
  },
)

t.test('a removed scope ends at once, and a replaced key signs no more', async t => {
  const page = pageOf(await service(manager, 'system/Patient.rs system/Observation.rs'))
  const id = page.split('/').at(-1) ?? ''
  const { access_token: token } = (await askAs(id, 'system/Patient.rs system/Observation.rs')).body
  const said = {
    name: 'Night job',
    kind: 'backend',
    jwks: keySet(rsa),
    scope: 'system/Patient.rs\nsystem/Observation.rs',
  }
  await manager.send(page, { ...said, name: 'Day job' })
  t.equal((await send(token, 'GET', 'Observation')).statusCode, 200, 'a new name ends nothing')
  await manager.send(page, { ...said, jwks: keySet(other), scope: 'system/Patient.rs' })
  t.equal((await send(token, 'GET', 'Observation')).statusCode, 401)
  t.equal((await askAs(id, 'system/Patient.rs')).status, 401)
  t.has(await askAs(id, 'system/Patient.rs system/Observation.rs', other), {
    status: 200,
    body: { scope: 'system/Patient.rs' },
  })
})

t.test('removing a user/ scope ends people’s grants, but not those of patients for themselves', async t => {
  const page = pageOf(await register(manager, { scope: 'user/Patient.rs' }))
  const id = page.split('/').at(-1) ?? ''
  const tokenOf = async (person: string, scope: string): Promise<string> => {
    const { verifier, challenge } = pkce()
    const browser = world.browser()
    const { id: asked } = await browser.begin(authorizeQuery(id, scope, challenge))
    const back = await browser.allow(asked, await world.signIn(person), { scopes: [scope] })
    const code = back.searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
    return (await tokenRequest(server, { ...form, client_id: id })).body.access_token
  }
  const tokens = [
    await tokenOf(persons.member, 'user/Patient.rs'),
    await tokenOf(persons.patient, 'patient/Patient.rs'),
  ]
  const statuses = () => Promise.all(tokens.map(async token => (await send(token, 'GET', `Patient/${ann}`)).statusCode))
  t.same(await statuses(), [200, 200])
  await manager.send(page, { name: 'Diary', kind: 'public', redirect_uris: redirectUri, scope: '' })
  t.same(await statuses(), [401, 200])
})

t.test('a mistake is shown at its field, and what was typed stays', async t => {
  const key = rsa.jwk
  const app = { name: 'App', kind: 'public', redirect_uris: redirectUri }
  const keyed = { ...app, kind: 'key' }
  const job = { name: 'Job', kind: 'backend', jwks: keySet(rsa) }
  const table: readonly (readonly [fields: Readonly<Record<string, string>>, name: string, told: RegExp])[] = [
    [{ ...app, name: '' }, 'name', /a name of 1 to 100 characters/],
    [{ ...app, name: 'a\u202eb' }, 'name', /a name of 1 to 100 characters/],
    [{ ...app, name: '\u3164 ' }, 'name', /that can be seen/],
    [{ ...app, kind: '' }, 'kind', /Choose a type/],
    [{ ...app, kind: '', name: '' }, 'name', /a name of 1 to 100 characters/],
    [{ ...app, kind: 'everything' }, 'kind', /Choose a type/],
    [{ ...app, redirect_uris: '' }, 'redirect_uris', /At least one address/],
    [{ ...app, redirect_uris: 'https://app.example.org/#x' }, 'redirect_uris', /without a fragment/],
    [{ ...app, redirect_uris: 'http://app.example.org/back' }, 'redirect_uris', /must be https/],
    [{ ...app, redirect_uris: 'http://127.0.0.1.example.org/' }, 'redirect_uris', /must be https/],
    [{ ...app, redirect_uris: 'http://0x7f.1@evil.example/' }, 'redirect_uris', /no name or password/],
    [{ ...app, redirect_uris: 'javascript:alert(1)' }, 'redirect_uris', /must be https/],
    [{ ...app, redirect_uris: 'data:text/html,x' }, 'redirect_uris', /must be https/],
    [{ ...app, redirect_uris: '//evil.example/' }, 'redirect_uris', /whole URL/],
    [{ ...app, redirect_uris: 'https://*.example.org/' }, 'redirect_uris', /whole URL/],
    [
      { ...app, redirect_uris: `https://app.example.org/${'x'.repeat(2000)}` },
      'redirect_uris',
      /This must be a list of at most 20/,
    ],
    [{ ...app, launch_uris: 'javascript:alert(1)' }, 'launch_uris', /must be https/],
    [keyed, 'jwks_uri', /Enter where its keys are, or the keys themselves/],
    [{ ...keyed, jwks: keySet(rsa), jwks_uri: 'https://keys.example.org/a' }, 'jwks_uri', /not both/],
    [{ ...keyed, jwks_uri: 'http://169.254.169.254/latest' }, 'jwks_uri', /only https/],
    [{ ...keyed, jwks_uri: 'https://10.0.0.1/keys' }, 'jwks_uri', /not a public address/],
    [
      { ...keyed, jwks_uri: 'https://elsewhere.example/keys' },
      'jwks_uri',
      /^“https:\/\/elsewhere\.example” is not among the servers .*: the operator of this server has to allow it first/,
    ],
    [{ ...app, jwks: keySet(rsa) }, 'jwks', /Only an app with a key/],
    [{ ...app, jwks_uri: 'https://keys.example.org/a' }, 'jwks_uri', /Only an app with a key/],
    [{ ...job, jwks: 'no json' }, 'jwks', /This is no JSON/],
    [{ ...job, jwks: 'null' }, 'jwks', /object with keys/],
    [{ ...job, jwks: '{"keys":[1]}' }, 'jwks', /kid/],
    [{ ...job, jwks: JSON.stringify({ keys: [{ ...key, d: 'AAAA' }] }) }, 'jwks', /public keys only/],
    [{ ...job, jwks: '{"keys":[{"kty":"RSA","kid":"a"}]}' }, 'jwks', /The key a is no whole RSA key/],
    [{ ...job, jwks: JSON.stringify({ keys: [{ ...key, use: 'enc' }] }) }, 'jwks', /must be sig, or left out/],
    [{ ...job, jwks: '', jwks_uri: 'nope' }, 'jwks_uri', /^Enter the whole address of the key set, such as https/],
    [{ ...job, jwks: keySet(rsa, rsa) }, 'jwks', /No two keys of one kty may have the same kid/],
    [{ ...job, jwks: JSON.stringify({ keys: Array.from({ length: 21 }, () => key) }) }, 'jwks', /at most 20 keys/],
    [{ ...job, redirect_uris: redirectUri }, 'redirect_uris', /sends nobody back/],
    [{ ...job, launch_uris: redirectUri }, 'launch_uris', /not opened by people/],
    [{ ...job, scope: 'user/Patient.rs' }, 'scope', /“user\/Patient\.rs” is no system\/ scope/],
    [{ ...app, scope: 'system/Patient.rs' }, 'scope', /no user\/ scope/],
    [{ ...app, scope: 'patient/Patient.rs' }, 'scope', /no user\/ scope/],
    [{ ...job, scope: 'system/Nothing.rs' }, 'scope', /no type of resource/],
    [{ ...app, scope: 'user/Nothing.rs' }, 'scope', /no type of resource/],
    [{ ...app, scope: 'user/Observation.rs?colour=red' }, 'scope', /no search parameter of Observation/],
    [{ ...job, scope: 'system/Observation.rs?code:in=x' }, 'scope', /no modifier/],
    [{ ...job, scope: 'system/Observation.rs?subject.name=x' }, 'scope', /no other resources/],
  ]
  const before = (await told()).length
  for (const [fields, name, problem] of table) {
    const shown = await manager.send(fresh, fields)
    t.equal(shown.status, 422, JSON.stringify(fields).slice(0, 200))
    const [, text = ''] = new RegExp(`<p class="[^"]*" id="${name}-problem">([^<]*)</p>`).exec(shown.body) ?? []
    t.match(text, problem, JSON.stringify(fields).slice(0, 200))
    t.match(shown.body, `<li><a href="#${name}">`)
    t.match(shown.body, `value="${fields.name}"`)
  }
  const wrong = { name: ' ', redirect_uris: 'no', launch_uris: 'http://x', scope: 'user', kind: 'secret' }
  const all = wordsOf(await manager.send(fresh, wrong))
  for (const problem of [
    /Enter a name of 1 to 100/,
    /“no” must be a whole URL/,
    /“http:\/\/x” must be https/,
    /no user\/ scope/,
  ])
    t.match(all, problem, 'everything is said at once')
  t.equal((await told()).length, before, 'nothing was saved, so nothing is recorded')
  t.match(await manager.send(fresh, { ...job, jwks: 'x'.repeat(70_000) }), { status: 413 })
})

t.test('a service stays a service, and an app an app', async t => {
  const page = pageOf(await service(manager, 'system/Patient.rs'))
  const shown = await manager.send(page, { name: 'x', kind: 'public', redirect_uris: redirectUri })
  t.match(shown, { status: 422, body: /register another/ })
})

t.test('nobody gives a service more than the rules allow themselves', async t => {
  const root = people.administrator
  for (const scope of [
    'system/Observation.rs',
    'system/Patient.r',
    'system/*.rs',
    'system/Organization.rs system/Consent.s',
  ]) {
    const shown = await service(root, scope)
    t.match(shown, { status: 422, body: /“system\/\S+”: you may see no \w+ yourself/ }, scope)
  }
  t.match(await service(root, 'system/Organization.rs'), { status: 303 })
  const page = pageOf(await service(manager, 'system/Observation.rs'))
  const said = { name: 'Night job', kind: 'backend', jwks: keySet(other), scope: 'system/Observation.rs' }
  t.match(await root.send(page, said), { status: 422 }, 'nor by giving it a key of their own')
  t.equal((await askAs(idOf({ location: page } as Shown), 'system/Observation.rs', other)).status, 401)
  t.match(await root.send(page, {}, `${page}/disable`), { status: 303 }, 'it can always be ended')
  t.match(await root.send(page, {}, `${page}/enable`), { status: 422, body: /This was not done: .*yourself/ })
})

t.test('nobody lets a service see studies that they do not see themselves', async t => {
  const below = `/organizations/${ward}/apps/new`
  const [ours, wards] = [people.manager, people['manager of the ward']]
  const page = pageOf(await service(ours, 'system/Patient.rs', {}, below))
  const scope = 'system/Patient.rs'
  const { id: study } = await world.newStudy(lab.manager, ward, 'wards', ['omh:heart-rate'])
  const refused = { status: 422, body: /Some studies here are not yours to see/ }
  t.match(await service(ours, scope, {}, below), refused, 'a manager from above sees no study below')
  t.match(await ours.send(page, { name: 'Night job', kind: 'backend', jwks: keySet(other), scope }), refused)
  t.match(await service(wards, scope, {}, below), { status: 303 })
  const [{ resource }] = (await world.pages('everything', `ResearchStudy?_id=${study}`)) as [
    { resource: ResearchStudy },
  ]
  const access = { url: extensions.access, valueCode: 'staff' }
  const named: ResearchStudy = { ...resource, extension: [...(resource.extension ?? []), access] }
  await world.update('everything', named)
  t.match(await service(wards, scope, {}, below), refused, 'nor one that only its named staff see')
  t.match(await wards.send(page, {}, `${page}/disable`), { status: 303 })
  t.match(await wards.send(page, {}, `${page}/enable`), refused)
  await world.update('everything', { ...named, status: 'completed' })
  t.match(await wards.send(page, {}, `${page}/enable`), { status: 303 }, 'a study that is over shows nothing')
})

t.test('only the operator changes what the operator allowed beyond the rules', async t => {
  const { id } = await world.client({
    organization: lab.organization,
    policies: ['data-submission', 'introspection'],
    metadata: { token_endpoint_auth_method: 'client_secret_basic' },
  })
  const page = `${pages}/${id}`
  t.match(
    wordsOf(await manager.get(page)),
    /lets it do more .*: it may send readings of patients whose consent covers them and ask about the tokens of other clients\. So only they/,
  )
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await manager.get(page)).body)?.[1] ?? ''
  const taken = await manager.post(page, { _csrf, name: 'x', kind: 'secret', redirect_uris: 'https://evil.example/' })
  t.equal(taken.status, 403)
  t.match(await manager.post(`${page}/secret`, { _csrf }), { status: 422, body: /Only the operator/ })
  t.match(await manager.send(page, {}, `${page}/disable`), { status: 303 })
  t.match(await manager.send(page, {}, `${page}/enable`), { status: 303 })
})

t.test('nobody else sees or changes anything, or is told whether it exists', async t => {
  const page = pageOf(await service(manager, 'system/Patient.rs', { name: 'hidden-name' }))
  const id = page.split('/').at(-1) ?? ''
  const absent = `/organizations/${'0'.repeat(36)}/apps`
  const said = { name: 'taken', kind: 'backend', jwks: keySet(other), scope: 'system/Patient.rs' }
  const without = ({ status, body }: Shown) => ({ status, body: body.replace(/this number: [\w-]+/, '') })
  const strangers = [
    'manager of another tenant',
    'member',
    'viewer',
    'privacy officer',
    'patient',
    'manager of the ward',
  ]
  for (const name of strangers as (keyof typeof people)[]) {
    const who = people[name]
    for (const [there, nowhere] of [
      [pages, absent],
      [fresh, `${absent}/new`],
      [page, `${absent}/${id}`],
    ] as const) {
      const shown = without(await who.get(there))
      t.equal(shown.status, 404, `${name} ${there}`)
      t.strictSame(shown, without(await who.get(nowhere)), `${name} ${there}`)
    }
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await who.get('/account')).body)?.[1] ?? ''
    for (const url of [fresh, page, `${page}/secret`, `${page}/disable`, `${page}/enable`])
      t.equal((await who.post(url, { _csrf, ...said })).status, 404, `${name} ${url}`)
  }
  const elsewhere = `/organizations/${clinic.organization}/apps/${id}`
  const foreign = people['manager of another tenant']
  t.strictSame(
    without(await foreign.get(elsewhere)),
    without(await foreign.get(`/organizations/${clinic.organization}/apps/${'0'.repeat(22)}`)),
    'another tenant’s app below one’s own address',
  )
  t.equal((await foreign.get(elsewhere)).status, 404)
  for (const url of [fresh, page, `${page}/secret`, `${page}/disable`]) {
    t.match(await openBrowser(server).get(url.replace(/\/(secret|disable)$/, '')), { status: 303, body: '' })
    t.equal((await manager.post(url, said)).status, 403, `no other site can send ${url}`)
  }
  t.equal((await askAs(id, 'system/Patient.rs')).status, 200, 'nothing has changed')
  t.notMatch(JSON.stringify(await told(persons['manager of another tenant'])), /hidden-name/)
})

t.test('the privacy officer is shown who did what, and no secret', async t => {
  const before = (await told()).length
  const made = await register(manager, { name: 'Told', kind: 'secret', scope: 'user/Patient.rs' })
  const page = /<a href="([^"]*)">I have saved it/.exec(made.body)?.[1] ?? ''
  const id = page.split('/').at(-1)
  await manager.send(page, { name: 'Told', kind: 'secret', redirect_uris: redirectUri, scope: 'user/Patient.r' })
  const renewed = await manager.send(page, {}, `${page}/secret`)
  await manager.send(page, {}, `${page}/disable`)
  await manager.send(page, {}, `${page}/enable`)
  const events = (await told()).slice(0, -before || undefined).toReversed()
  const told5 = events.map((event: { action: string; outcomeDesc: string; entity: { detail?: object[] }[] }) => [
    event.action,
    event.outcomeDesc,
    event.entity[0]?.detail,
  ])
  t.strictSame(told5, [
    [
      'C',
      'The app Told was registered',
      [
        { type: 'name', valueString: 'Told' },
        { type: 'scope', valueString: 'user/Patient.rs' },
        { type: 'token_endpoint_auth_method', valueString: 'client_secret_basic' },
        { type: 'redirect_uris', valueString: redirectUri },
        { type: 'launch_uris', valueString: 'none' },
        { type: 'jwks_uri', valueString: 'none' },
        { type: 'keys', valueString: 'none' },
      ],
    ],
    ['U', 'The app Told was changed', [{ type: 'scope', valueString: 'user/Patient.r' }]],
    ['U', 'The app Told was given a new secret', undefined],
    ['U', 'The app Told was disabled', undefined],
    ['U', 'The app Told was enabled', undefined],
  ])
  for (const event of events)
    t.match(event, {
      type: { code: '110113' },
      subtype: [{ code: '110129' }],
      agent: [{ who: accountOf(persons.manager), name: 'The manager', requestor: true }],
      entity: [{ what: { identifier: { value: id } } }],
      meta: { tag: [{ code: lab.organization }] },
    })
  t.notMatch(JSON.stringify(await told()), new RegExp(`${secretIn(made)}|${secretIn(renewed)}`))
})
