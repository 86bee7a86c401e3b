import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { name, type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { allOrNothing, attempt, runAndRollBack, unless } from '../../../src/storage/write/savepoint.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)

const refusal = new FhirError('conflict', 'no')
const refuse = async () => {
  throw refusal
}

/** The letters that remain in the end. */
const keptOf = (run: (connection: Connection, write: (letter: string) => Promise<void>) => Promise<unknown>) =>
  database.transaction(async connection => {
    await connection.run(sql.fragment`CREATE TEMPORARY TABLE kept (letter text) ON COMMIT DROP`)
    await run(connection, async letter => {
      await connection.run(sql.fragment`INSERT INTO kept VALUES (${letter})`)
    })
    const rows = await connection.any<{ letter: string }>(sql.fragment`SELECT letter FROM kept ORDER BY letter`)
    return rows.map(({ letter }) => letter).join('')
  })

t.test('a refusal after an inner refusal undoes everything since its own beginning', async t => {
  const kept = await keptOf(async (connection, write) => {
    await write('a')
    const outer = await attempt(connection, async () => {
      await write('b')
      await attempt(connection, refuse)
      await write('c')
      await refuse()
    })
    t.same(outer, { refused: refusal })
    await write('d')
  })
  t.equal(kept, 'ad')
})

t.test('a trial run after an inner trial run undoes everything since its own beginning', async t => {
  const kept = await keptOf(async (connection, write) => {
    await runAndRollBack(connection, async () => {
      await write('a')
      await runAndRollBack(connection, () => write('b'))
    })
    await write('c')
  })
  t.equal(kept, 'c')
})

t.test('a part that throws anything leaves nothing, and the transaction goes on', async t => {
  const kept = await keptOf(async (connection, write) => {
    for (const fault of [refusal, new Error('a fault')]) {
      const part = allOrNothing(connection, async () => {
        await write('a')
        throw fault
      })
      await t.rejects(part, fault)
    }
    await t.rejects(allOrNothing(connection, () => connection.run(sql.fragment`SELECT 1 / 0`)))
    await allOrNothing(connection, () => write('b'))
  })
  t.equal(kept, 'b')
})

t.test(
  'what fails at a savepoint itself is no refusal of its part, and ends what is around it as its own failure',
  async t => {
    const cancelledAt = (command: RegExp, run: (connection: Connection) => Promise<unknown>) =>
      database
        .transaction(async connection => {
          await connection.run(sql.fragment`SET LOCAL statement_timeout = 20`)
          const instead = (query: SqlFragment) => (command.test(query.sql) ? sql.fragment`SELECT pg_sleep(60)` : query)
          await run({ ...connection, run: query => connection.run(instead(query)) })
          await connection.run(sql.fragment`SELECT 'it goes on'`)
        })
        .catch(error => error)
    for (const command of [/^SAVEPOINT/, /^ROLLBACK TO/])
      for (const run of [
        (connection: Connection) => attempt(connection, refuse),
        (connection: Connection) => unless(connection, () => true, refuse),
      ])
        t.match(await cancelledAt(command, run), { issues: [{ code: 'too-costly' }] }, `${command}`)
  },
)

t.test('no savepoint remains, however its part ended', async t => {
  const ways: Readonly<Record<string, (connection: Connection) => Promise<unknown>>> = {
    done: connection => attempt(connection, async () => {}),
    refused: connection => attempt(connection, refuse),
    tried: connection => runAndRollBack(connection, async () => {}),
    'tried in vain': connection => runAndRollBack(connection, refuse).catch(() => {}),
  }
  for (const [way, run] of Object.entries(ways))
    for (const savepoint of ['write', 'tried']) {
      const left = database.transaction(async connection => {
        await run(connection)
        await connection.run(sql.fragment`ROLLBACK TO SAVEPOINT ${name(savepoint)}`)
      })
      await t.rejects(left, /savepoint .* does not exist/, way)
    }
})
