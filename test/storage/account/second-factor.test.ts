import t from 'tap'
import {
  countRecoveryCodes,
  findSecondFactor,
  forgoAuthenticator,
  removeAuthenticator,
  replaceRecoveryCodes,
  setAuthenticator,
  useRecoveryCode,
  useTimeStep,
} from '../../../src/storage/account/second-factor.ts'
import { closeAccount } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)

await put(
  w.organization('strict'),
  { resourceType: 'Practitioner', id: 'asked' },
  w.role('asked', 'strict', 'member'),
  { resourceType: 'Person', id: 'asked', link: [{ target: { reference: 'Practitioner/asked' } }] },
)
await database.run(sql.fragment`UPDATE organization_node SET second_factor = TRUE WHERE id = 'strict'`)
for (const person of ['ana', 'ben', 'cay', 'asked'])
  await database.run(
    sql.fragment`INSERT INTO user_account (email, person) VALUES (${`${person}@example.org`}, ${person})`,
  )
const find = (person: string) => findSecondFactor(database, person)

t.test('an authenticator is kept for one account, and is old after a week', async t => {
  t.strictSame(await find('ana'), { isNeeded: false, isOld: false })
  t.strictSame(await find('nobody'), { isNeeded: false, isOld: false })
  t.strictSame(await find('asked'), { isNeeded: true, isOld: false })
  await setAuthenticator(database, 'ana', { sealed: 'first', timeStep: 10 })
  t.strictSame(await find('ana'), { isNeeded: false, isOld: false, authenticator: 'first' })
  t.strictSame(await find('ben'), { isNeeded: false, isOld: false })
  const age = (time: string) =>
    database.run(sql.fragment`
      UPDATE user_account SET authenticator_at = authenticator_at - ${time}::interval WHERE person = 'ana'`)
  await age('6 days 23 hours 59 minutes')
  t.equal((await find('ana')).isOld, false)
  await age('1 minute')
  t.equal((await find('ana')).isOld, true)
  await setAuthenticator(database, 'ana', { sealed: 'second', timeStep: 10 })
  t.strictSame(await find('ana'), { isNeeded: false, isOld: false, authenticator: 'second' }, 'a new one is not old')
})

t.test('a code counts if it is later than those before and from the authenticator that is set up now', async t => {
  const use = (person: string, authenticator: string, timeStep: number) =>
    useTimeStep(database, person, { authenticator, timeStep })
  await setAuthenticator(database, 'ana', { sealed: 'hers', timeStep: 10 })
  await setAuthenticator(database, 'ben', { sealed: 'his', timeStep: 10 })
  for (const timeStep of [9, 10]) t.equal(await use('ana', 'hers', timeStep), false)
  t.equal(await use('ana', 'his', 11), false)
  t.equal(await use('ana', 'hers', 12), true)
  for (const timeStep of [11, 12]) t.equal(await use('ana', 'hers', timeStep), false)
  t.equal(await use('ben', 'his', 11), true, 'using a code affects no other account')
})

t.test('a recovery code counts once, for the person for whom it was made, until it is replaced', async t => {
  await replaceRecoveryCodes(database, 'ana', ['A', 'B'])
  await replaceRecoveryCodes(database, 'ben', ['A', 'C'])
  const counts = async () => [await countRecoveryCodes(database, 'ana'), await countRecoveryCodes(database, 'ben')]
  t.equal(await useRecoveryCode(database, 'ana', 'C'), false)
  t.equal(await useRecoveryCode(database, 'ana', 'A'), true)
  t.equal(await useRecoveryCode(database, 'ana', 'A'), false)
  t.strictSame(await counts(), [1, 2])
  await replaceRecoveryCodes(database, 'ana', ['D', 'E', 'F'])
  t.equal(await useRecoveryCode(database, 'ana', 'B'), false)
  t.strictSame(await counts(), [3, 2])
  await closeAccount(database, 'ben')
  t.strictSame(await counts(), [3, 0], 'they go with the account')
})

t.test('it is given up unless it is required, can always be removed, and takes its recovery codes along', async t => {
  await setAuthenticator(database, 'cay', { sealed: 'of-another', timeStep: 1 })
  await replaceRecoveryCodes(database, 'cay', ['A'])
  for (const [person, isGivenUp] of [
    ['ana', true],
    ['asked', false],
  ] as const) {
    await setAuthenticator(database, person, { sealed: 'own', timeStep: 1 })
    await replaceRecoveryCodes(database, person, ['A'])
    t.equal(await forgoAuthenticator(database, person), isGivenUp)
    t.equal((await find(person)).authenticator, isGivenUp ? undefined : 'own')
    t.equal(await countRecoveryCodes(database, person), isGivenUp ? 0 : 1)
    t.equal(await removeAuthenticator(database, person), !isGivenUp)
    t.strictSame(await find(person), { isNeeded: !isGivenUp, isOld: false })
    t.equal(await countRecoveryCodes(database, person), 0)
    t.equal(await removeAuthenticator(database, person), false, 'if there is none')
    t.strictSame([(await find('cay')).authenticator, await countRecoveryCodes(database, 'cay')], ['of-another', 1])
  }
})
