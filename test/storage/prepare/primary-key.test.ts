import t from 'tap'
import { openPrimaryKeys } from '../../../src/storage/prepare/primary-key.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t, { poolSize: 2 })

t.test('any number of callers at once get a pk of their own, across the end of a block', async t => {
  const nextPk = openPrimaryKeys(database)
  const pks = await Promise.all(Array.from({ length: 2500 }, nextPk))
  t.equal(new Set(pks).size, 2500)
})

t.test('if the database is lost meanwhile, it is asked again', async t => {
  const nextPk = openPrimaryKeys(database)
  await database.run(sql.fragment`ALTER SEQUENCE resource_pk RENAME TO lost`)
  const [one, other] = await Promise.allSettled([nextPk(), nextPk()])
  t.match([one.status, other.status], ['rejected', 'rejected'])
  await database.run(sql.fragment`ALTER SEQUENCE lost RENAME TO resource_pk`)
  t.match(await nextPk(), /^\d+$/)
})
