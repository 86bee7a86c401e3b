import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { disable } from '../../../src/auth/client/approved-clients.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { sql } from '../../../src/storage/sql.ts'
import { assertion, assertionType, makeKey } from '../backend.ts'
import { openApps, tokenRequest } from '../world.ts'

const world = await openApps()
const { server, database, lab, client, send, officer, institution } = world
t.teardown(() => server.close())

const [key, otherKey] = await Promise.all([makeKey('ES384'), makeKey('ES384')])
const service = async (name: string, more: { readonly selfRegistered?: boolean } = {}) => {
  const { id } = await client({
    name,
    ...(more.selfRegistered ? {} : { organization: lab.organization }),
    scope: 'system/Patient.r',
    metadata: {
      redirect_uris: [],
      response_types: [],
      grant_types: ['client_credentials'],
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [key.jwk] },
    },
    ...more,
  })
  return id
}
const ask = async (id: string, by = key) =>
  tokenRequest(server, {
    grant_type: 'client_credentials',
    scope: 'system/Patient.r',
    client_assertion_type: assertionType,
    client_assertion: await assertion(id, by),
  })
const refused = { status: 401, body: { error: 'invalid_client' } }

const recordedOf = (id: string) =>
  database.any<{ outcome: number }>(
    sql.fragment`SELECT outcome FROM audit_record WHERE interaction = 'sign-in' AND client = ${id} ORDER BY id`,
  )
const told = async (bearer: string, id: string): Promise<readonly AuditEvent[]> =>
  ((await send(bearer, 'GET', 'AuditEvent?subtype=110122&_count=1000&_sort=date')).json().entry ?? [])
    .map(({ resource }: { resource: AuditEvent }) => resource)
    .filter(({ agent }: AuditEvent) => agent.some(({ who }) => who?.identifier?.value === id))

t.test('a service that asks for a token is recorded for its organization, even if authentication fails', async t => {
  const id = await service('Night job')
  t.equal((await ask(id)).status, 200)
  t.match(await ask(id, otherKey), refused)
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const events = await told(await officer(lab.organization, 'lab-officer'), id)
  t.match(
    events.map(({ outcome, outcomeDesc, agent, entity }) => ({ outcome, outcomeDesc, agent, entity })),
    [
      { outcome: '0', outcomeDesc: 'HTTP 200' },
      { outcome: '4', outcomeDesc: 'HTTP 401' },
    ].map(one => ({
      ...one,
      agent: [{ requestor: true, name: 'Night job', who: { identifier: { value: id } } }, { requestor: false }],
      entity: [{ type: { code: 'XrequestId' }, what: { identifier: { value: String } } }],
    })),
  )
  const elsewhere = await institution('elsewhere')
  t.strictSame(await told(await officer(elsewhere.organization, 'foreign-officer'), id), [])
  t.strictSame(await told(world.administrator, id), [], 'it belongs to the organization')
})

t.test('a wrong secret is recorded, at whichever endpoint', async t => {
  for (const path of ['/oauth/token', '/oauth/token/introspection', '/oauth/token/revocation']) {
    const metadata = { token_endpoint_auth_method: 'client_secret_basic' }
    const { id, secret } = await client({ name: 'Study desk', organization: lab.organization, metadata })
    const by = (password: string) => ({
      authorization: `Basic ${Buffer.from(`${id}:${password}`).toString('base64')}`,
    })
    const form = { grant_type: 'refresh_token', refresh_token: 'x', token: 'x' }
    t.match(await tokenRequest(server, form, by('wrong'), path), refused)
    t.not((await tokenRequest(server, form, by(secret), path)).status, 401)
    t.strictSame(await recordedOf(id), [{ outcome: 401 }], path)
  }
})

