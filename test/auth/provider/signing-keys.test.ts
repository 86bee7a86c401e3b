import { randomBytes } from 'node:crypto'
import jose from 'node-jose'
import t from 'tap'
import { readSigningKeys, rotateSigningKey } from '../../../src/auth/provider/signing-keys.ts'
import { listSigningKeys, removeOldSigningKeys } from '../../../src/storage/authorization/signing-key.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const { database } = await openTestDatabase(t)
const secretKey = randomBytes(32)

t.test('the first start makes a key, and two at once make the same one', async t => {
  const [one, other] = await Promise.all([readSigningKeys(database, secretKey), readSigningKeys(database, secretKey)])
  t.equal(one.length, 1)
  t.strictSame(one, other)
  t.match(one[0], { kty: 'RSA', alg: 'RS256', use: 'sig', kid: /^[\w-]{43}$/ })
  t.strictSame(await readSigningKeys(database, secretKey), one, 'and the next finds it')
})

t.test('without SECRET_KEY the database reveals nothing of it', async t => {
  const [key] = await readSigningKeys(database, secretKey)
  const [kept] = await listSigningKeys(database)
  t.notMatch(kept?.sealed, key.d)
  t.match(Buffer.from(kept?.sealed.split('.')[0] ?? '', 'base64url').toString(), '{"alg":"dir","enc":"A256GCM"}')
  await t.rejects(readSigningKeys(database, randomBytes(32)), { message: /was sealed by another SECRET_KEY/ })
  await t.rejects(rotateSigningKey(database, randomBytes(32)), { message: /was sealed by another SECRET_KEY/ })
})

t.test('after a rotation the new one signs, and the old one still verifies until it is removed', async t => {
  const [old] = await readSigningKeys(database, secretKey)
  const kid = await rotateSigningKey(database, secretKey)
  const [now, before, ...others] = await readSigningKeys(database, secretKey)
  t.equal(now.kid, kid)
  t.strictSame(before, old)
  t.strictSame(others, [])
  const signed = await jose.JWS.createSign({ format: 'compact' }, await jose.JWK.asKey(old as object))
    .update('x')
    .final()
  const verified = await jose.JWS.createVerify(await jose.JWK.asKey(before as object)).verify(String(signed))
  t.equal(verified.payload.toString(), 'x')
  t.equal(await removeOldSigningKeys(database), 1)
  t.strictSame(await readSigningKeys(database, secretKey), [now])
})

t.test('a key that was made while the clock was ahead is replaced and removed like any other', async t => {
  const [old] = await readSigningKeys(database, secretKey)
  await database.run(sql.fragment`UPDATE signing_key SET made_at = now() + interval '1 year'`)
  const kid = await rotateSigningKey(database, secretKey)
  t.same(
    (await listSigningKeys(database)).map(key => key.kid),
    [kid, old.kid],
  )
  await removeOldSigningKeys(database)
  t.same(
    (await listSigningKeys(database)).map(key => key.kid),
    [kid],
  )
})

t.test('a running server publishes a key that another process made within seconds', async t => {
  const world = await fhirWorld()
  t.teardown(() => world.server.close())
  const published = async () =>
    (await world.server.inject('/oauth/jwks.json')).json().keys.map(({ kid }: { kid: string }) => kid)
  const [first, ...others] = await published()
  t.strictSame(others, [])
  const kid = await rotateSigningKey(world.database, Buffer.alloc(32, 7))
  await new Promise(resolve => setTimeout(resolve, 5100))
  t.strictSame(await published(), [kid, first])
})
