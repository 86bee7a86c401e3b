import type { AuditEvent, Bundle } from '@medplum/fhirtypes'
import t from 'tap'
import packageJson from '../../../package.json' with { type: 'json' }
import { recordingAccount } from '../../../src/accounts/account-event.ts'
import { openOwnStores } from '../../../src/cli/own-store.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { noteVerification } from '../../../src/storage/audit/seal/chain-state.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { recordSignIn } from '../../../src/storage/audit/sign-in.ts'
import { type Backup, backupRecorded } from '../../../src/storage/installation/backup.ts'
import { makeStaffInvitation } from '../../../src/storage/organization/staff-invitation.ts'
import { sql } from '../../../src/storage/sql.ts'
import { nothingMoreToSay } from '../../../src/storage/study/study-message.ts'
import { until } from '../../subscriptions/receiver.ts'
import { wordsOf } from '../../support/browser.ts'
import { isTo, openMailbox } from '../../support/mailbox.ts'
import { openTenants } from '../tenants.ts'

const mailbox = await openMailbox()
const world = await openTenants({ SMTP_URL: mailbox.url }, { pauseMs: 60_000, retries: 0 })
const { server, database, lab, people, persons, ann, send, token } = world
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
    /Memory [\d.]+ MiB, of which [\d.]+ MiB is in use by JavaScript/,
    /The database takes [\d.]+ MiB\. .* Table Size Rows [a-z_]+ [\d.,]+ KiB .* organization [\d.,]+ KiB 3 /,
    /Queue Waiting Under way Failed .*staff-invitation 0 0 0 .*subscription 0 0 0/,
    'E-mails and text messages waiting: 0. Could not be sent in the last seven days: 0.',
    'No backup is recorded. Last backup None is recorded PostgreSQL archives nothing',
    'This server makes no backups itself: whoever makes them records each by sharewell backup record',
    'PostgreSQL archives nothing of what is written (archive_mode is off).',
  ])
    t.match(shown, text)
  t.notMatch(shown, 'Send them again', 'nothing has failed')
})

t.test('a clock that differs from that of the database is told', async t => {
  t.notMatch(wordsOf(await administrator.get('/system')), 'The clock of this server')
  const { now } = Date
  t.teardown(() => {
    Date.now = now
  })
  Date.now = () => now() + 90_000
  t.match(
    wordsOf(await administrator.get('/system')),
    /The clock of this server is (8|9)\d s ahead of that of its database\. Set both right/,
  )
})

t.test('a reindex that has not come to its end is told', async t => {
  t.notMatch(wordsOf(await administrator.get('/system')), 'has not come to its end')
  await database.run(sql.fragment`INSERT INTO reindex_begun (at) VALUES ('2026-03-01T10:00:00Z')`)
  t.match(
    wordsOf(await administrator.get('/system')),
    /A reindex was begun on .*2026.* and has not come to its end\. If none is under way any more, it was cut short: run sharewell reindex again\./,
  )
  await database.run(sql.fragment`DELETE FROM reindex_begun`)
})

t.test('what could not be sent can be sent again', async t => {
  const id = 'staff-rosa'
  const asked = { id, organization: lab.organization, role: 'viewer', email: 'rosa@example.org', days: 7 } as const
  await makeStaffInvitation(database, { ...asked, inviter: persons.manager })
  await database.run(sql.fragment`UPDATE staff_invitation SET letter = 'failed' WHERE id = ${id}`)
  const message = (id: string, tries: number, age: string, reason = 'Refused') =>
    database.run(sql.fragment`
      INSERT INTO study_message (id, patient, kind, channel, address, state, tries, reason, made_at, ended_at)
      VALUES (${id}, ${ann}, 'address-changed', 'email', 'ann@example.org', 'failed', ${tries}, ${reason},
        now() - ${age}::interval, now())`)
  await message('of-now', 2, '1 hour')
  await message('of-before', 2, '8 days')
  await message('of-nothing', 0, '1 hour')
  await message('of-what-ended', 2, '1 hour', nothingMoreToSay)
  t.match(wordsOf(await administrator.get('/system')), /Could not be sent in the last seven days: 2\. Send them again/)
  t.match(await administrator.send('/system', {}, '/system/retry'), { status: 303, location: '/system?done=retried' })
  t.equal((await mailbox.next()).to, 'rosa@example.org')
  t.same(
    await database.any(sql.fragment`SELECT id, state FROM study_message ORDER BY id`),
    [
      { id: 'of-before', state: 'failed' },
      { id: 'of-nothing', state: 'failed' },
      { id: 'of-now', state: 'waiting' },
      { id: 'of-what-ended', state: 'failed' },
    ],
    'messages to patients wait, to be found by what sends them',
  )
})

