import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openMessageSending } from '../../../src/studies/invitation/message-sending.ts'
import { withDatabase } from '../../support/database.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url, { poolSize: 1 })
t.teardown(async () => {
  await database.close()
  await close()
})

t.test('a letter is asked for, however many messages before it cannot be sent', async t => {
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address)
    SELECT 'a' || lpad(number::text, 4, '0'), 'ann', 'address-changed', 'sms', '+4915100000000' FROM generate_series(1, 600) AS number`)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address) VALUES ('b', 'ann', 'address-changed', 'email', 'ann@example.org')`)
  const asked: string[] = []
  const all = Promise.withResolvers<void>()
  const sending = await openMessageSending({
    database,
    channels: {},
    accounts: { address: () => '', openStoreAs: () => t.fail('nothing is sent') as never },
    // Where nobody works, what is asked for stays.
    queue: {
      work: async () => {},
      ask: async id => {
        asked.push(id)
        if (id === 'b') all.resolve()
        return true
      },
    },
    pauseMs: 1,
    reportFault: fault => t.fail(String(fault)),
  })
  await all.promise
  await sending.close()
  t.same([asked.length, new Set(asked).size, asked.at(-1)], [601, 601, 'b'], 'each once, the oldest first')
})
