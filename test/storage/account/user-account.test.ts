import t, { type Test } from 'tap'
import {
  addAccount,
  closeAccount,
  findAccountByEmail,
  findAccountOf,
  hasAdministrator,
  openAccount,
  replaceAddress,
  setLanguage,
  setPassword,
  toAddress,
  verifyAddress,
} from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)
/** Each test starts with an empty database. */
const test = (name: string, run: (t: Test) => Promise<void>) =>
  t.test(name, async t => {
    await database.run(sql.fragment`DELETE FROM user_account`)
    await run(t)
  })

const add = (person: string, more: object = {}) =>
  addAccount(database, { person, email: `${person}@example.org`, isVerified: false, administrator: false, ...more })
const ana = { person: 'ana', email: 'ana@example.org', isVerified: false, administrator: false, language: 'en' }
const of = (person: string) => findAccountOf(database, person)

test('an address belongs to one account, however it is spelled, and an account to one Person', async t => {
  t.equal(await add('ana', { email: ' Ana@Example.ORG ' }), true)
  t.strictSame(await of('ana'), ana)
  for (const email of ['ana@example.org', ' ANA@example.org'])
    t.strictSame(await findAccountByEmail(database, email), ana)
  t.equal(await add('ben', { email: 'ANA@example.org' }), false)
  t.equal(await add('ana', { email: 'other@example.org' }), false)
  t.strictSame([await of('ben'), await of('ana')], [undefined, ana])
  t.equal(toAddress(' Jose\u0301@Example.org '), 'jos\u00e9@example.org')
  t.equal(toAddress('\u202aAna@example.org\u202c \u200b'), 'ana@example.org', 'as it is copied from a phone')
})

test('a change affects one account, and a confirmed address stays confirmed', async t => {
  await add('ana')
  await add('ben', { password: 'his', language: 'es', administrator: true, isVerified: true })
  const ben = { ...ana, person: 'ben', email: 'ben@example.org', language: 'es', administrator: true, isVerified: true }
  t.strictSame(await of('ben'), { ...ben, password: 'his' })
  await setPassword(database, 'ana', 'hers', { proves: false })
  t.strictSame(await of('ana'), { ...ana, password: 'hers' })
  await setLanguage(database, 'ana', 'es')
  await setPassword(database, 'ana', 'another', { proves: true })
  const proven = { ...ana, password: 'another', isVerified: true, language: 'es' }
  t.strictSame(await of('ana'), proven)
  await setPassword(database, 'ana', 'another', { proves: false })
  t.strictSame([await of('ana'), await of('ben')], [proven, { ...ben, password: 'his' }])
})

test('only the current address of the account can be confirmed', async t => {
  await add('ana')
  await add('ben')
  const verify = (email: string) => verifyAddress(database, { person: 'ana', email })
  for (const email of ['old@example.org', 'ben@example.org']) t.equal(await verify(email), false)
  t.strictSame([(await of('ana'))?.isVerified, (await of('ben'))?.isVerified], [false, false])
  t.equal(await verify(ana.email), true)
  t.strictSame([(await of('ana'))?.isVerified, (await of('ben'))?.isVerified], [true, false])
})

test('an address is replaced by one that nobody has, together with whether it is confirmed', async t => {
  await add('ana', { isVerified: true })
  await add('ben')
  const replace = (email: string, isVerified: boolean) => replaceAddress(database, { person: 'ana', email, isVerified })
  t.equal(await replace('ben@example.org', true), false)
  t.strictSame(await of('ana'), { ...ana, isVerified: true })
  t.equal(await replace('new@example.org', false), true)
  t.strictSame(await of('ana'), { ...ana, email: 'new@example.org' })
  t.equal(await replace('ana@example.org', true), true)
  t.strictSame(await of('ana'), { ...ana, isVerified: true })
  t.equal((await of('ben'))?.email, 'ben@example.org')
})

test('the operator opens an account for an existing Person, with an address that nobody else has', async t => {
  await put({ resourceType: 'Person', id: 'colleague' })
  await add('ana')
  const open = (email: string, person?: string) => openAccount(database, email, person)
  await t.rejects(open('new@example.org'), { message: /^Nobody signs in with new@example\.org yet/ })
  await t.rejects(open('new@example.org', 'nobody'), { message: 'Person/nobody is not known' })
  await t.rejects(open('ANA@example.org', 'colleague'), {
    message: 'ANA@example.org is the address of Person/ana already',
  })
  t.equal(await open('New@example.org', 'colleague'), 'colleague')
  t.strictSame(await of('colleague'), { ...ana, person: 'colleague', email: 'new@example.org' })
  t.equal(await open('new@example.org', 'colleague'), 'colleague')
  t.equal(await open('ana@example.org'), 'ana')
})

test('a closed account cannot sign in, and there is an administrator as long as an administrator has an account', async t => {
  await add('ana')
  t.equal(await hasAdministrator(database), false)
  await add('root', { administrator: true })
  t.equal(await hasAdministrator(database), true)
  await closeAccount(database, 'root')
  t.strictSame([await of('root'), await of('ana')], [undefined, ana])
  t.equal(await hasAdministrator(database), false)
})
