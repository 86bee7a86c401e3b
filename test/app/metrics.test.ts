import t from 'tap'
import { openMetering } from '../../src/app/metrics.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'

const unused = { most: 1, open: 0, idle: 0, waiting: 0, waits: 0, waitedMs: 0 }

t.test('if the database is away, that is a figure too, and no other is made up', async t => {
  const metering = await openMetering({
    config: { metricsToken: 'm'.repeat(32) },
    databaseUrl: 'postgres://sharewell@127.0.0.1:1/nowhere',
    registry: loadRegistry(),
  })
  t.teardown(() => metering?.close())
  const faults: unknown[] = []
  const served = metering?.routes({
    database: { use: () => ({ planned: unused, kept: unused }) },
    auditWaiting: () => 3,
    reportFault: fault => faults.push(fault),
  })
  const lines = (await served?.text())?.split('\n') ?? []
  t.ok(lines.includes('sharewell_database_up 0'))
  t.ok(lines.includes('sharewell_audit_waiting 3'))
  t.strictSame(
    lines.filter(line => /^sharewell_(database_bytes|audit_unsealed|jobs|letters|last_backup)/.test(line)),
    [],
  )
  t.strictSame(faults, [], 'each request that it refuses is in the log already')
})