const seal = () => sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
/** The rows of the table of events, as text, without their time. */
const eventsAt = async (query: string) =>
  [
    ...(await administrator.get(`/system/events?${query}`)).body.matchAll(
      /<tr role="row">\n<td role="cell">.*?<\/td>([\s\S]*?)<\/tr>/g,
    ),
  ].map(([, row = '']) =>
    row
      .replaceAll(/<[^>]*>/g, ' ')
      .replaceAll(/\s+/g, ' ')
      .trim(),
  )
const tokenOf = (person: string) => token({ subject: { kind: 'user', person }, scope: 'user/*.cruds' })

t.test('an administrator sees what concerns no patient, and filters by who, app, what and outcome', async t => {
  const { administrator: root, viewer, patient } = persons
  const tried = [
    { person: root, outcome: 200 },
    { person: viewer, outcome: 401 },
    { person: patient, outcome: 200 },
    { person: patient, outcome: 401 },
    { person: undefined, outcome: 401 },
  ] as const
  for (const one of tried) await recordSignIn(database, one)
  const own = await token({ subject: { kind: 'patient', patient: ann }, scope: 'patient/*.rs' })
  const { id } = (
    await send(await tokenOf(root), 'POST', 'Organization', { resourceType: 'Organization', name: 'X' })
  ).json()
  await send(await tokenOf(root), 'GET', `Patient/${ann}`)
  for (const path of [`Patient/${ann}`, 'Patient/none', 'Observation/none', 'Organization/none'])
    await send(await tokenOf(viewer), 'GET', path)
  for (const path of [`Patient/${ann}`, 'Organization/none']) await send(own, 'GET', path)
  await seal()
  t.strictSame(await eventsAt('outcome=refused'), [
    'viewer Command line Read: Organization refused Organization/none',
    'Root Command line Read: Patient refused',
    'viewer Pages of this server Signed in refused',
  ])
  t.strictSame((await eventsAt('kind=sign-in&who=root')).slice(0, 1), ['Root Pages of this server Signed in'])
  t.strictSame(await eventsAt('kind=resources&who=Root&outcome=done&app=cli'), [
    `Root Command line Wrote: Organization Organization/${id}`,
  ])
  t.strictSame(await eventsAt('kind=configuration&app=letters'), ['Root What could not be sent is sent again letters'])
  t.strictSame(await eventsAt('who=Ann'), [])
  t.match(wordsOf(await administrator.get('/system/events?until=2020-01-01')), /Nothing matches that/)
  t.match(wordsOf(await administrator.get('/system/events?page=9')), /That page of the list is no longer there/)
  t.match((await administrator.get('/system/events?kind=banana')).body, /id="kind-problem">There is no such choice/)
  t.strictSame(await eventsAt('kind=banana'), [])
  t.match((await administrator.get('/system/events?from=x')).body, /id="from-problem">Enter a day/)
  const turned = await administrator.get('/system/events?from=2026-03-02&until=2026-03-01&timezone=Mars/Phobos')
  t.match(turned.body, /id="until-problem">The last day is before the first/)
  t.match(turned.body, /id="timezone-problem">This time zone is not known here/)
  t.match(turned.body, 'value="Mars/Phobos"')
})

