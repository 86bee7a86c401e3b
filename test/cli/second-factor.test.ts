import t from 'tap'
import { openOwnStores } from '../../src/cli/own-store.ts'
import { replaceRecoveryCodes } from '../../src/storage/account/second-factor.ts'
import { startSession } from '../../src/storage/account/session.ts'
import { startStep } from '../../src/storage/account/sign-in-step.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'
import { createPerson } from './create-person.ts'

const { url, database } = await openTestDatabase(t)

const remove = (email: string) => runProgram(['second-factor', 'remove', email], { DATABASE_URL: url })

t.test('the operator removes a second factor, and is told if there is none', async t => {
  const ana = await createPerson(await openOwnStores(database), 'Ana')
  await database.run(
    sql.fragment`INSERT INTO user_account (email, person, authenticator) VALUES ('ana@example.org', ${ana}, 'sealed')`,
  )
  for (const person of [ana, 'somebody-else']) {
    await startSession(database, { person, methods: ['pwd', 'otp'], device: 'Test' })
    await startStep(database, { person, methods: ['pwd'] })
    await replaceRecoveryCodes(database, person, ['A'.repeat(16)])
  }
  const left = (table: string) =>
    database.any(sql.fragment`SELECT DISTINCT person FROM ${sql.identifier([table])} ORDER BY person`)
  t.same(await remove('Ana@example.org'), {
    code: 0,
    out: '',
    error: 'Ana@example.org has no second factor any more, and is signed out everywhere.\n',
  })
  for (const table of ['user_session', 'sign_in_step', 'recovery_code'])
    t.strictSame(await left(table), [{ person: 'somebody-else' }], table)
  t.same(await remove('ana@example.org'), { code: 1, out: '', error: 'ana@example.org has no second factor\n' })
  t.same(await remove('ben@example.org'), { code: 1, out: '', error: 'Nobody signs in with ben@example.org\n' })
})

t.test('that no letter is sent is said after what was done, and not where nothing was', async t => {
  const cleo = await createPerson(await openOwnStores(database), 'Cleo')
  await database.run(sql.fragment`INSERT INTO signing_key (kid, sealed) VALUES ('key', 'sealed')`)
  await database.run(
    sql.fragment`INSERT INTO user_account (email, person, authenticator) VALUES ('cleo@example.org', ${cleo}, 'sealed')`,
  )
  t.same(await remove('ben@example.org'), { code: 1, out: '', error: 'Nobody signs in with ben@example.org\n' })
  t.same(await remove('cleo@example.org'), {
    code: 0,
    out: '',
    error:
      'cleo@example.org has no second factor any more, and is signed out everywhere.\n' +
      'They are not told by e-mail: SMTP_URL is not set.\n',
  })
})
