import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readSigningKeys } from '../../src/auth/signing-keys.ts'
import { openDatabase } from '../../src/storage/database.ts'
import { withDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'sharewell-secret-key-'))
const { url, close } = await withDatabase()
t.teardown(async () => {
  await close()
  await rm(dataDir, { recursive: true, force: true })
})

const run = (env: Readonly<Record<string, string>> = {}, input = '') =>
  runProgram(['secret-key', 'rotate'], { DATABASE_URL: url, DATA_DIR: dataDir, ...env }, input)

const signingKeys = async (secretKey: Buffer) => {
  const database = openDatabase(url, { poolSize: 1 })
  try {
    return await readSigningKeys(database, secretKey)
  } finally {
    await database.close()
  }
}

const file = join(dataDir, 'secret.key')
const keyIn = async (name = file) => Buffer.from((await readFile(name, 'utf8')).trim(), 'hex')
const told = 'Sealed by the new key: 1. The old one opens nothing any more.\n'

t.test('the key in the data folder is replaced by a new one, which opens what the old one has sealed', async t => {
  const old = Buffer.alloc(32, 7)
  await writeFile(file, `${old.toString('hex')}\n`)
  const before = await signingKeys(old)
  t.strictSame(await run(), { code: 0, out: told, error: '' })
  t.notSame(await keyIn(), old)
  t.strictSame(await readdir(dataDir), ['secret.key'])
  t.strictSame(await signingKeys(await keyIn()), before)
  await t.rejects(signingKeys(old), { message: /was sealed by another SECRET_KEY/ })
})

t.test(
  'what ended after everything was sealed, and before the new key was in its place, is finished by doing it again',
  async t => {
    const [key, lost] = [await keyIn(), Buffer.alloc(32, 9)]
    await writeFile(`${file}.next`, `${key.toString('hex')}\n`)
    await writeFile(file, `${lost.toString('hex')}\n`)
    t.strictSame(await run(), { code: 0, out: told, error: '' })
    t.strictSame(await keyIn(), key)
    t.ok(await signingKeys(key))
  },
)

t.test('where SECRET_KEY is set the new one is given, and is no other than a key', async t => {
  const old = await keyIn()
  const next = Buffer.alloc(32, 8)
  const environment = { SECRET_KEY: old.toString('hex') }
  const refused = 'Give the new key on standard input: openssl rand -base64 32 makes one\n'
  for (const input of ['', 'short']) t.strictSame(await run(environment, input), { code: 1, out: '', error: refused })
  t.match(await run({ SECRET_KEY: '09'.repeat(32) }, next.toString('hex')), { code: 1, error: /sealed by another/ })
  t.strictSame(await run(environment, `${next.toString('base64')}\n`), {
    code: 0,
    out: `${told}Start with the new one as SECRET_KEY.\n`,
    error: '',
  })
  t.ok(await signingKeys(next))
})
