import t from 'tap'
import { type Countable, mostCounted, totalOf } from '../../../src/storage/search/total.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)

const rows = 60_000
await database.run(sql.fragment`CREATE TABLE big AS SELECT number FROM generate_series(1, ${rows}::integer) AS number`)
/** The rows up to a number are those that may be seen. */
const upTo =
  (last: number): Countable =>
  sample => ({ from: sql.fragment`big ${sample}`, where: sql.fragment`big.number <= ${last}` })

t.test('a total is counted only if asked for', async t => {
  t.strictSame(await totalOf(database, 'none', upTo(rows)), {})
})

t.test('an accurate total is exact', async t => {
  t.strictSame(await totalOf(database, 'accurate', upTo(rows)), { total: rows })
})

t.test('an estimate is exact up to a bound', async t => {
  for (const seen of [0, 1, mostCounted]) t.strictSame(await totalOf(database, 'estimate', upTo(seen)), { total: seen })
})

t.test('beyond it an estimate comes only from rows that may be seen, and stays the same when asked again', async t => {
  const estimate = async (last: number) => (await totalOf(database, 'estimate', upTo(last))).total ?? 0
  const [some, all] = [await estimate(rows / 2), await estimate(rows)]
  t.ok(some > mostCounted && some <= all, `${some} of ${all}`)
  t.ok(all > rows / 3 && all < rows * 3, `${all} of ${rows}`)
  t.equal(await estimate(rows), all)
})
