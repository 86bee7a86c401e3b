import { randomBytes } from 'node:crypto'
import t from 'tap'
import { seal, unseal } from '../../../src/storage/secret/sealed.ts'

const secretKey = randomBytes(32)

t.test('only the same key opens what was sealed, and only as what it is', async t => {
  const sealed = await seal(secretKey, 'authenticators', 'a secret')
  t.notMatch(Buffer.from(sealed.split('.')[3] ?? '', 'base64url').toString(), 'a secret')
  t.equal(await unseal(secretKey, 'authenticators', sealed), 'a secret')
  t.not(await seal(secretKey, 'authenticators', 'a secret'), sealed, 'no two are alike')
  await t.rejects(unseal(randomBytes(32), 'authenticators', sealed))
  await t.rejects(unseal(secretKey, 'signing keys', sealed))
})
