import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { openLog } from '../../src/events/log.ts'
import { openLetters } from '../../src/jobs/letters.ts'
import { openMail } from '../../src/messages/mail.ts'
import { type Connection, openDatabase } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { dropOldLetters } from '../../src/storage/work/letter.ts'
import { openQueues } from '../../src/storage/work/queue.ts'
import { withDatabase } from '../support/database.ts'
import { openMailbox } from '../support/mailbox.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url)
const mailbox = await openMailbox()
t.teardown(async () => {
  await mailbox.close()
  await database.close()
  await close()
})

const secretKey = Buffer.alloc(32, 7)
const letterTo = (name: string) => ({
  to: `${name}@example.org`,
  subject: 'A new password',
  text: 'Open https://example.org/new-password?link=a-secret\n',
})
type Kept = { readonly sealed: string; readonly state: string }
const kept = () => database.any<Kept>(sql.fragment`SELECT sealed, state FROM letter ORDER BY id`)
const until = async (holds: (rows: readonly Kept[]) => boolean): Promise<void> => {
  while (!holds(await kept())) await sleep(20)
}

/** What a process has that sends with this mail server. */
const openProcess = async (t: Test, smtpUrl: string, retries = 9) => {
  let isOpen = true
  // Its connections are still ending when it says that it is closed, and may be cut off with the database after the test.
  const reportFault = (fault: unknown) => isOpen && t.fail(String(fault))
  const queues = await openQueues(url, { retries, reportFault })
  const log = openLog('silent')
  const address = () => 'https://share.example.org'
  const mail = await openMail({ config: { smtpUrl, mailFrom: undefined }, log, address })
  if (mail === undefined) throw new Error('There is a mail server')
  const letters = await openLetters({ database, secretKey, mail, queue: await queues.open('letter') })
  const end = async () => {
    await queues.close()
    isOpen = false
    mail.close()
  }
  t.teardown(end)
  return { letters, end }
}
const unreachable = 'smtp://127.0.0.1:1'

t.test('a letter outlives the process that could not send it, and cannot be read where it is stored', async t => {
  const before = await openProcess(t, unreachable)
  await before.letters.send(letterTo('ana'))
  const [one, ...others] = await kept()
  t.same(others, [])
  t.match(one, { state: 'waiting', sealed: /^ey[\w-]+\.\.[\w-]+\.[\w-]+\.[\w-]+$/ })
  t.notMatch(Buffer.from(one?.sealed ?? '', 'base64').toString('latin1'), /secret|example/)
  await before.end()
  await openProcess(t, mailbox.url)
  t.match(await mailbox.next(), letterTo('ana'))
  await until(rows => rows.length === 0)
})

t.test('a letter that failed too often waits until somebody has it sent again', async t => {
  const before = await openProcess(t, unreachable, 0)
  await before.letters.send(letterTo('ben'))
  await until(([row]) => row?.state === 'failed')
  await before.end()
  const { letters } = await openProcess(t, mailbox.url)
  await letters.send(letterTo('cleo'))
  t.match(await mailbox.next(), { to: 'cleo@example.org' }, 'nobody asked for the other one yet')
  await letters.retryFailed()
  t.match(await mailbox.next(), letterTo('ben'))
  await until(rows => rows.length === 0)
})

t.test('a letter whose link has expired is not sent any more', async t => {
  const { letters } = await openProcess(t, mailbox.url)
  await letters.send(letterTo('dora'), 0)
  const queue = await database.transaction(connection => letters.keep(connection, [letterTo('doris')], 0))
  await queue()
  await letters.send(letterTo('eli'))
  t.match(await mailbox.next(), { to: 'eli@example.org' })
  await dropOldLetters(database)
  await until(rows => rows.length === 0)
})

t.test('letters that are kept with what they are about are sent once that is committed, or not at all', async t => {
  const { letters } = await openProcess(t, mailbox.url)
  const keep = (connection: Connection, name: string) => letters.keep(connection, [letterTo(name)])
  const undone = database.transaction(async connection => {
    await keep(connection, 'fay')
    throw new Error('undone')
  })
  await t.rejects(undone, { message: 'undone' })
  const queue = await database.transaction(connection => keep(connection, 'gus'))
  await queue()
  t.match(await mailbox.next(), letterTo('gus'))
  await until(rows => rows.length === 0)
})

t.test('sending unnoticed stores an entry even for nothing, and starts later, each at a moment of its own', async t => {
  await database.run(sql.fragment`DELETE FROM queue.job`)
  const { letters } = await openProcess(t, mailbox.url)
  const names = Array.from({ length: 12 }, (_, index) => `person${index}`)
  const began = Date.now()
  for (const name of names) {
    await letters.sendUnnoticed(letterTo(name), 30)
    await letters.sendUnnoticed(undefined, 30)
  }
  const starts = await database.any<{ startsAt: Date }>(
    sql.fragment`SELECT start_after AS "startsAt" FROM queue.job WHERE name = 'letter' AND start_after > created_on ORDER BY created_on`,
  )
  const waits = starts.map(({ startsAt }) => startsAt.getTime())
  t.ok(waits.length > names.length, 'those that are due, however late this is')
  t.ok(
    waits.every(at => at > began),
    'none at once',
  )
  t.notSame(
    waits,
    waits.toSorted((one, other) => one - other),
    'nor in the order in which they were asked for',
  )
  const sent = []
  while (sent.length < names.length) sent.push((await mailbox.next()).to)
  t.same(sent.toSorted(), names.map(name => `${name}@example.org`).toSorted())
  await until(rows => rows.length === 0)
})
