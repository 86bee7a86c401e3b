import t from 'tap'
import { findRecord, keepRecord, removeExpired } from '../../../src/storage/authorization/authorization-record.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t, { poolSize: 2 })

t.test('the request of an app goes when it expires, and a code a day later', async t => {
  const hourSeconds = 3600
  const records = [
    { kind: 'Interaction', key: 'asked just now', ttlSeconds: hourSeconds },
    { kind: 'Interaction', key: 'never answered', ttlSeconds: -1 },
    { kind: 'AuthorizationCode', key: 'used a moment ago', ttlSeconds: -1 },
    { kind: 'AuthorizationCode', key: 'used two days ago', ttlSeconds: -48 * hourSeconds },
  ]
  for (const record of records) await keepRecord(database, { ...record, payload: { state: record.key } })
  await removeExpired(database)
  const left = await Promise.all(records.map(({ kind, key }) => findRecord(database, kind, key)))
  t.same(
    left.flatMap(found => found?.payload.state ?? []),
    ['asked just now', 'used a moment ago'],
  )
})
