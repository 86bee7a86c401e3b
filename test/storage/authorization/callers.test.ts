import t from 'tap'
import { endSession, findSession, startSession } from '../../../src/storage/account/session.ts'
import { createGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import { openCallers } from '../../../src/storage/authorization/callers.ts'
import { findToken, issueToken, revokeToken } from '../../../src/storage/authorization/token.ts'
import { setBackWhile } from '../../support/clock.ts'
import { openTestDatabase } from '../../support/database.ts'
import { keptBytes } from '../../support/kept-memory.ts'

const { database } = await openTestDatabase(t, { poolSize: 2 })

const token = (ttlSeconds: number) =>
  issueToken(database, {
    subject: { kind: 'patient', patient: 'ann' },
    client: 'cli',
    scope: 'patient/*.rs',
    ttlSeconds,
  })
const soon = (ms: number) => new Promise(resolve => setTimeout(resolve, ms))

t.test('a caller is the one of the token, and an unknown token has none', async t => {
  const { find: callers } = openCallers(database)
  t.match(await callers(await token(60)), { patient: 'ann' })
  t.equal(await callers('x'.repeat(43)), undefined)
})

t.test('a token ends when it expires, however recently it was used', async t => {
  const { find: callers } = openCallers(database)
  const brief = await token(1)
  t.match(await callers(brief), { patient: 'ann' })
  await soon(1100)
  t.equal(await callers(brief), undefined)
})

t.test('it ends no later if the clock here is ahead of that of the database', async t => {
  const { find: callers } = openCallers(database)
  const brief = await token(1)
  const end = (await findToken(database, brief))?.expiresAt.getTime() ?? 0
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => end
  t.match(await callers(brief), { patient: 'ann' })
  Date.now = now
  await soon(1100)
  t.equal(await callers(brief), undefined)
})

t.test('a revoked token ends within two seconds', async t => {
  const { find: callers } = openCallers(database)
  const bearer = await token(60)
  t.match(await callers(bearer), { patient: 'ann' })
  await revokeToken(database, bearer)
  await soon(2100)
  t.equal(await callers(bearer), undefined)
})

t.test('so it does if the clock is set back an hour meanwhile', async t => {
  const { find: callers } = openCallers(database)
  const bearer = await token(60)
  t.match(await callers(bearer), { patient: 'ann' })
  await revokeToken(database, bearer)
  setBackWhile(t, 3)
  t.equal(await callers(bearer), undefined)
})

t.test('it ends at once in the process that revoked it', async t => {
  const { find, forget } = openCallers(database)
  const bearer = await token(60)
  t.match(await find(bearer), { patient: 'ann' })
  const underWay = find(await token(60))
  await revokeToken(database, bearer)
  forget()
  t.equal(await find(bearer), undefined)
  t.match(await underWay, { patient: 'ann' })
})

t.test('what was read before something was revoked here is not kept', async t => {
  const bearer = await token(60)
  const reading: typeof database = {
    ...database,
    maybeOne: async <Row>(...asked: Parameters<typeof database.maybeOne>) => {
      const row = await database.maybeOne<Row>(...asked)
      if (await revokeToken(database, bearer)) forget()
      return row
    },
  }
  const { find, forget } = openCallers(reading)
  t.match(await find(bearer), { patient: 'ann' })
  t.equal(await find(bearer), undefined)
})

t.test('a token that ends with a sign-in ends at once, wherever that ended', async t => {
  const { find } = openCallers(database)
  const cookie = await startSession(database, { person: 'ben', methods: ['pwd'], device: 'Test' })
  const { id: session = '' } = (await findSession(database, cookie)) ?? {}
  const given = { person: 'ben', client: 'cli', scope: 'online_access', context: {}, session, ttlSeconds: 60 }
  const grantId = await database.transaction(connection => createGrant(connection, given))
  const subject = { kind: 'user', person: 'ben' } as const
  const asked = { subject, client: 'cli', scope: 'online_access', ttlSeconds: 60 }
  const bearer = await issueToken(database, { ...asked, ...(grantId !== undefined && { grantId }) })
  t.match(await find(bearer), { person: { id: 'ben' } })
  await endSession(database, 'ben', session)
  t.equal(await find(bearer), undefined)
})

t.test('texts that cannot be tokens do not push out what is remembered of a refused one', async t => {
  const { findRefused } = openCallers(database)
  const over = await token(-1)
  t.match(await findRefused(over), { patient: 'ann' })
  for (let number = 0; number < 10_000; number++) await findRefused(`${'x'.repeat(50)}${number}`)
  t.equal(await findRefused(over), undefined)
})

t.test('of headers with made-up tokens nothing is kept in memory but that they came', async t => {
  const { findRefused } = openCallers(database)
  const bearer = (n: number) => `Bearer ${' '.repeat(50_000)}${String(n).padStart(43, '0')}`.slice(-43)
  const kept = await keptBytes(async () => {
    for (let n = 0; n < 2000; n += 1) await findRefused(bearer(n))
  })
  t.ok(kept < 30_000_000, 'the headers would be 100 MB')
})
