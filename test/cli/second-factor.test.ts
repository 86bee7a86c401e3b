import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { createPerson } from '../../src/accounts/person.ts'
import { openOwnStores } from '../../src/cli/own-store.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { withDatabase } from '../support/database.ts'
import { programEnvironment } from '../support/program-environment.ts'

const main = join(import.meta.dirname, '..', '..', 'src', 'main.ts')

const { url, close } = await withDatabase()
const database = openDatabase(url)
t.teardown(async () => {
  await database.close()
  await close()
})

const remove = async (email: string) => {
  const child = spawn(process.execPath, [main, 'second-factor', 'remove', email], {
    env: { ...programEnvironment, DATABASE_URL: url },
  })
  let error = ''
  child.stderr.on('data', chunk => {
    error += chunk
  })
  const [code] = await once(child, 'close')
  return { code, error }
}

t.test('the operator takes away a second factor, and is told where there is none', async t => {
  const ana = await createPerson(await openOwnStores(database), 'Ana')
  await database.run(
    sql.fragment`INSERT INTO user_account (email, person, authenticator) VALUES ('ana@example.org', ${ana}, 'sealed')`,
  )
  t.same(await remove('Ana@example.org'), {
    code: 0,
    error: 'Ana@example.org has no second factor any more, and is signed out everywhere.\n',
  })
  t.same(await remove('ana@example.org'), { code: 1, error: 'ana@example.org has no second factor\n' })
  t.same(await remove('ben@example.org'), { code: 1, error: 'Nobody signs in with ben@example.org\n' })
})
