import { randomBytes } from 'node:crypto'
import t from 'tap'
import { readEhrKeys, rotateEhrKeys } from '../../../src/auth/ehr/keys.ts'
import { listEhrKeys } from '../../../src/storage/ehr/key.ts'
import { openBrowser } from '../../support/browser.ts'
import { openHospitals } from './hospital.ts'

const world = await openHospitals()
const { server, database, ehr, otherEhr } = world
t.teardown(async () => {
  await server.close()
  ehr.close()
  otherEhr.close()
})
const secretKey = Buffer.alloc(32, 7)
const published = async (): Promise<readonly { readonly kid: string }[]> =>
  (await server.inject('/launch/jwks.json')).json().keys
const idsOf = (keys: readonly { readonly kid: string }[]) => keys.map(({ kid }) => kid)

t.test('there is a key for each algorithm, and EHRs are told how long they may cache them', async t => {
  t.strictSame(
    (await readEhrKeys(database, secretKey)).map(({ alg, kty, use }) => [alg, kty, use]),
    [
      ['ES384', 'EC', 'sig'],
      ['RS384', 'RSA', 'sig'],
    ],
  )
  t.match((await server.inject('/launch/jwks.json')).headers, { 'cache-control': 'public, max-age=300' })
})

t.test('a rotation leaves nothing of the old keys, and the running server authenticates with the new ones', async t => {
  await world.linked('lena', world.hospital)
  const old = await readEhrKeys(database, secretKey)
  const sealed = (await listEhrKeys(database)).map(one => one.sealed)
  const made = await rotateEhrKeys(database, secretKey)
  t.strictSame(await readEhrKeys(database, secretKey), made)
  t.strictSame(idsOf(await published()), idsOf(made))
  t.notOk(made.some(({ kid }) => idsOf(old).includes(kid)))
  t.notOk((await listEhrKeys(database)).some(one => sealed.includes(one.sealed)))

  await world.configure(ehr, world.hospital, { clientId: 'by-key', authentication: 'private_key_jwt' })
  const browser = openBrowser(server)
  t.match(await world.launched(browser, ehr, ehr.launch({ subject: 'lena' })), { status: 303 })
  t.match(await browser.get('/account'), { status: 200 })
})

t.test('two rotations at once leave one key for each algorithm', async t => {
  await Promise.all([rotateEhrKeys(database, secretKey), rotateEhrKeys(database, secretKey)])
  t.strictSame(
    (await readEhrKeys(database, secretKey)).map(({ alg }) => alg),
    ['ES384', 'RS384'],
  )
})

t.test('with another SECRET_KEY nothing is rotated', async t => {
  const before = await listEhrKeys(database)
  await t.rejects(rotateEhrKeys(database, randomBytes(32)), { message: /was sealed by another SECRET_KEY/ })
  t.strictSame(await listEhrKeys(database), before)
})
