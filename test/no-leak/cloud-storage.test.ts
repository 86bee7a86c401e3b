import t from 'tap'
import { disable } from '../../src/auth/client/approved-clients.ts'
import { sql } from '../../src/storage/sql.ts'
import { authorizeQuery, openApps, pkce } from '../auth/world.ts'
import { openPartner } from '../faces/cloud-storage/partner.ts'
import { base, openPerson } from '../faces/cloud-storage/patient.ts'

/** What a partner of CommonHealth Cloud Storage may not know looks as if it did not exist, and no link does more than it says. */
const world = await openApps()
const { server, database, ann, bob, account, client, study } = world
t.teardown(() => server.close())

const partnerOf = async (name: string, policies: readonly 'cloud-storage-partner'[] = ['cloud-storage-partner']) => {
  const metadata = { redirect_uris: [`${base}/account/apps`], token_endpoint_auth_method: 'client_secret_basic' }
  const { id, secret } = await client({ name, policies, metadata })
  return { id, secret, ...openPartner(server, { clientId: id, clientSecret: secret }) }
}
const trial = await partnerOf('Trial')
const other = await partnerOf('Other')
const unmarked = await partnerOf('Unmarked', [])
for (const one of [trial, other]) await one.updateSigningKeys()

const measure = async (patient: string, name: string, measured: object) => {
  const time = '2026-01-01T08:00:00Z'
  const header = {
    uuid: crypto.randomUUID(),
    schema_id: { namespace: 'omh', name, version: '2.0' },
    modality: 'sensed',
  }
  const { statusCode } = await server.inject({
    method: 'POST',
    url: `/omh/v1/dataPoints?patient=${patient}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/json' },
    payload: JSON.stringify({
      header: { ...header, source_creation_date_time: time },
      body: { ...measured, effective_time_frame: { date_time: time } },
    }),
  })
  if (statusCode !== 201) throw new Error(String(statusCode))
}
for (const patient of [ann, bob]) {
  await measure(patient, 'heart-rate', { heart_rate: { value: 60, unit: 'beats/min' } })
  await measure(patient, 'body-weight', { body_weight: { value: 70, unit: 'kg' } })
}
const anns = await openPerson(world, await account(ann))
const bobs = await openPerson(world, await account(bob))
const heart = 'OMHealthResource.HeartRate.Read'

/** Without what differs between requests. */
const shown = ({ status, body }: { readonly status: number; readonly body: object }) => [status, JSON.stringify(body)]

t.test('whoever is not a partner of the operator’s, or shows another secret, learns nothing else', async t => {
  const wrong = (clientId: string, clientSecret: string) =>
    openPartner(server, { clientId, clientSecret, partnerId: trial.id })
  const refused = shown(await wrong('nobody', trial.secret).get())
  t.equal(refused[0], 401)
  const gone = await partnerOf('Gone')
  await disable(database, gone.id, 'operator')
  const rows = [
    ['another secret', wrong(trial.id, other.secret)],
    ['no secret', wrong(trial.id, '')],
    ['an id that no client has', wrong('\u0000', trial.secret)],
    ['a client that is not marked', unmarked],
    ['a client that was disabled', gone],
  ] as const
  for (const [who, asking] of rows)
    for (const path of ['', '/users/nobody']) t.strictSame(shown(await asking.get(path)), refused, `${who}: ${path}`)
  t.strictSame(shown(await unmarked.post([], '/signing_keys')), refused)
  const { statusCode, headers } = await server.inject({ url: `/api/v1/sharing-partners/${trial.id}` })
  t.match([statusCode, headers['www-authenticate']], [401, /^Basic /])
})

t.test('what is not shared with a partner, or no longer, looks like what never existed', async t => {
  await anns.allow(await trial.deepLink('ann', heart))
  t.equal((await trial.fetchData('ann'))?.length, 1, 'her heart rate, and neither her weight nor others’ data')
  const never = shown(await trial.get('/users/nobody'))
  t.equal(never[0], 404)

  const asTrial = openPartner(server, { clientId: other.id, clientSecret: other.secret, partnerId: trial.id })
  t.strictSame(shown(await asTrial.get(trial.userPath('ann'))), never, 'to another partner, with the path of the first')
  t.strictSame(shown(await asTrial.get()), never, 'nor what that one says of itself')
  t.strictSame(shown(await asTrial.post({ name: 'Mine' })), never)
  t.strictSame(shown(await other.get(trial.userPath('ann'))), never, 'to another partner, with its own path')
  t.strictSame(shown(await trial.get('/users/%00')), never)

  const grants = sql.fragment`UPDATE authorization_grant SET expires_at = now() WHERE client_id = ${trial.id}`
  await database.run(grants)
  t.strictSame(shown(await trial.get(trial.userPath('ann'))), never, 'expired')

  await anns.allow(await trial.deepLink('ann', heart))
  t.equal((await trial.get(trial.userPath('ann'))).status, 200)
  await server.authorization.grantedApps.revokeAll(anns.person)
  t.strictSame(shown(await trial.get(trial.userPath('ann'))), never, 'revoked')

  await anns.allow(await trial.deepLink('ann', `${heart} OMHealthResource.BloodPressure.Read`))
  await anns.allow(
    await trial.deepLink('ann', `${heart} OMHealthResource.BloodPressure.Read`),
    scope => !scope.includes('heart-rate'),
  )
  t.strictSame(await trial.fetchData('ann'), [], 'of a kind that was removed')
})

t.test('a link that is not signed by a partner, or not valid, leads nowhere', async t => {
  const now = Math.floor(Date.now() / 1000)
  const link = await trial.deepLink('ann', heart)
  const [header = '', payload = '', signature = ''] = link.split('=')[1]?.split('.') ?? []
  const widened = Buffer.from(
    Buffer.from(payload, 'base64url').toString().replace(heart, 'OMHealthResource.BloodGlucose.Read'),
  ).toString('base64url')
  const asked = (jwt: string) => `?authorization_request=${jwt}`
  const of = (claims: object) => trial.deepLink('ann', heart, { claims })
  await other.deepLink('ann', heart)
  const links = {
    nothing: '',
    'no token': asked('link'),
    'other words under the signature': asked(`${header}.${widened}.${signature}`),
    'no signature': asked(`${header}.${payload}.`),
    'half a signature': asked(`${header}.${payload}.${signature.slice(0, 40)}`),
    'the signature of another link': asked(`${header}.${payload}.${(await of({})).split('.')[2]}`),
    'by the key of another partner': await other.deepLink('ann', heart, { claims: { iss: trial.id } }),
    'of a client that is not marked': await trial.deepLink('ann', heart, { claims: { iss: unmarked.id } }),
    'of nobody': await of({ iss: 'nobody' }),
    'of what is no id': await of({ iss: '\u0000' }),
    'by another algorithm': await trial.deepLink('ann', heart, { alg: 'none' }),
    'too old': await of({ exp: now - 1 }),
    'without an end': await of({ exp: undefined }),
    'of tomorrow': await of({ iat: now + 3600 }),
    'for ten years': await of({ exp: now + 10 * 365 * 24 * 3600 }),
    'without a nonce': await of({ nonce: 'short' }),
    'without a request': await of({ request_id: undefined }),
    'for a user who is no id': await of({ user_id: '../../x' }),
    'for no key': await of({ encryption_public_key: undefined }),
    'for a key of another kind': await of({ encryption_public_key: (await trial.get()).body.signing_keys[0] }),
    'for more than kinds of data': await of({ scope: 'patient/*.cruds user/*.cruds' }),
  }
  for (const [what, one] of Object.entries(links)) t.match(await anns.open(one), { status: 410 }, what)
})

t.test('the authorization endpoint accepts a link of the client, with what it asks for, and nothing else', async t => {
  const jwt = async (partner: typeof trial) => (await partner.deepLink('ann', heart)).split('=')[1]
  const scope = `${heart} offline_access`
  const rows = [
    ['a wider scope', trial.id, `${scope} patient/*.rs`, await jwt(trial)],
    ['another scope', trial.id, 'patient/Observation.rs offline_access', await jwt(trial)],
    ['the link of another partner', trial.id, scope, await jwt(other)],
    ['no link', trial.id, scope, 'link'],
  ] as const
  const ask = async (id: string, asked: string, link: string | undefined) => {
    const more = { redirect_uri: `${base}/account/apps`, authorization_request: link }
    const { location = '' } = await anns.browser.get(
      `/oauth/authorize?${authorizeQuery(id, asked, pkce().challenge, more)}`,
    )
    return location.replace(base, '')
  }
  for (const [what, id, asked, link] of rows) t.match(await ask(id, asked, link), /error=invalid_request/, what)
  t.match(await ask(trial.id, scope, await jwt(trial)), /^\/authorize\//)
})

t.test('a link is used once, even in two windows at once', async t => {
  const link = await trial.deepLink('ann', heart)
  const windows = [await anns.open(link), await anns.open(link)]
  const inBobs = await bobs.open(link)
  const first = windows[1] ?? inBobs
  t.match(await anns.decide(first.url, first.scopes), { status: 303 })
  t.match(await bobs.decide(inBobs.url, inBobs.scopes), { status: 410 })
  t.match(await anns.open(link), { status: 410 })
  t.match(await bobs.open(link), { status: 410 })
  t.equal((await server.authorization.grantedApps.list(bobs.person)).length, 0, 'nothing else was granted')
  t.equal((await server.authorization.grantedApps.list(anns.person)).length, 1)
})

t.test('while one patient shares under an id, no other can, and nobody can for them', async t => {
  await anns.allow(await trial.deepLink('ann', heart))
  const before = (await trial.get(trial.userPath('ann'))).body[0].client_record_id
  const asked = await bobs.open(await trial.deepLink('ann', heart))
  t.match(await bobs.decide(asked.url, asked.scopes), { status: 409 })
  t.equal((await trial.get(trial.userPath('ann'))).body[0].client_record_id, before)

  const staff = await openPerson(world, study.researcher.person)
  const { url } = await staff.open(await trial.deepLink('new', heart))
  t.match(await staff.decide(url, asked.scopes, { patient: ann }), { status: 403 })
  t.equal((await trial.get(trial.userPath('new'))).status, 404)

  await server.authorization.grantedApps.revokeAll(anns.person)
  t.match(await bobs.allow(await trial.deepLink('ann', heart)), { status: 303 })
  t.equal((await trial.fetchData('ann'))?.length, 1)
})

t.test('secrets cannot be guessed', async t => {
  const guess = () =>
    server.inject({
      url: `/api/v1/sharing-partners/${trial.id}`,
      remoteAddress: '10.9.9.9',
      headers: { authorization: `Basic ${Buffer.from(`${trial.id}:x`).toString('base64')}` },
    })
  const statuses: number[] = []
  for (let tries = 0; tries < 3001; tries++) statuses.push((await guess()).statusCode)
  t.same([...new Set(statuses)], [401, 429])
})
