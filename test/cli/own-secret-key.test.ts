import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readEhrKeys } from '../../src/auth/ehr/keys.ts'
import { readSigningKeys } from '../../src/auth/provider/signing-keys.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { listEhrKeys } from '../../src/storage/ehr/key.ts'
import { withDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const secretKey = Buffer.alloc(32, 7)
const { url, close } = await withDatabase()
const database = openDatabase(url)
const folder = await mkdtemp(join(tmpdir(), 'sharewell-no-key-'))
t.teardown(async () => {
  await database.close()
  await close()
  await rm(folder, { recursive: true })
})
// As the first start of a server does.
await readSigningKeys(database, secretKey)

const head = `1:${'0'.repeat(64)}`
const sealing = [
  ['ehr', 'rotate-keys'],
  ['keys', 'rotate'],
  ['audit', 'verify'],
  ['audit', 'accept', '--head', head],
]

t.test('without the server’s key no command makes one, or seals anything', async t => {
  for (const args of [...sealing, ['secret-key', 'rotate']]) {
    const ended = await runProgram(args, { DATABASE_URL: url, DATA_DIR: folder })
    t.match(
      ended,
      { code: 1, out: '', error: `SECRET_KEY is not set, and ${folder} has no secret.key: set` },
      `${args}`,
    )
  }
  t.same(await readdir(folder), [])
})

t.test('nor does it with another key', async t => {
  for (const args of sealing) {
    const ended = await runProgram(args, { DATABASE_URL: url, SECRET_KEY: '08'.repeat(32) })
    t.match(ended, { code: 1, out: '', error: /was sealed by another SECRET_KEY/ }, `${args}`)
  }
  t.same(await listEhrKeys(database), [])
})

t.test('with the server’s key it does', async t => {
  const ended = await runProgram(['ehr', 'rotate-keys'], { DATABASE_URL: url, SECRET_KEY: secretKey.toString('hex') })
  t.match(ended, { code: 0, out: /^ES384 \S+\nRS384 \S+\n$|^RS384 \S+\nES384 \S+\n$/ })
  t.equal((await readEhrKeys(database, secretKey)).length, 2)
})

t.test('somebody who names no database of a server is told that a new one was created', async t => {
  const ended = await runProgram(['audit', 'verify'], { DATA_DIR: join(folder, 'new') })
  t.match(ended, { code: 0, out: /nothing is sealed yet/ })
  t.match(ended.error, `There was no database in ${join(folder, 'new')}`)
})
