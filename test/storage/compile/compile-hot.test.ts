import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'
import { planOf } from '../../support/plan.ts'

const { database } = await openTestDatabase(t, { poolSize: 1 })

// Fifty rows for each patient, which is what PostgreSQL assumes for everybody: it prefers to look at all of them over using another index.
await database.run(sql.fragment`
  INSERT INTO observation_code (patient_id, code_id, kind_id, device_id, component, is_joint, effective_start, effective_end, pk, last_updated)
  SELECT number % 400, number % 3, 1, 0, 0, FALSE, moment, moment, number / 3, now()
  FROM generate_series(1, 20000) AS number, LATERAL (SELECT now() - number * interval '1 minute' AS moment) AS at`)
await database.run(sql.fragment`
  INSERT INTO observation (patient_id, pk, id, version, last_updated, author, tokens, content, kind_id, device_id, effective_start, effective_end, is_joint)
  SELECT DISTINCT ON (pk) patient_id, pk, pk::text AS id, 1, last_updated, 1, '{}'::bigint[], '{}'::jsonb, kind_id, device_id, effective_start, effective_end, is_joint
  FROM observation_code`)
for (const table of ['observation', 'observation_code'])
  await database.run(sql.fragment`VACUUM ANALYZE ${sql.identifier([table])}`)

/** The indexes through which observation_code is reached from an Observation. */
const waysOf = (query: string) =>
  database.transaction(async connection => {
    await connection.run(sql.fragment`SET LOCAL enable_seqscan = off`)
    await connection.run(sql.fragment`SET LOCAL enable_hashjoin = off`)
    await connection.run(sql.fragment`SET LOCAL enable_mergejoin = off`)
    const search = parseSearch(loadRegistry(), 'Observation', new URLSearchParams(query))
    const asking = { classes: openCodeClasses(), access: fullAccess, commonTokens: () => false }
    const { from, where } = sourceOf(asking, search, { inOwnOrder: true })
    const steps = await planOf(connection, sql.fragment`SELECT FROM ${from} WHERE ${where}`)
    return steps.filter(({ Alias: alias }) => alias === 'code')
  })

for (const query of [
  'value-quantity=gt5',
  'component-value-quantity=gt5',
  'combo-value-quantity=gt5',
  'code=8867-4,29463-7',
  'combo-code=8867-4',
  'combo-code-value-quantity=8867-4$gt5,29463-7$gt5',
])
  t.test(`the rows of an Observation are found without looking at others of its patient: ${query}`, async t => {
    const ways = await waysOf(query)
    t.ok(ways.length > 0)
    const conditions = ways.map(way => String(way['Index Cond'] ?? ''))
    for (const condition of conditions.filter(one => one.includes('patient_id'))) t.match(condition, /effective_start/)
  })
