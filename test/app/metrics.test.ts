import t, { type Test } from 'tap'
import { openMetering } from '../../src/app/metrics.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTestDatabase } from '../support/database.ts'

const unused = { most: 1, open: 0, idle: 0, waiting: 0, waits: 0, waitedMs: 0 }

const openOn = async (t: Pick<Test, 'teardown'>, databaseUrl: string) => {
  const metering = await openMetering({
    config: { metricsToken: 'm'.repeat(32) },
    databaseUrl,
    registry: loadRegistry(),
  })
  t.teardown(() => metering?.close())
  const faults: unknown[] = []
  const served = metering?.routes({
    database: { use: () => ({ planned: unused, kept: unused }) },
    others: { sealing: { use: () => ({ planned: { ...unused, open: 1, waits: 2 }, kept: { ...unused, waits: 3 } }) } },
    auditWaiting: () => 3,
    reportFault: fault => faults.push(fault),
  })
  return { faults, read: async () => (await served?.text())?.split('\n') ?? [] }
}

const ofDatabase = /^sharewell_(database_bytes|figures_missing|audit_unsealed|jobs|letters|last_backup)/

t.test('if the database is away, that is a figure too, and no other is made up', async t => {
  const { faults, read } = await openOn(t, 'postgres://sharewell@127.0.0.1:1/nowhere')
  const lines = await read()
  t.ok(lines.includes('sharewell_database_up 0'))
  t.ok(lines.includes('sharewell_audit_waiting 3'))
  t.strictSame(
    lines.filter(line => ofDatabase.test(line)),
    [],
  )
  t.strictSame(faults, [], 'each request that it refuses is in the log already')
})

t.test('what cannot be read in time is said to be missing, and the database is up', async t => {
  const { url, database } = await openTestDatabase(t)
  const { faults, read } = await openOn(t, url)
  const missing = async () => {
    const lines = await read()
    t.ok(lines.includes('sharewell_database_up 1'))
    return lines.filter(line => /^sharewell_(figures_missing|letters)/.test(line))
  }
  const none = ['bytes', 'unsealed', 'jobs', 'letters', 'backup'].map(
    figure => `sharewell_figures_missing{figure="${figure}"} 0`,
  )
  const letters = ['waiting', 'failed'].map(state => `sharewell_letters{state="${state}"} 0`)
  t.strictSame((await missing()).toSorted(), [...none, ...letters].toSorted())
  await database.transaction(async inside => {
    await inside.run(sql.fragment`LOCK TABLE letter IN ACCESS EXCLUSIVE MODE`)
    t.strictSame((await missing()).toSorted(), none.map(line => line.replace('letters"} 0', 'letters"} 1')).toSorted())
  })
  t.strictSame(faults, [])
})

t.test('the connections of other work are counted, both kinds together', async t => {
  const { read } = await openOn(t, 'postgres://sharewell@127.0.0.1:1/nowhere')
  const lines = (await read()).filter(line => line.includes('pool="sealing"'))
  t.strictSame(lines, [
    'sharewell_database_connections{pool="sealing",state="used"} 1',
    'sharewell_database_connections{pool="sealing",state="idle"} 0',
    'sharewell_database_connections_most{pool="sealing"} 2',
    'sharewell_database_waiting{pool="sealing"} 0',
    'sharewell_database_waits_total{pool="sealing"} 5',
    'sharewell_database_wait_seconds_total{pool="sealing"} 0',
  ])
})
