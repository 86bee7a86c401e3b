import t from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { forgetAddresses } from '../../src/storage/study-message.ts'
import { withDatabase } from '../support/database.ts'

const { url, close } = await withDatabase()
const database = openDatabase(url)
t.teardown(async () => {
  await database.close()
  await close()
})

t.test('where messages went is forgotten in time, and what became of them is not', async t => {
  await database.run(sql.fragment`
    INSERT INTO invitation (id, subject, study_id, patient, expires_at)
    VALUES ('stands', 'ann-in-s', 's', 'ann', now() + interval '1 day'), ('over', 'ann-in-r', 'r', 'ann', now() - interval '1 day')`)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, subject, study_id, invitation, kind, channel, address, hash, state, ended_at)
    SELECT id, 'ann', 'ann-in-s', 's', invitation, 'invitation', 'email', 'ann@example.org', sha256(id::bytea), state, ended_at
    FROM (VALUES
      ('old', 'over', 'sent', now() - interval '8 days'), ('new', 'over', 'failed', now() - interval '6 days'),
      ('waits', 'over', 'waiting', NULL), ('opens', 'stands', 'sent', now() - interval '8 days')
    ) AS message(id, invitation, state, ended_at)`)
  await forgetAddresses(database, 7)
  const left = await database.any(sql.fragment`
    SELECT id, state, address IS NOT NULL AS "hasAddress", hash IS NOT NULL AS "hasLink" FROM study_message ORDER BY id`)
  t.strictSame(left, [
    { id: 'new', state: 'failed', hasAddress: true, hasLink: true },
    { id: 'old', state: 'sent', hasAddress: false, hasLink: false },
    { id: 'opens', state: 'sent', hasAddress: true, hasLink: true },
    { id: 'waits', state: 'waiting', hasAddress: true, hasLink: true },
  ])
})