t.test('page, table and FHIR show the same, page by page, and no number reveals how much else there is', async t => {
  await database.run(sql.fragment`UPDATE client SET name = '=1+1' WHERE id = 'cli'`)
  for (let count = 0; count < 60; count++) await recordSignIn(database, { person: persons.viewer, outcome: 200 })
  await seal()
  const asked = await send(await tokenOf(persons.administrator), 'GET', 'AuditEvent?_count=1000&_total=accurate')
  const { total, entry }: Bundle<AuditEvent> = asked.json()
  const events = (entry ?? []).map(({ resource }) => resource as AuditEvent)
  const numbers = events.flatMap(({ id = '' }) => (id.startsWith('installation-') ? [Number(id.slice(13))] : []))
  t.equal(total, events.length)
  // Events at the same moment may have ids in another order than their times.
  t.strictSame(
    numbers.toSorted((one, other) => one - other),
    Array.from(numbers, (_, index) => index + 1),
  )
  t.notMatch(JSON.stringify(events), new RegExp(`Patient/|${ann}|${persons.patient}`))
  const { body, headers } = await administrator.get('/system/events.csv')
  const [head, ...rows] = body.replace('\ufeff', '').trim().split('\r\n')
  t.equal(headers['content-disposition'], 'attachment; filename="events.csv"')
  t.equal(head, 'recorded,who,app,did,what,outcome,about')
  t.strictSame(
    rows.map(row => row.split(',')[0]),
    events.map(({ recorded }) => recorded),
  )
  t.notMatch(body, /(^|,)[=+@]/m)
  const pages: string[] = []
  for (let query: string | undefined = 'sort=oldest'; query !== undefined; ) {
    const { body } = await administrator.get(`/system/events?${query}`)
    pages.push(...body.matchAll(/<td role="cell"><time datetime="([^"]*)"/g).map(([, at = '']) => at))
    query = /<a href="\/system\/events\?([^"]*)">Later/.exec(body)?.[1]?.replaceAll('&amp;', '&')
  }
  t.strictSame(pages, events.map(({ recorded }) => recorded).toReversed())
})

t.test('of an administrator who is also a patient, others learn no more than of anybody else', async t => {
  const link = [{ target: { reference: `Patient/${world.carl}` } }]
  await send('everything', 'PUT', `Person/${persons.administrator}`, {
    resourceType: 'Person',
    id: persons.administrator,
    name: [{ text: 'Root' }],
    link,
  })
  await recordSignIn(database, { person: persons.administrator, outcome: 200 })
  const event = { person: persons.administrator, by: 'operator', action: 'D', told: 'It was reset' } as const
  await recordingAccount({ database, openStoreAs: await openOwnStores(database) }, event, async () => true)
  await seal()
  t.strictSame((await eventsAt('who=root')).slice(0, 1), ['Root Pages of this server Signed in'])
  t.match((await eventsAt('kind=accounts'))[0], /It was reset/)
  const own = await token({ subject: { kind: 'patient', patient: world.carl }, scope: 'patient/AuditEvent.rs' })
  const told = (await send(own, 'GET', 'AuditEvent?subtype=110122,110137')).json()
  t.ok(told.entry.length >= 2)
})

const recordBackup = async (backup: Backup) => {
  const store = (await openOwnStores(database))({ principal: { kind: 'client', id: 'cli' } })
  await store.write([{ kind: 'create', resource: backupRecorded(backup) }])
}
const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000)
const backupShown = async () => {
  const { body } = await administrator.get('/system')
  return { words: wordsOf({ body: body.slice(body.indexOf('<h2>Backup</h2>')) }), body }
}

t.test('the last recorded backup is shown with its age, with a warning if it is old or failed', async t => {
  await recordBackup({ by: 'pgBackRest', taken: hoursAgo(80), bytes: 1_610_612_736, label: 's3://backups/full' })
  t.match(
    (await backupShown()).words,
    /^Backup The last backup that is recorded is more than 2 days old\. Last backup .* UTC, 3 days ago, by pgBackRest, 1\.5 GiB, s3:\/\/backups\/full All recorded backups PostgreSQL/,
  )
  await recordBackup({ by: 'pg_dump', taken: hoursAgo(47), bytes: 1000 })
  await recordBackup({ by: 'snapshots', taken: hoursAgo(50), label: 'told late' })
  const { words, body } = await backupShown()
  t.match(words, /^Backup Last backup .* UTC, 47 hours ago, by pg_dump, 1,000 bytes All recorded backups PostgreSQL/)
  t.match(
    body,
    new RegExp(`<dd><time datetime="${hoursAgo(47).toISOString().slice(0, 13)}`),
    'for the clock of its reader',
  )
  await recordBackup({ by: 'pg_dump', taken: hoursAgo(1), failed: 'No space left <here>' })
  t.match(
    (await backupShown()).words,
    /^Backup The newest backup has failed\. Last backup .* 47 hours ago.* The last that failed .* UTC, 60 minutes ago, by pg_dump: No space left &lt;here&gt; All recorded/,
  )
  await recordBackup({ by: 'pg_dump', taken: hoursAgo(0) })
  t.match(
    (await backupShown()).words,
    /^Backup Last backup .* UTC, .* minutes? ago, by pg_dump The last that failed .*No space/,
  )
})

