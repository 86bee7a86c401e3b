import fc from 'fast-check'
import t from 'tap'
import type { Connection } from '../../../src/storage/database.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

/** Which consents reach whom is kept beside memberships, staff and studies, and must always equal what follows from them. */
const { database } = await openTestDatabase(t)

const columns = sql.fragment`practitioner, grantee, study_id, period_start::text, period_end::text`
const kept = (connection: Connection) =>
  connection.any(sql.fragment`SELECT ${columns} FROM practitioner_grantee ORDER BY 1, 2, 4, 5`)
const following = (connection: Connection) =>
  connection.any(sql.fragment`SELECT ${columns} FROM grantee_reach ORDER BY 1, 2, 4, 5`)

const organizations = ['whole', 'part', 'other']
for (const id of organizations)
  await database.run(sql.fragment`INSERT INTO organization_ancestor (organization, ancestor) VALUES (${id}, ${id})`)
const practitioner = fc.constantFrom('ann', 'bob')
const organization = fc.constantFrom(...organizations)
const study = fc.constantFrom('1', '2')
const period = fc
  .tuple(fc.integer({ min: 2020, max: 2025 }), fc.integer({ min: 1, max: 5 }))
  .map(([from, years]) => ({ from: `${from}-01-01`, to: `${from + years}-01-01` }))

const membership = (id: string, of: string, at: string, { from, to }: { from: string; to: string }): SqlFragment =>
  sql.fragment`INSERT INTO membership (id, practitioner, organization, rank, period_start, period_end)
    VALUES (${id}, ${of}, ${at}, 1, ${from}, ${to})
    ON CONFLICT (id) DO UPDATE SET practitioner = excluded.practitioner, organization = excluded.organization,
      period_start = excluded.period_start, period_end = excluded.period_end`
const studyOf = (
  id: string,
  at: string,
  access: string,
  isInForce: boolean,
  { from, to }: { from: string; to: string },
) =>
  sql.fragment`INSERT INTO study (id, grantee, organization, access, identity, in_force, period_start, period_end)
    VALUES (${id}, ${Number(id) * 10}, ${at}, ${access}, 'coded', ${isInForce}, ${from}, ${to})
    ON CONFLICT (id) DO UPDATE SET organization = excluded.organization, access = excluded.access,
      in_force = excluded.in_force, period_start = excluded.period_start, period_end = excluded.period_end`

const statement: fc.Arbitrary<SqlFragment> = fc.oneof(
  fc.tuple(fc.constantFrom('a', 'b', 'c'), practitioner, organization, period).map(given => membership(...given)),
  fc.constantFrom('a', 'b', 'c').map(id => sql.fragment`DELETE FROM membership WHERE id = ${id}`),
  fc
    .tuple(study, organization, fc.constantFrom('staff', 'organization'), fc.boolean(), period)
    .map(given => studyOf(...given)),
  study.map(id => sql.fragment`DELETE FROM study WHERE id = ${id}`),
  fc.tuple(study, practitioner, period).map(
    ([id, of, { from, to }]) => sql.fragment`
      INSERT INTO study_staff (study_id, practitioner, period_start, period_end) VALUES (${id}, ${of}, ${from}, ${to})`,
  ),
  study.map(id => sql.fragment`DELETE FROM study_staff WHERE study_id = ${id}`),
  fc.tuple(study, fc.constantFrom(0, 1, 2)).map(
    ([id, which]) => sql.fragment`
      INSERT INTO study_grantee (study_id, grantee, practitioner)
      VALUES (${id}, ${Number(id) * 10 + which}, ${which === 2 ? 'ann' : null}) ON CONFLICT DO NOTHING`,
  ),
  study.map(id => sql.fragment`DELETE FROM study_grantee WHERE study_id = ${id}`),
  fc
    .tuple(fc.constantFrom('organization', 'practitioner'), fc.oneof(practitioner, organization))
    .map(([kind, id]) => sql.fragment`INSERT INTO grantee (kind, id) VALUES (${kind}, ${id}) ON CONFLICT DO NOTHING`),
  fc.constant(sql.fragment`INSERT INTO organization_ancestor VALUES ('part', 'whole') ON CONFLICT DO NOTHING`),
  fc.constant(sql.fragment`DELETE FROM organization_ancestor WHERE organization <> ancestor`),
)

