import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { failure } from '../../../src/storage/postgres/sql-state.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

t.test('a full disk is answered as such, and not as a fault: the client can send again later', async t => {
  const { database } = await openTestDatabase(t)
  const full = sql.fragment`DO $$ BEGIN RAISE 'could not extend file' USING ERRCODE = 'disk_full'; END $$`
  t.match(await database.run(full).catch(error => error), {
    status: 503,
    issues: [{ code: 'transient', message: 'The database has no room on its disk at the moment; try again later' }],
  })
})

t.test('a database that takes no writes, as after a failover, is answered as such, and not as a fault', async t => {
  const { database } = await openTestDatabase(t, { poolSize: 1 })
  await database.run(sql.fragment`SET default_transaction_read_only = on`)
  t.match(await database.run(sql.fragment`CREATE TABLE written ()`).catch(error => error), {
    status: 503,
    issues: [{ code: 'transient', message: 'The database takes no writes at the moment; try again later' }],
  })
})

t.test('whatever else the database lacks is answered as that, and not as a fault', async t => {
  const { database } = await openTestDatabase(t)
  const raised = (state: string) => {
    const body = `BEGIN RAISE 'told by the database' USING ERRCODE = '${state}'; END`
    return database.run(sql.fragment`DO ${sql.literalValue(body)}`).catch(error => error)
  }
  const states = {
    '53200': /no memory free/,
    '53300': /no connection free/,
    '25P03': cannotBeReached,
    '57P05': cannotBeReached,
  }
  for (const [state, message] of Object.entries({ ...states, '28P01': cannotBeReached, '3D000': cannotBeReached }))
    t.match(await raised(state), { status: 503, issues: [{ code: 'transient', message }] }, state)
  t.match(await raised('25P04'), { status: 403, issues: [{ code: 'too-costly', message: /longer than allowed/ }] })
})

t.test('who asks for more than the database gives one session for sorting is told to narrow it', async t => {
  const { database } = await openTestDatabase(t, { poolSize: 1 })
  await database.run(sql.fragment`SET work_mem = '64kB'`)
  await database.run(sql.fragment`SET temp_file_limit = '64kB'`)
  const sorted = sql.fragment`SELECT count(*) FROM (SELECT n FROM generate_series(1, 100000) AS n ORDER BY -n) AS sorted`
  t.match(await database.any(sorted).catch(error => error), {
    status: 403,
    issues: [{ code: 'too-costly', message: /more room than the database allows; narrow it/ }],
  })
})

t.test('a database that cannot be found, or to which nothing more can be opened, is tried again later', async t => {
  const nowhere = openDatabase('postgres://nobody@database.invalid/nothing')
  t.teardown(nowhere.close)
  const answers = [
    await nowhere.any(sql.fragment`SELECT 1`).catch(error => error),
    await tell(Object.assign(new Error('connect EMFILE 127.0.0.1:5432'), { code: 'EMFILE' })).catch(error => error),
    await tell(Object.assign(new Error('getaddrinfo EAI_AGAIN db'), { code: 'EAI_AGAIN' })).catch(error => error),
  ]
  for (const answer of answers)
    t.match(answer, { status: 503, issues: [{ code: 'transient', message: cannotBeReached }] })
})

const cannotBeReached = /cannot be reached at the moment; try again/
const tell = failure(async fault => fault)
