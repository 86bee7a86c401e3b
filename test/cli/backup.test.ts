import t from 'tap'
import { readBackups } from '../../src/storage/installation/backup.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'

const { url, database } = await openTestDatabase(t)

const record = (...args: readonly string[]) => runProgram(['backup', 'record', ...args], { DATABASE_URL: url })

t.test('whoever makes backups records what was taken, when, its size and where it is', async t => {
  const more = ['--taken', '2026-03-01T03:00:00+01:00', '--size', '1234', '--label', 's3://backups/1']
  t.strictSame(await record('--by', 'pg_dump', ...more), {
    code: 0,
    out: 'Recorded: a backup, by pg_dump, of 2026-03-01T02:00:00.000Z\n',
    error: '',
  })
  const last = { by: 'pg_dump', taken: new Date('2026-03-01T02:00:00Z'), bytes: 1234, label: 's3://backups/1' }
  t.strictSame(await readBackups(database), { last, failed: undefined })
})

t.test('a failed backup is recorded with the reason, on one line, and does not count as the last one', async t => {
  const { code, out } = await record('--by', 'snapshots', '--failed', `disk\n  is full${'!'.repeat(600)}`)
  t.equal(code, 0)
  t.match(out, /^Recorded: a backup that has failed, by snapshots, of \d{4}-\d\d-\d\dT[\d:.]+Z\n$/)
  const { last, failed } = await readBackups(database)
  t.equal(last?.by, 'pg_dump')
  t.match(failed, { by: 'snapshots', failed: /^disk is full!+…$/ })
  t.equal(failed?.failed?.length, 500)
})

t.test('an impossible record is refused, and nothing is recorded', async t => {
  for (const [args, refusal] of [
    [['--by', ' '], /Say it in words/],
    [['--by', 'x', '--taken', '2026-03-01'], /Write an instant: 2026-03-01T02:00:00Z\./],
    [['--by', 'x', '--taken', '2026-02-30T99:00:00Z'], /Write an instant/],
    [['--by', 'x', '--taken', '9999-01-01T00:00:00Z'], /--taken is 9999-01-01T00:00:00.000Z, which is yet to come/],
    [['--by', 'x', '--size', '1 GB'], /Write a whole number of bytes/],
    [[], /required option '--by <what>'/],
  ] as const) {
    const { code, error } = await record(...args)
    t.equal(code, 1, args.join(' '))
    t.match(error, refusal)
  }
  t.equal((await database.any(sql.fragment`SELECT FROM audit_event`)).length, 2)
})
