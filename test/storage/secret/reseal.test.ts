import { randomBytes } from 'node:crypto'
import t from 'tap'
import { readEhrKeys } from '../../../src/auth/ehr/keys.ts'
import { readSigningKeys } from '../../../src/auth/provider/signing-keys.ts'
import { openDatabase } from '../../../src/storage/database.ts'
import { resealAll } from '../../../src/storage/secret/reseal.ts'
import { type Kind, seal, unseal } from '../../../src/storage/secret/sealed.ts'
import { sql } from '../../../src/storage/sql.ts'
import { keepLetter } from '../../../src/storage/work/letter.ts'
import { openTestDatabase } from '../../support/database.ts'

// A second connection of the same pool would be taken for that of a server.
const { url, database } = await openTestDatabase(t, { poolSize: 1 })
const [old, next, another] = [randomBytes(32), randomBytes(32), randomBytes(32)]

const signing = await readSigningKeys(database, old)
const ofEhrs = await readEhrKeys(database, old)
await database.run(sql.fragment`
  INSERT INTO smart_client_config (issuer, organization, client_id, authentication, secret, scope, requires_nonce, enabled)
  VALUES ('https://ehr.example.org', 'clinic', 'us', 'secret', ${await seal(old, 'launches from an EHR', 'the EHR’s')}, '', true, true),
    ('https://other.example.org', 'clinic', 'us', 'none', NULL, '', true, true)`)
await database.run(sql.fragment`
  INSERT INTO user_account (email, person, authenticator)
  VALUES ('ana@example.org', 'ana', ${await seal(old, 'authenticators', 'the app’s')}), ('ben@example.org', 'ben', NULL)`)
await keepLetter(database, await seal(old, 'letters', 'a letter'), 1)
await database.run(sql.fragment`
  INSERT INTO ehr_arrival (hash, browser_hash, config, arrived, expires_at)
  VALUES ('x', 'x', 'https://ehr.example.org', 'sealed by the old one', now() + interval '1 hour')`)

const sealedNow = async (): Promise<readonly (readonly [Kind, string])[]> => {
  const { secret } = await database.one<{ secret: string }>(
    sql.fragment`SELECT secret FROM smart_client_config WHERE secret IS NOT NULL`,
  )
  const { authenticator } = await database.one<{ authenticator: string }>(
    sql.fragment`SELECT authenticator FROM user_account WHERE authenticator IS NOT NULL`,
  )
  const letter = await database.one<{ sealed: string }>(sql.fragment`SELECT sealed FROM letter`)
  return [
    ['letters', letter.sealed],
    ['launches from an EHR', secret],
    ['authenticators', authenticator],
  ]
}

t.test('every column with something sealed is known to this test', async t => {
  const columns = await database.any<{ name: string }>(sql.fragment`
    SELECT table_name || '.' || column_name AS name FROM information_schema.columns
    WHERE table_schema = 'public' AND data_type = 'text'
      AND column_name IN ('sealed', 'secret', 'authenticator', 'arrived') ORDER BY name`)
  t.strictSame(
    columns.map(({ name }) => name),
    [
      'ehr_arrival.arrived',
      'ehr_key.sealed',
      'letter.sealed',
      'sign_in_step.authenticator',
      'signing_key.sealed',
      'smart_client_config.secret',
      'user_account.authenticator',
    ],
  )
})

t.test('while a server is connected nothing is changed', async t => {
  const server = openDatabase(url, { poolSize: 1 })
  await server.one(sql.fragment`SELECT 1`)
  await t.rejects(resealAll(database, { from: old, to: next }), { message: /stop the server first/ })
  await server.close()
  t.strictSame(await readSigningKeys(database, old), signing)
})

t.test('if a server starts meanwhile, nothing is changed: it would go on sealing with the old key', async t => {
  const server = openDatabase(url, { poolSize: 1 })
  const startsMeanwhile: typeof database = {
    ...database,
    transaction: run =>
      database.transaction(connection =>
        run({
          ...connection,
          run: async fragment => {
            await server.one(sql.fragment`SELECT 1`)
            return connection.run(fragment)
          },
        }),
      ),
  }
  await t.rejects(resealAll(startsMeanwhile, { from: old, to: next }), { message: /stop the server first/ })
  await server.close()
  t.strictSame(await readSigningKeys(database, old), signing)
})

t.test('with a wrong old key nothing is changed', async t => {
  await t.rejects(resealAll(database, { from: another, to: next }), { message: /sealed by another SECRET_KEY/ })
  t.strictSame(await readSigningKeys(database, old), signing)
})

t.test('afterwards the new key opens everything, and the old key nothing', async t => {
  t.equal(await resealAll(database, { from: old, to: next }), 6)
  t.strictSame(await readSigningKeys(database, next), signing)
  t.strictSame(await readEhrKeys(database, next), ofEhrs)
  const opened = await Promise.all((await sealedNow()).map(([kind, sealed]) => unseal(next, kind, sealed)))
  t.strictSame(opened, ['a letter', 'the EHR’s', 'the app’s'])
  await t.rejects(readSigningKeys(database, old))
  await t.rejects(readEhrKeys(database, old))
  for (const [kind, sealed] of await sealedNow()) await t.rejects(unseal(old, kind, sealed), kind)
  t.equal(await database.maybeOne(sql.fragment`SELECT FROM ehr_arrival`), undefined, 'sign-ins under way begin again')
})

t.test('doing it again, as after a crash, changes nothing', async t => {
  const before = await sealedNow()
  t.equal(await resealAll(database, { from: old, to: next }), 6)
  t.strictSame(await sealedNow(), before)
})
