import t from 'tap'
import { openTestDatabase } from '../support/database.ts'
import { runProgram } from '../support/run-program.ts'
import { openBreakingWire } from '../support/wire.ts'

const { url } = await openTestDatabase(t)
const wire = await openBreakingWire(url)
t.teardown(wire.end)

const reindex = (databaseUrl: string) => runProgram(['reindex'], { DATABASE_URL: databaseUrl })

t.test('if the connection to the database is lost it says so in one line, and can be run again', async t => {
  for (const [at, told] of [
    ['server_version_num', /^DATABASE_URL: cannot use .*: Connection terminated unexpectedly\n$/],
    ['(SELECT FROM "audit_event"', /^The database cannot be reached at the moment; try again\n$/],
  ] as const) {
    wire.cutAt(at)
    t.match(await reindex(wire.address), { code: 1, out: '', error: told })
  }
  t.match(await reindex(url), { code: 0, out: /^\d+ resources\n$/ })
})