t.test('backups are among the events of the system, and a token that may only import cannot record one', async t => {
  t.strictSame(await eventsAt('kind=backups&sort=oldest'), [
    'cli A backup was taken by pgBackRest s3://backups/full',
    'cli A backup was taken by pg_dump',
    'cli A backup was taken by snapshots told late',
    'cli A backup by pg_dump has failed: No space left &lt;here&gt; failed',
    'cli A backup was taken by pg_dump',
  ])
  t.equal((await eventsAt('kind=backups&outcome=refused')).length, 1)
  const event = backupRecorded({ by: 'nobody', taken: new Date(Date.now() + 60_000) })
  const source = { observer: { display: 'Elsewhere' } }
  t.equal((await send('everything', 'POST', 'AuditEvent', { ...event, source })).statusCode, 201)
  t.notMatch((await backupShown()).words, 'by nobody')
})

t.test('the page says whether the record is sealed in time, and when it was verified', async t => {
  t.match(
    wordsOf(await administrator.get('/system/events')),
    /The record is sealed in time, and was never verified\. .*No seal is older than this hour/,
  )
  await noteVerification(database, { isWhole: true })
  await database.transaction(async connection => {
    await connection.run(sql.fragment`SET LOCAL session_replication_role = replica`)
    await connection.run(sql.fragment`UPDATE audit_seal SET sealed = sealed - interval '1 hour'`)
    await connection.run(sql.fragment`INSERT INTO audit_record (epoch, recorded, interaction, patients, kinds, outcome)
      SELECT max(epoch), now() - interval '2 minutes', 'read', '{}', '{}', 200 FROM audit_epoch`)
  })
  t.match(
    wordsOf(await administrator.get('/system/events')),
    /The record is not sealed in time, and was last verified .* whole\. .*the newest seal was [0-9a-f]{64}/,
  )
})

t.test('nobody else finds the page', async t => {
  for (const who of ['manager', 'privacy officer', 'patient'] as const) {
    const { body } = await people[who].get('/account')
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    t.equal((await people[who].get('/system')).status, 404, who)
    for (const path of ['/system/events', '/system/events.csv'])
      t.equal((await people[who].get(path)).status, 404, `${who}: ${path}`)
    t.equal((await people[who].post('/system/retry', { _csrf })).status, 404, who)
  }
})

t.test('what could not be sent yet is told from what waits for its turn', async t => {
  const id = 'staff-later'
  const asked = { id, organization: lab.organization, role: 'viewer', email: 'nobody@example.org', days: 7 } as const
  await makeStaffInvitation(database, { ...asked, inviter: persons.manager })
  await database.run(sql.fragment`
    INSERT INTO queue.job (name, data, state, start_after)
    VALUES ('staff-invitation', ${JSON.stringify({ key: id })}, 'retry', now() + interval '15 minutes')`)
  t.match(
    wordsOf(await administrator.get('/system')),
    /text messages waiting: \d+\. Tried in vain so far, and tried again within a quarter of an hour: 1 \(the log says why\)\. Could not/,
  )
  await database.run(sql.fragment`DELETE FROM queue.job WHERE data ->> 'key' = ${id}`)
  await database.run(sql.fragment`DELETE FROM staff_invitation WHERE id = ${id}`)
})

t.test('what had failed no longer counts as failed work once it is sent again', async t => {
  const id = 'staff-nobody'
  const asked = { id, organization: lab.organization, role: 'viewer', email: 'nobody@example.org', days: 7 } as const
  await makeStaffInvitation(database, { ...asked, inviter: persons.manager })
  const becomes = (letter: string, work: string) =>
    until(async () => {
      const shown = wordsOf(await administrator.get('/system'))
      const found = await database.maybeOne(
        sql.fragment`SELECT FROM staff_invitation WHERE id = ${id} AND letter = ${letter}`,
      )
      return found !== undefined && shown.includes(` staff-invitation ${work} `)
    })
  await database.run(sql.fragment`UPDATE staff_invitation SET letter = 'failed' WHERE id = ${id}`)
  await administrator.send('/system', {}, '/system/retry')
  t.ok(await becomes('failed', '0 0 1'))
  await database.run(sql.fragment`UPDATE staff_invitation SET email = 'there@example.org' WHERE id = ${id}`)
  await administrator.send('/system', {}, '/system/retry')
  t.equal((await mailbox.next(isTo('there@example.org'))).to, 'there@example.org')
  t.ok(await becomes('sent', '0 0 0'))
})
