import t from 'tap'
import { fullAccess, restrict } from '../../../../src/access/access.ts'
import { openCodeClasses } from '../../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../../src/fhir/registry.ts'
import { parseSearch } from '../../../../src/search/parse.ts'
import { compile } from '../../../../src/storage/compile/compile.ts'
import { searchedOf, storedRow } from '../../../../src/storage/row.ts'
import { sql } from '../../../../src/storage/sql.ts'
import { openTestDatabase } from '../../../support/database.ts'
import { planOf, rowsLookedAt } from '../../../support/plan.ts'

const { database } = await openTestDatabase(t)
const many = 2000
await database.run(sql.fragment`
  INSERT INTO audit_shown (patient_id, record, recorded, owner, subjects)
  SELECT number % 10, number, '2026-01-01'::timestamptz + number * interval '1 minute', NULL, '{}' FROM generate_series(1, ${many}) AS number`)
await database.run(sql.fragment`ANALYZE audit_shown`)

const statementOf = (query: string) => {
  const { where } = parseSearch(loadRegistry(), 'AuditEvent', new URLSearchParams(query))
  const row = { ...storedRow('AuditEvent', 'row'), recorded: true } as const
  const asked = compile(restrict(fullAccess, 's', 'AuditEvent', where), row, openCodeClasses())
  return sql.fragment`SELECT row.id FROM ${searchedOf('AuditEvent')} AS row WHERE ${asked} ORDER BY row.id`
}

const cases: Readonly<Record<string, readonly string[]>> = {
  '_id=access-7': ['access-7'],
  '_id=access-7,access-1999,nobody': ['access-1999', 'access-7'],
  '_id=access-007': [],
  '_id=access-0': [],
  '_id=access-999999': [],
  '_id=access-7&_id=access-8': [],
  '_id=installation-7': [],
}

for (const [query, expected] of Object.entries(cases))
  t.test(`AuditEvent?${query} finds what has that id, and reads no others`, async t => {
    const statement = statementOf(query)
    const found = await database.any<{ id: string }>(statement)
    t.strictSame(
      found.map(({ id }) => id),
      expected,
    )
    const looked = rowsLookedAt(await planOf(database, statement, { analyze: true }), 'audit_shown')
    t.ok(looked <= 2, `${looked} of ${many} were looked at`)
  })

t.test('the newest are found without reading those that are older', async t => {
  const newest = sql.fragment`
    SELECT row.id FROM ${searchedOf('AuditEvent')} AS row ORDER BY row.last_updated DESC, row.pk DESC LIMIT 3`
  t.strictSame(await database.any(newest), [{ id: 'access-2000' }, { id: 'access-1999' }, { id: 'access-1998' }])
  const looked = rowsLookedAt(await planOf(database, newest, { analyze: true }), 'audit_shown')
  t.ok(looked <= 4, `${looked} of ${many} were looked at`)
})
