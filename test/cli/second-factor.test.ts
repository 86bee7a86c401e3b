import t from 'tap'
import { createPerson } from '../../src/accounts/person.ts'
import { openOwnStores } from '../../src/cli/own-store.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { withDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url)
t.teardown(async () => {
  await database.close()
  await close()
})

const remove = (email: string) => runProgram(['second-factor', 'remove', email], { DATABASE_URL: url })

t.test('the operator takes away a second factor, and is told where there is none', async t => {
  const ana = await createPerson(await openOwnStores(database), 'Ana')
  await database.run(
    sql.fragment`INSERT INTO user_account (email, person, authenticator) VALUES ('ana@example.org', ${ana}, 'sealed')`,
  )
  t.same(await remove('Ana@example.org'), {
    code: 0,
    out: '',
    error: 'Ana@example.org has no second factor any more, and is signed out everywhere.\n',
  })
  t.same(await remove('ana@example.org'), { code: 1, out: '', error: 'ana@example.org has no second factor\n' })
  t.same(await remove('ben@example.org'), { code: 1, out: '', error: 'Nobody signs in with ben@example.org\n' })
})