t.test('after each statement it equals what follows from the tables', async t => {
  const seed = 20261125
  let reached = 0
  for (const one of fc.sample(statement, { numRuns: 400, seed })) {
    await database.run(one)
    const [is, should] = [await kept(database), await following(database)]
    reached = Math.max(reached, is.length)
    if (JSON.stringify(is) === JSON.stringify(should)) continue
    t.strictSame(is, should, `${one.sql} ${one.values}, seed ${seed}`)
    break
  }
  t.ok(reached > 8, `up to ${reached} at once`)
})

t.test('of two transactions that do not see each other, the later one sees what the earlier one wrote', async t => {
  for (const table of ['membership', 'study', 'study_grantee', 'study_staff', 'grantee'])
    await database.run(sql.fragment`DELETE FROM ${sql.identifier([table])}`)
  const ever = { from: '2020-01-01', to: '2030-01-01' }
  await database.run(membership('a', 'ann', 'other', ever))
  await database.run(sql.fragment`INSERT INTO study_grantee (study_id, grantee) VALUES ('1', 10)`)
  const later = Promise.withResolvers<void>()
  const first = database.transaction(async connection => {
    await connection.run(sql.fragment`DELETE FROM membership WHERE id = 'a'`)
    await connection.run(membership('b', 'bob', 'other', ever))
    await later.promise
  })
  const second = database.transaction(connection => connection.run(studyOf('1', 'other', 'organization', true, ever)))
  await someoneWaits(database)
  later.resolve()
  await Promise.all([first, second])
  t.strictSame(await kept(database), [
    {
      practitioner: 'bob',
      grantee: 10,
      study_id: '1',
      period_start: '2020-01-01 00:00:00+00',
      period_end: '2030-01-01 00:00:00+00',
    },
  ])
})

t.test('a write to a study reads rows for that study, however many other studies its members see', async t => {
  const ever = { from: '2020-01-01', to: '2030-01-01' }
  await database.run(sql.fragment`
    INSERT INTO membership (id, practitioner, organization, rank, period_start, period_end)
    SELECT 'many-' || number, 'many-' || number, 'whole', 1, ${ever.from}, ${ever.to} FROM generate_series(1, 10) AS number`)
  await database.run(sql.fragment`
    INSERT INTO study (id, grantee, organization, access, identity, in_force, period_start, period_end)
    SELECT number, number * 10, 'whole', 'organization', 'coded', true, ${ever.from}, ${ever.to} FROM generate_series(1001, 3000) AS number`)
  await database.run(
    sql.fragment`INSERT INTO study_grantee (study_id, grantee) SELECT id, grantee FROM study WHERE organization = 'whole'`,
  )
  await database.run(sql.fragment`ANALYZE`)
  const numberAndStudy = async (id: string) => {
    await database.run(sql.fragment`INSERT INTO grantee (kind, id) VALUES ('study', ${id})`)
    await database.run(studyOf(id, 'whole', 'organization', true, ever))
    await database.run(sql.fragment`INSERT INTO study_grantee (study_id, grantee) VALUES (${id}, ${Number(id) * 10})`)
    await database.run(
      sql.fragment`INSERT INTO study_staff (study_id, practitioner, period_start, period_end) VALUES (${id}, 'ann', ${ever.from}, ${ever.to})`,
    )
  }
  const before = await rowsRead()
  // PostgreSQL keeps a plan after five executions.
  for (let made = 0; made < 8; made += 1) await numberAndStudy(String(4001 + made))
  const read = (await rowsRead()) - before
  t.ok(read < 8 * 2000, `${read} rows, where 10 people see 2000 studies`)
  t.strictSame(await kept(database), await following(database))
})

/** The rows read of the tables that it follows from, and of its own. */
const rowsRead = async (): Promise<number> => {
  await database.any(sql.fragment`SELECT pg_stat_force_next_flush()`)
  const { rows } = await database.one<{ rows: number }>(sql.fragment`
    SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS rows FROM pg_stat_user_tables
    WHERE relname IN ('membership', 'study', 'study_staff', 'study_grantee', 'grantee', 'practitioner_grantee')`)
  return rows
}
