import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openOlderDatabase } from '../../support/older-database.ts'

t.test('an update ends the secrets of clients that an earlier version let authenticate in another way', async t => {
  const { database, update } = await openOlderDatabase(t, '0115')
  await database.run(sql.fragment`
    INSERT INTO client (id, name, secret_hash, registration)
    SELECT method, 'App', '\\x07', jsonb_build_object('token_endpoint_auth_method', method)
    FROM unnest(ARRAY['client_secret_basic', 'client_secret_post', 'none', 'private_key_jwt']) AS method`)
  await update()
  t.strictSame(await database.any(sql.fragment`SELECT id FROM client WHERE secret_hash IS NOT NULL ORDER BY id`), [
    { id: 'client_secret_basic' },
    { id: 'client_secret_post' },
  ])
})
