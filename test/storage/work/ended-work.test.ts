import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { sql } from '../../../src/storage/sql.ts'
import { dropInParts } from '../../../src/storage/work/drop-in-parts.ts'
import { dropEndedWork } from '../../../src/storage/work/ended-work.ts'
import { withDatabase } from '../../support/database.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url)
t.teardown(async () => {
  await database.close()
  await close()
})

/** Ids that are left, in order. */
const left = async (table: 'staff_invitation' | 'patient_import' | 'study_action') =>
  (await database.any<{ id: string }>(sql.fragment`SELECT id FROM ${sql.identifier([table])} ORDER BY id`)).map(
    ({ id }) => id,
  )
const age = (days: number) => sql.fragment`now() - make_interval(days => ${days})`

t.test('an invitation of staff is forgotten so long after it was used or has run out, and no sooner', async t => {
  await database.run(sql.fragment`
    INSERT INTO staff_invitation (id, organization, role, email, inviter, expires_at, ended_at, ended_by) VALUES
      ('late', 'o', 'viewer', 'a@example.org', 'p', ${age(181)}, NULL, NULL),
      ('lately', 'o', 'viewer', 'b@example.org', 'p', ${age(179)}, NULL, NULL),
      ('open', 'o', 'viewer', 'c@example.org', 'p', now() + interval '7 days', NULL, NULL),
      ('used', 'o', 'viewer', 'd@example.org', 'p', ${age(175)}, ${age(181)}, 'used'),
      ('used lately', 'o', 'viewer', 'e@example.org', 'p', ${age(185)}, ${age(179)}, 'used')`)
  await dropEndedWork(database, 180)
  t.same(await left('staff_invitation'), ['lately', 'open', 'used lately'])
})

t.test('what was done to many people is forgotten with each of them so long after it ended', async t => {
  await database.run(sql.fragment`
    INSERT INTO study_action (id, person, study_id, what, way, total, made_at, ended_at) VALUES
      ('ended', 'p', 's', 'remind', 'email', 1, ${age(400)}, ${age(181)}),
      ('ended lately', 'p', 's', 'remind', 'email', 1, ${age(400)}, ${age(179)}),
      ('under way', 'p', 's', 'remind', 'email', 1, ${age(400)}, NULL)`)
  await database.run(sql.fragment`
    INSERT INTO study_action_item (action, item, target) SELECT id, 1, 'somebody' FROM study_action`)
  await dropEndedWork(database, 180)
  t.same(await left('study_action'), ['ended lately', 'under way'])
  const items = await database.any(sql.fragment`SELECT action FROM study_action_item ORDER BY action`)
  t.same(items, [{ action: 'ended lately' }, { action: 'under way' }])
})

t.test('what became of a list of patients is forgotten so long after it was registered or has failed', async t => {
  await database.run(sql.fragment`
    INSERT INTO patient_import (id, person, organization, state, total, faulty, made_at, ended_at) VALUES
      ('failed', 'p', 'o', 'failed', 1, 0, ${age(181)}, ${age(181)}),
      ('imported', 'p', 'o', 'imported', 1, 0, ${age(181)}, ${age(181)}),
      ('imported lately', 'p', 'o', 'imported', 1, 0, ${age(181)}, ${age(179)}),
      ('under way', 'p', 'o', 'importing', 1, 0, ${age(181)}, NULL)`)
  await dropEndedWork(database, 180)
  t.same(await left('patient_import'), ['imported lately', 'under way'])
})

t.test('old rows go in parts, however many there are, and none once it is closing', async t => {
  await database.run(sql.fragment`CREATE TABLE many AS SELECT n FROM generate_series(1, 12) AS n`)
  const count = async () => (await database.one<{ n: number }>(sql.fragment`SELECT count(*)::int AS n FROM many`)).n
  const old = { table: 'many', isOld: sql.fragment`n <= 11`, most: 5 }
  await dropInParts(database, { ...old, closing: AbortSignal.abort() })
  t.equal(await count(), 12)
  await dropInParts(database, old)
  t.equal(await count(), 1)
})
