import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { readSigningKeys } from '../../src/auth/provider/signing-keys.ts'
import { insertRecords } from '../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import { verifyAudit } from '../../src/storage/audit/seal/verify.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { withDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const dataDir = await mkdtemp(join(tmpdir(), 'sharewell-secret-key-'))
const { url, close } = await withDatabase()
t.teardown(async () => {
  await close()
  await rm(dataDir, { recursive: true, force: true })
})

const run = (env: Readonly<Record<string, string>> = {}, input = '', ...args: readonly string[]) =>
  runProgram(['secret-key', 'rotate', ...args], { DATABASE_URL: url, DATA_DIR: dataDir, ...env }, input)

/** As long as a server is connected, and no longer. */
const within = async <T>(ask: (database: Database) => Promise<T>): Promise<T> => {
  const database = openDatabase(url, { poolSize: 1 })
  try {
    return await ask(database)
  } finally {
    await database.close()
  }
}

const signingKeys = (secretKey: Buffer) => within(database => readSigningKeys(database, secretKey))

const file = join(dataDir, 'secret.key')
const keyIn = async (name = file) => Buffer.from((await readFile(name, 'utf8')).trim(), 'hex')
const told = 'Sealed by the new key: 1. The old one opens nothing any more.\n'

t.test('the key in the data folder is replaced by a new one, which opens what the old one sealed', async t => {
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
  'if it ends after sealing everything, but before the new key is in place, doing it again finishes it',
  async t => {
    const [key, lost] = [await keyIn(), Buffer.alloc(32, 9)]
    await writeFile(`${file}.next`, `${key.toString('hex')}\n`)
    await writeFile(file, `${lost.toString('hex')}\n`)
    t.strictSame(await run(), { code: 0, out: told, error: '' })
    t.strictSame(await keyIn(), key)
    t.ok(await signingKeys(key))
  },
)

t.test('if SECRET_KEY is set the new one has to be given, and has to be a key', async t => {
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

t.test('the new key proves the record, and is refused if the old one does not prove it', async t => {
  const [old, next] = [Buffer.alloc(32, 8), Buffer.alloc(32, 6)]
  const seal = (key: Buffer) =>
    within(async database => {
      await insertRecords(database, [
        { client: 'cli', interaction: 'read', type: 'Patient', patients: [1], outcome: 200 },
      ])
      return sealAudit(database, auditKeyOf(key))
    })
  const verdict = (key: Buffer) => within(database => verifyAudit(database, auditKeyOf(key)))
  const last = await seal(old)
  t.match(await run({ SECRET_KEY: old.toString('hex') }, next.toString('hex')), { code: 0 })
  t.strictSame(await verdict(next), { kind: 'whole', last, rows: 1, unsealed: 0 })

  await seal(Buffer.alloc(32, 5))
  const bad = 'seal 2 was signed with another SECRET_KEY, and nothing attests that this one took its place'
  t.strictSame(await run({ SECRET_KEY: next.toString('hex') }, '04'.repeat(32)), {
    code: 1,
    out: '',
    error: `Nothing was sealed anew: the new key would vouch for a record that is not whole: ${bad}\n`,
  })
  t.ok(await signingKeys(next), 'the key has not changed')
  t.match(await run({ SECRET_KEY: next.toString('hex') }, '04'.repeat(32), '--audit-unproved'), { code: 0 })
  t.ok(await signingKeys(Buffer.alloc(32, 4)))
  t.match(await verdict(Buffer.alloc(32, 4)), { kind: 'broken', bad: bad.replace('seal 2', 'seal 1') })
})
