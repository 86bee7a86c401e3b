import t from 'tap'
import { createGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import { findRecord, keepRecord, removeExpired } from '../../../src/storage/authorization/authorization-record.ts'
import { findClient, holdClient, keepClient } from '../../../src/storage/authorization/client-registration.ts'
import { sql } from '../../../src/storage/sql.ts'
import { setBackWhile } from '../../support/clock.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t, { poolSize: 2 })

t.test('the request of an app goes when it expires, and a code a day later', async t => {
  const hourSeconds = 3600
  const records = [
    { kind: 'Interaction', key: 'asked just now', ttlSeconds: hourSeconds },
    { kind: 'Interaction', key: 'never answered', ttlSeconds: -1 },
    { kind: 'AuthorizationCode', key: 'used a moment ago', ttlSeconds: -1 },
    { kind: 'AuthorizationCode', key: 'used two days ago', ttlSeconds: -48 * hourSeconds },
  ]
  for (const record of records) await keepRecord(database, { ...record, payload: { state: record.key } })
  await removeExpired(database)
  const left = await Promise.all(records.map(({ kind, key }) => findRecord(database, kind, key)))
  t.same(
    left.flatMap(found => found?.payload.state ?? []),
    ['asked just now', 'used a moment ago'],
  )
})

t.test(
  'a token that expired a month ago goes, unless a Subscription or a waiting document still depends on it',
  async t => {
    const tokens = [
      'unused',
      'of a Subscription',
      'of one that is off',
      'of a document that waits',
      'of one that was taken',
    ]
    await database.run(sql.fragment`
    INSERT INTO token (hash, kind, client_id, scope, expires_at)
    SELECT sha256(name::bytea), 'client', 'job', name, now() - interval '31 days' FROM unnest(${sql.array(tokens, 'text')}) AS name`)
    await database.run(sql.fragment`
    INSERT INTO subscriber (id, status, type, ends_at, hash, kind, client_id, scope, context)
    SELECT status, status, 'Observation', 'infinity', sha256(name::bytea), 'client', 'job', '', '{}'
    FROM (VALUES ('active', 'of a Subscription'), ('off', 'of one that is off')) AS written(status, name)`)
    await database.run(sql.fragment`
    INSERT INTO quarantined_document (id, pk, patient, source, organization, digest, size, rule, pointer, schema, times, interaction, state,
      hash, kind, client_id, scope, context)
    SELECT gen_random_uuid(), 1, 'ann', '', '', state::bytea, 1, '', '', '', 1, 'create', state, sha256(name::bytea), 'client', 'job', '', '{}'
    FROM (VALUES ('waiting', 'of a document that waits'), ('taken', 'of one that was taken')) AS came(state, name)`)
    setBackWhile(t, 601)
    await removeExpired(database)
    const left = await database.any<{ scope: string }>(sql.fragment`SELECT scope FROM token ORDER BY scope`)
    t.strictSame(
      left.map(({ scope }) => scope),
      ['of a Subscription', 'of a document that waits'],
    )
  },
)

t.test('an app that nobody has used for a month stays if somebody is just granting it something', async t => {
  const metadata = { redirect_uris: [], grant_types: [], response_types: [], token_endpoint_auth_method: 'none' }
  const app = { name: 'Diary', policies: [], scope: '', selfRegistered: true, metadata }
  for (const id of ['granted', 'unused']) await keepClient(database, { ...app, id })
  await database.run(sql.fragment`UPDATE client SET registered_at = now() - interval '31 days'`)
  setBackWhile(t, 1202)
  await database.transaction(async connection => {
    await holdClient(connection, 'granted')
    const given = { client: 'granted', patient: 'ann', scope: 'patient/*.rs', context: {}, ttlSeconds: 60 }
    await createGrant(connection, given)
    await removeExpired(database)
  })
  t.match(await findClient(database, 'granted'), { id: 'granted' })
  t.equal(await findClient(database, 'unused'), undefined)
  setBackWhile(t, 1803)
  await removeExpired(database)
  t.match(await findClient(database, 'granted'), { id: 'granted' }, 'nor does it go afterwards, though it has no token')
})
