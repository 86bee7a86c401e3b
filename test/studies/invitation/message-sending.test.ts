import t from 'tap'
import { FhirError } from '../../../src/fhir/error.ts'
import { Undelivered } from '../../../src/messages/undelivered.ts'
import type { Database } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Queue, Waiting } from '../../../src/storage/work/queue.ts'
import { openMessageSending } from '../../../src/studies/invitation/message-sending.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t, { poolSize: 1 })

const keyOf = (job: Waiting): string => (typeof job === 'string' ? job : job.key)

t.test('a letter is queued, however many messages before it cannot be sent', async t => {
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
    // Without a worker, what is queued stays.
    queue: {
      work: async () => {},
      askAll: async jobs => {
        asked.push(...jobs.map(keyOf))
        if (asked.includes('b')) all.resolve()
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

t.test('messages to many are queued for later rounds, a few of each study in each', async t => {
  await database.run(sql.fragment`DELETE FROM study_message`)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, study_id, kind, to_many, channel, address)
    SELECT study || lpad(number::text, 4, '0'), 'ann', study, 'study-ended', TRUE, 'email', 'ann@example.org'
    FROM generate_series(1, 45) AS number, unnest(ARRAY['s', 't']) AS study`)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, study_id, kind, channel, address) VALUES ('z', 'ben', 's', 'invitation', 'email', 'ben@example.org')`)
  const all = Promise.withResolvers<Parameters<Queue['askAll']>[0]>()
  const sending = await openMessageSending({
    database,
    channels: {},
    accounts: { address: () => '', openStoreAs: () => t.fail('nothing is sent') as never },
    queue: {
      work: async () => {},
      askAll: async jobs => {
        all.resolve(jobs)
        return true
      },
    },
    pauseMs: 1,
    reportFault: fault => t.fail(String(fault)),
  })
  const jobs = await all.promise
  await sending.close()
  const rounds = Map.groupBy(jobs, job => (typeof job === 'string' ? 0 : job.round))
  t.same(
    [...rounds].map(([round, { length }]) => [round, length]),
    [
      [0, 1],
      [1, 40],
      [2, 40],
      [3, 10],
    ],
  )
  t.same(jobs.slice(0, 2).map(keyOf), ['z', 's0001'])
  t.same(
    rounds
      .get(1)
      ?.map(keyOf)
      .filter(key => key.startsWith('t'))
      .at(-1),
    't0020',
  )
})

t.test('a message that was sent while the database went away is not sent again, but noted as sent', async t => {
  await database.run(sql.fragment`DELETE FROM study_message`)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address) VALUES ('c', 'ann', 'address-changed', 'sms', '+4915100000000')`)
  let isAway = false
  const run: Database['run'] = async query => {
    if (isAway) throw new FhirError('transient', 'The database is away')
    return database.run(query)
  }
  const texts: string[] = []
  const faults: unknown[] = []
  const worker = Promise.withResolvers<Parameters<Queue['work']>[0]>()
  const sending = await openMessageSending({
    database: { ...database, run },
    channels: {
      sms: {
        sendNow: async () => t.fail('nobody waits for it'),
        deliver: async ({ to }) => {
          texts.push(to)
          isAway = true
        },
      },
    },
    accounts: { address: () => '', openStoreAs: () => ({ read: unknownPatient }) as never },
    queue: { work: async run => worker.resolve(run), askAll: async () => true },
    pauseMs: 1,
    reportFault: fault => faults.push(fault),
  })
  await sending.close()
  const work = await worker.promise
  await t.rejects(work('c', { isLast: () => false }), /away/)
  isAway = false
  await work('c', { isLast: () => false })
  t.same(texts, ['+4915100000000'])
  t.match(faults, [{ status: 503 }])
  const states = await database.any(sql.fragment`SELECT state, reason, tries FROM study_message`)
  t.strictSame(states, [{ state: 'sent', reason: null, tries: 1 }])
})

/** How one text message is worked on whose sending fails; `states`: what became of it. */
const failing = async (failure: Error) => {
  await database.run(sql.fragment`DELETE FROM study_message`)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address) VALUES ('d', 'ann', 'address-changed', 'sms', '+4915100000000')`)
  const worker = Promise.withResolvers<Parameters<Queue['work']>[0]>()
  const faults: unknown[] = []
  const sending = await openMessageSending({
    database,
    channels: { sms: { sendNow: async () => false, deliver: () => Promise.reject(failure) } },
    accounts: { address: () => '', openStoreAs: () => ({ read: unknownPatient }) as never },
    queue: { work: async run => worker.resolve(run), askAll: async () => true },
    pauseMs: 1,
    reportFault: fault => faults.push(fault),
  })
  await sending.close()
  const states = () => database.any(sql.fragment`SELECT state, reason, tries FROM study_message`)
  return { work: await worker.promise, faults, states }
}

t.test('a message that cannot be sent waits with the reason until it was tried for the last time', async t => {
  const { work, faults, states } = await failing(new Undelivered('The gateway is away'))
  await t.rejects(work('d', { isLast: () => false }), /gateway/)
  t.strictSame(await states(), [{ state: 'waiting', reason: 'The gateway is away', tries: 1 }])
  await t.rejects(work('d', { isLast: () => true }), /gateway/)
  t.strictSame(await states(), [{ state: 'failed', reason: 'The gateway is away', tries: 2 }])
  t.same(faults, [], 'staff are told with the message')
})

t.test('a message of which nobody knows whether it was sent is not tried again', async t => {
  const { work, states } = await failing(new Undelivered('The gateway did not answer', { isUncertain: true }))
  await work('d', { isLast: () => false })
  t.strictSame(await states(), [{ state: 'failed', reason: 'The gateway did not answer', tries: 1 }])
})

t.test('a message to an address that takes no such messages is not tried again', async t => {
  const { work, states } = await failing(new Undelivered('It is not a mobile phone', { isFinal: true }))
  await work('d', { isLast: () => false })
  t.strictSame(await states(), [{ state: 'failed', reason: 'It is not a mobile phone', tries: 1 }])
})

t.test('a fault of ours is reported, and staff are told no more than that there was one', async t => {
  const { work, faults, states } = await failing(new Error('secret inside'))
  await t.rejects(work('d', { isLast: () => true }), /secret inside/)
  t.strictSame(await states(), [{ state: 'failed', reason: 'Something went wrong on this server', tries: 1 }])
  t.match(faults, [{ message: 'secret inside' }])
})

const unknownPatient = async (): Promise<never> => {
  throw new FhirError('not-found', 'There is no such patient')
}
