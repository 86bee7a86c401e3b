import { setImmediate as turn } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { type AuditRecord, insertRecords } from '../../../src/storage/audit/record.ts'
import { openTrail, type Trail } from '../../../src/storage/audit/trail.ts'
import type { Database } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const opened = async (t: Test): Promise<{ readonly database: Database; readonly trail: Trail }> => {
  const { database } = await openTestDatabase(t, { poolSize: 1 })
  return { database, trail: openTrail(database) }
}

const readBy = (person: string): AuditRecord => ({
  person,
  interaction: 'read',
  type: 'Observation',
  patients: [3],
  kinds: [1],
  outcome: 200,
})

/** Who is recorded in one commit, and who in the next. */
const commits = async (database: Database): Promise<readonly (readonly string[])[]> => {
  const rows = await database.any<{ people: readonly string[] }>(sql.fragment`
    SELECT array_agg(person ORDER BY id) AS people FROM audit_record GROUP BY xact ORDER BY xact`)
  return rows.map(({ people }) => people)
}

/** So many look something up until the answer is called. */
const asking = (trail: Trail, count: number): (() => void) => {
  const { promise, resolve } = Promise.withResolvers<void>()
  for (let asked = 0; asked < count; asked += 1) void trail.expecting(() => promise)
  return resolve
}

t.test('if few are asking, each is recorded at once', async t => {
  const { database, trail } = await opened(t)
  const answer = asking(trail, 1)
  const first = trail.keep(readBy('ann'))
  await turn()
  await turn()
  await Promise.all([first, trail.keep(readBy('ben'))])
  answer()
  t.same(await commits(database), [['ann'], ['ben']])
})

t.test('if many are asking, a record waits for those about to arrive, but not for any that take longer', async t => {
  const { database, trail } = await opened(t)
  const answer = asking(trail, 20)
  const first = trail.keep(readBy('ann'))
  await turn()
  await turn()
  await Promise.all([first, trail.keep(readBy('ben'))])
  await trail.keep(readBy('cyd'))
  answer()
  t.same(await commits(database), [['ann', 'ben'], ['cyd']])
})

t.test('records that arrive while a group is written go with the next one', async t => {
  const { database, trail } = await opened(t)
  const first = trail.keep(readBy('ann'))
  await turn()
  await turn()
  const others = ['ben', 'cyd', 'dan'].map(async person => {
    await turn()
    await trail.keep(readBy(person))
  })
  await Promise.all([first, ...others])
  t.same(await commits(database), [['ann'], ['ben', 'cyd', 'dan']])
})

t.test('however many arrive at once, each is recorded whole and in order, also one with subjects', async t => {
  const { database } = await opened(t)
  const names = Array.from({ length: 70 }, (_, number) => `person-${number}`)
  await insertRecords(database, names.map(readBy))
  await insertRecords(database, names.map(readBy).with(1, { ...readBy('somebody'), subjects: ['nobody'] }))
  const rows = await database.any(sql.fragment`
    SELECT person, practitioner, interaction, type, patients, kinds, outcome FROM audit_record ORDER BY id`)
  const row = (person: string) => ({
    person,
    practitioner: null,
    interaction: 'read',
    type: 'Observation',
    patients: [3],
    kinds: [1],
    outcome: 200,
  })
  t.same(rows, [...names.map(row), ...names.with(1, 'somebody').map(row)])
})