t.test('so is one that is shown as a partner of Cloud Storage, with the request', async t => {
  const { id } = await client({
    policies: ['cloud-storage-partner'],
    metadata: { token_endpoint_auth_method: 'client_secret_basic' },
  })
  const headers = { authorization: `Basic ${Buffer.from(`${id}:wrong`).toString('base64')}` }
  for (const path of ['', '/users/somebody'])
    t.equal((await server.inject({ url: `/api/v1/sharing-partners/${id}${path}`, headers })).statusCode, 401)
  t.match(
    await database.any(sql.fragment`SELECT interaction, outcome, request FROM audit_record WHERE client = ${id}`),
    [{ interaction: 'sign-in', outcome: 401, request: String }],
  )
})

t.test('somebody who keeps trying is recorded once a minute', async t => {
  const id = await service('Tried')
  t.match(await Promise.all(Array.from({ length: 5 }, () => ask(id, otherKey))), Array(5).fill(refused))
  t.match(await ask(id, otherKey), refused)
  t.strictSame(await recordedOf(id), [{ outcome: 401 }])
  t.equal((await ask(id)).status, 200)
  t.strictSame(await recordedOf(id), [{ outcome: 401 }, { outcome: 200 }], 'the client itself each time')
})

t.test('a disabled client is recorded as well', async t => {
  const id = await service('Disabled')
  await disable(database, id, 'operator')
  t.match(await ask(id), refused)
  t.strictSame(await recordedOf(id), [{ outcome: 401 }])
})

t.test('for an unknown client, or one that registered itself, nothing is recorded', async t => {
  t.match(await ask('nobody'), refused)
  t.strictSame(await recordedOf('nobody'), [])
  const stranger = await service('Stranger', { selfRegistered: true })
  t.match(await ask(stranger, otherKey), refused)
  t.strictSame(await recordedOf(stranger), [])
})

t.test('an assertion whose claims are of no sense is refused, at whichever endpoint', async t => {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  for (const path of ['/oauth/token', '/oauth/token/introspection', '/oauth/token/revocation'])
    for (const claims of [
      { iss: { toString: 1 } },
      { iss: ['a'], sub: ['a'] },
      { iss: 'a', exp: { valueOf: 1 } },
      [],
    ]) {
      const client_assertion = `${part({ alg: 'ES384', kid: { toString: 1 } })}.${part(claims)}.AA`
      const form = {
        grant_type: 'client_credentials',
        token: 'x',
        client_assertion_type: assertionType,
        client_assertion,
      }
      const { status, body } = await tokenRequest(server, form, {}, path)
      t.match([400, 401].includes(status), true, `${path} ${JSON.stringify(claims)} ${status}`)
      t.match(body, { error: /^invalid_/ })
    }
})

t.test('if it cannot be recorded no token is issued, and no refusal is answered', async t => {
  const id = await service('Unrecorded')
  await database.run(sql.fragment`
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'the disk is full'; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER refuse BEFORE INSERT ON audit_record FOR EACH ROW EXECUTE FUNCTION refuse()`)
  const answers = [await ask(id), await ask(id, otherKey)]
  await database.run(sql.fragment`DROP TRIGGER refuse ON audit_record`)
  for (const answer of answers) t.match(answer, { status: 500, body: { error: 'server_error' } })
  t.match(await ask(id, otherKey), refused)
  t.strictSame(await recordedOf(id), [{ outcome: 401 }])
})

t.test('if it cannot be recorded for the moment, the client is told to come again', async t => {
  const id = await service('Later')
  await database.run(sql.fragment`
    CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'full' USING ERRCODE = '53100'; END $$`)
  await database.run(sql.fragment`
    CREATE TRIGGER no_room BEFORE INSERT ON audit_record FOR EACH ROW EXECUTE FUNCTION no_room()`)
  const answers = [await ask(id), await ask(id, otherKey)]
  await database.run(sql.fragment`DROP TRIGGER no_room ON audit_record`)
  for (const answer of answers)
    t.match(answer, { status: 503, headers: { 'retry-after': '2' }, body: { error: 'temporarily_unavailable' } })
  t.match(await ask(id, otherKey), refused)
  t.strictSame(await recordedOf(id), [{ outcome: 401 }])
})
