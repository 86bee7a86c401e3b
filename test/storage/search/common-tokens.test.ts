import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { openCommonTokens } from '../../../src/storage/search/common-tokens.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { url, database } = await openTestDatabase(t)

/** Every second row has 1, every hundredth has 2, and each has one of its own. */
await database.run(sql.fragment`
  INSERT INTO condition (patient_id, pk, id, version, last_updated, author, content, tokens)
  SELECT 0, number, number::text, 1, now(), 1, '{}',
    ARRAY[1000 + number] || CASE WHEN number % 2 = 0 THEN '{1}'::bigint[] ELSE '{}' END
      || CASE WHEN number % 100 = 0 THEN '{2}'::bigint[] ELSE '{}' END
  FROM generate_series(1, 5000) AS number`)

/** What is known once the statistics are read, which the first question only starts. */
const known = async () => {
  const isCommon = openCommonTokens(database)
  const asked = () => ([1n, 2n, 1001n] as const).filter(key => isCommon('Condition', key)).map(String)
  t.strictSame(asked(), [], 'nothing is known at first')
  while (asked().length === 0) await new Promise(resolve => setTimeout(resolve, 20))
  return { asked, isCommon }
}

t.test('tokens of many rows are common, for their type only; rare ones are not', async t => {
  await database.run(sql.fragment`ANALYZE condition`)
  const { asked, isCommon } = await known()
  t.strictSame(asked(), ['1'])
  t.notOk(isCommon('Procedure', 1n))
})

t.test('if the statistics cannot be read, no token is common', async t => {
  const closed = openDatabase(url)
  await closed.close()
  const isCommon = openCommonTokens(closed)
  t.notOk(isCommon('Condition', 1n))
  await new Promise(resolve => setTimeout(resolve, 50))
  t.notOk(isCommon('Condition', 1n))
})
