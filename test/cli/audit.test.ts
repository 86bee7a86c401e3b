import t from 'tap'
import { insertRecords } from '../../src/storage/audit/record.ts'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const secretKey = '07'.repeat(32)

const { url, database } = await openTestDatabase(t)

const run = (...args: readonly string[]) => runProgram(['audit', ...args], { DATABASE_URL: url, SECRET_KEY: secretKey })

t.test('it says that the record is intact, or what is not, and then exits with 1', async t => {
  const read = { client: 'cli', interaction: 'read', type: 'Patient', patients: [1], outcome: 200 }
  await insertRecords(database, [read, read])
  const head = await sealAudit(database, auditKeyOf(Buffer.from(secretKey, 'hex')))
  const kept = `1:${head?.head}`
  t.strictSame(await run('verify', '--head', kept), {
    code: 0,
    out: `The record is whole.\n2 rows are sealed, 0 wait for it; the head is ${kept}\n`,
    error: '',
  })
  await database.transaction(async connection => {
    await connection.run(sql.fragment`SET LOCAL session_replication_role = replica`)
    await connection.run(sql.fragment`DELETE FROM audit_record WHERE id = 2`)
  })
  t.strictSame(await run('verify'), {
    code: 1,
    out: '',
    error: 'The record is not whole: row 2, which seal 1 has, was removed.\n',
  })
})

t.test('what a previous key sealed is accepted with the head from the log, and that is said', async t => {
  const { url, database } = await openTestDatabase(t)
  const audit = (...args: readonly string[]) =>
    runProgram(['audit', ...args], { DATABASE_URL: url, SECRET_KEY: secretKey })
  await insertRecords(database, [{ client: 'cli', interaction: 'read', type: 'Patient', patients: [1], outcome: 200 }])
  const { head = '' } = (await sealAudit(database, auditKeyOf(Buffer.alloc(32, 8)))) ?? {}
  t.strictSame(await audit('accept', '--head', `1:${'ab'.repeat(32)}`), {
    code: 1,
    out: '',
    error: 'No seal 1 has this head\n',
  })
  t.match(await audit('verify'), { code: 1, error: /^The record is not whole: seal 1 was signed with another/ })
  t.strictSame(await audit('accept', '--head', `1:${head}`), {
    code: 0,
    out: 'This SECRET_KEY vouches for seal 1, and for all before it, as they stand.\n',
    error: '',
  })
  t.strictSame(await audit('verify'), {
    code: 0,
    out: `The record is whole.
1 rows are sealed, 0 wait for it; the head is 1:${head}
Up to seal 1 it was taken as it stood, by \`audit accept\`.
`,
    error: '',
  })
})

t.test('everything that others got of a patient’s data is accounted for', async t => {
  await database.run(sql.fragment`INSERT INTO patient_compartment (id, patient_id) VALUES ('ann', 7), ('bob', 8)`)
  const read = { client: 'cli', practitioner: 'doc', interaction: 'read', type: 'Observation', outcome: 200 }
  await insertRecords(database, [
    { ...read, patients: [7] },
    { ...read, patients: [8] },
    { ...read, interaction: 'search-type', patients: [7, 8], query: '=code' },
    { client: 'cli', patient: 'ann', interaction: 'read', type: 'Observation', patients: [7], outcome: 200 },
  ])
  await sealAudit(database, auditKeyOf(Buffer.from(secretKey, 'hex')))
  const { code, out } = await run('disclosures', '--patient', 'ann')
  t.equal(code, 0)
  t.strictSame(
    out.split('\r\n').map(line => line.replace(/^\d[^,]*,/, 'at,')),
    [
      'recorded,who,practitioner,client,organization,study,consents,interaction,type,kinds,query,outcome',
      "at,doc,doc,Command line,,,,search-type,Observation,,'=code,200",
      'at,doc,doc,Command line,,,,read,Observation,,,200',
      '',
    ],
    'the latest first, without what the patient did; no cell is a formula',
  )
  const earlier = await run('disclosures', '--patient', 'ann', '--until', '2020-01-01')
  t.equal(earlier.out.split('\r\n').length, 2)
  t.strictSame(await run('disclosures', '--patient', 'ann', '--since', '2026-03-02', '--until', '2026-03-01'), {
    code: 1,
    out: '',
    error: '--until must be later than --since: it names the first moment that is left out\n',
  })
  const unknown = await run('disclosures', '--patient', 'Ann')
  t.strictSame(
    unknown,
    { code: 1, out: '', error: 'There is no Patient Ann\n' },
    'a mistyped id is not an empty account',
  )
})

t.test('nothing is removed before six years are over', async t => {
  t.match(await run('age', '--years', '5'), { code: 1, error: /a whole number of years, 6 or more/ })
  t.strictSame(await run('age'), { code: 0, out: 'Removed, being older than 6 years: 0 rows\n', error: '' })
})

t.test('an account of disclosures of a time of which something has aged says so', async t => {
  await database.run(sql.fragment`
    INSERT INTO audit_checkpoint (seal, epoch, snapshot, head, rows, made, key, mac)
    SELECT 0, epoch, snapshot, head, 0, sealed, 'key', head FROM audit_seal ORDER BY seal LIMIT 1`)
  const account = async (...days: readonly string[]) => (await run('disclosures', '--patient', 'ann', ...days)).error
  const told = /^What was recorded before \S+:00:00\.000Z may have aged, and is left out then\.\n$/
  for (const days of [[], ['--since', '2000-01-01']]) t.match(await account(...days), told)
  t.equal(await account('--since', '2999-01-01'), '')
})
