import t from 'tap'
import packageJson from '../../package.json' with { type: 'json' }
import { sql } from '../../src/storage/sql.ts'
import { makeStaffInvitation } from '../../src/storage/staff-invitation.ts'
import { wordsOf } from '../support/browser.ts'
import { openMailbox } from '../support/mailbox.ts'
import { openTenants } from './tenants.ts'

const mailbox = await openMailbox()
const world = await openTenants({ SMTP_URL: mailbox.url }, { pauseMs: 60_000, retries: 0 })
const { server, database, lab, people, persons, ann } = world
const { administrator } = people
t.teardown(async () => {
  await server.close()
  await mailbox.close()
})

t.test('an administrator sees the versions, the storage, the queues, and that no backup is recorded', async t => {
  await database.run(sql.fragment`ANALYZE observation, organization`)
  const shown = wordsOf(await administrator.get('/system'))
  for (const text of [
    `Sharewell ${packageJson.version} Node.js ${process.versions.node} PostgreSQL `,
    /Migrations (\d+) of \1, the last is \d{4}-[a-z-]+\.sql/,
    /Its memory [\d.]+ MiB, of which [\d.]+ MiB are in use by JavaScript/,
    /The database takes [\d.]+ MiB\. .* Table Size Rows [a-z_]+ [\d.,]+ KiB .* organization [\d.,]+ KiB 3 /,
    /Queue Waiting Under way Failed .*staff-invitation 0 0 0 .*subscription 0 0 0/,
    'Letters and text messages that wait: 0. That could not be sent within the last seven days: 0.',
    'None is recorded: this server makes no backups itself.',
    'PostgreSQL archives nothing of what is written (archive_mode is off).',
  ])
    t.match(shown, text)
  t.notMatch(shown, 'Send them again', 'nothing has failed')
})

t.test('what could not be sent is sent again', async t => {
  const asked = { organization: lab.organization, role: 'viewer', email: 'rosa@example.org', days: 7 } as const
  const id = await makeStaffInvitation(database, { ...asked, inviter: persons.manager })
  await database.run(sql.fragment`UPDATE staff_invitation SET letter = 'failed' WHERE id = ${id}`)
  const message = (id: string, tries: number, age: string) =>
    database.run(sql.fragment`
      INSERT INTO study_message (id, patient, kind, channel, address, state, tries, reason, made_at, ended_at)
      VALUES (${id}, ${ann}, 'address-changed', 'email', 'ann@example.org', 'failed', ${tries}, 'Refused',
        now() - ${age}::interval, now())`)
  await message('of-now', 2, '1 hour')
  await message('of-before', 2, '8 days')
  await message('of-nothing', 0, '1 hour')
  t.match(
    wordsOf(await administrator.get('/system')),
    /could not be sent within the last seven days: 2\. Send them again/,
  )
  t.match(await administrator.send('/system', {}, '/system/retry'), { status: 303, location: '/system?done=retried' })
  t.equal((await mailbox.next()).to, 'rosa@example.org')
  t.same(
    await database.any(sql.fragment`SELECT id, state FROM study_message ORDER BY id`),
    [
      { id: 'of-before', state: 'failed' },
      { id: 'of-nothing', state: 'failed' },
      { id: 'of-now', state: 'waiting' },
    ],
    'messages to patients wait, to be found by what sends them',
  )
})

t.test('for everybody else there is no such page', async t => {
  for (const who of ['manager', 'privacy officer', 'patient'] as const) {
    const { body } = await people[who].get('/account')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    t.equal((await people[who].get('/system')).status, 404, who)
    t.equal((await people[who].post('/system/retry', { _csrf })).status, 404, who)
  }
})
