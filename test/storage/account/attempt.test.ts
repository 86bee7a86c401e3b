import t from 'tap'
import { endOfTries, mayTry } from '../../../src/storage/account/attempt.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)
const secretKey = Buffer.alloc(32, 7)
const limit = { what: 'code', tries: 2, minutes: 15 }
const tried = () => mayTry(database, secretKey, limit, 'ann')

t.test('so many tries are allowed, and when their time is over it begins again', async t => {
  t.same([await tried(), await tried(), await tried()], [true, true, false])
  await database.run(sql.fragment`UPDATE attempt SET expires_at = expires_at - interval '15 minutes'`)
  t.ok(await tried())
})

t.test(
  'a try that began a moment before the first, and is counted after it, does not begin the count anew',
  async t => {
    await database.run(sql.fragment`UPDATE attempt SET tries = 2, expires_at = now() + interval '16 minutes'`)
    t.notOk(await tried())
    await database.run(sql.fragment`DELETE FROM attempt`)
  },
)

t.test('tries that were counted while the clock was ahead do not count until then', async t => {
  t.same([await tried(), await tried(), await tried()], [true, true, false])
  await database.run(sql.fragment`UPDATE attempt SET expires_at = expires_at + interval '1 year'`)
  t.same([await tried(), await tried(), await tried()], [true, true, false])
  t.ok((await endOfTries(database, secretKey, limit, 'ann')).getTime() <= Date.now() + limit.minutes * 60_000)
})
