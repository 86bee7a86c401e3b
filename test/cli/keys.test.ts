import t from 'tap'
import { readSigningKeys } from '../../src/auth/provider/signing-keys.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const secretKey = Buffer.alloc(32, 7)

const { url, database } = await openTestDatabase(t)

const run = async (...words: readonly string[]) => {
  const { code, out, error } = await runProgram(['keys', ...words], {
    DATABASE_URL: url,
    SECRET_KEY: secretKey.toString('hex'),
  })
  if (code !== 0) throw new Error(`it ended with ${code}: ${error}`)
  return out.trimEnd()
}
const kids = async () => (await readSigningKeys(database, secretKey)).map(({ kid }) => kid)

t.test('the operator makes a new key, and the old ones verify until they are removed', async t => {
  const [first] = await kids()
  const second = await run('rotate')
  t.same(await kids(), [second, first])
  const third = await run('rotate', '--remove-old')
  t.same(await kids(), [third])
})

t.test('they are listed with their ids, without secrets', async t => {
  const [kid] = await kids()
  t.match(await run('list'), new RegExp(`^${kid} \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$`))
})
