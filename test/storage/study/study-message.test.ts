import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import type { Store } from '../../../src/storage/store.ts'
import { removeOldAppInvitations } from '../../../src/storage/study/app-invitation.ts'
import { addTakenUp, forgetAddresses } from '../../../src/storage/study/study-message.ts'
import { sendMessage } from '../../../src/studies/invitation/study-message.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)

t.test('the address of a message is forgotten in time, and what became of the message is not', async t => {
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

t.test(
  'patients are told once an hour that apps took up invitations, in their language, without naming the study',
  async t => {
    const stored: Readonly<Record<string, object>> = {
      Patient: { communication: [{ language: { coding: [{ code: 'es' }] } }] },
      ResearchStudy: { title: 'Diabetes', sponsor: { reference: 'Organization/lab' } },
      Organization: { name: 'Lab' },
    }
    const store = { read: async (type: string) => ({ content: JSON.stringify(stored[type]) }) } as unknown as Store
    const letters: object[] = []
    const parts = {
      database,
      accounts: { openStoreAs: () => store, address: () => 'https://x.example' },
      channels: { email: { deliver: async (letter: object) => void letters.push(letter), sendNow: async () => true } },
    }
    const addresses = [{ channel: 'email', address: 'bea@example.org' }] as const
    for (let count = 0; count < 2; count++) await addTakenUp(database, { patient: 'bea', study: 's', addresses })
    const waiting = await database.any<{ id: string }>(sql.fragment`SELECT id FROM study_message WHERE patient = 'bea'`)
    for (const { id } of waiting) await sendMessage(parts, id, { isLast: () => true, sent: new Set() })
    t.match(letters, [
      {
        to: 'bea@example.org',
        subject: 'Una aplicación ha aceptado su invitación a un estudio',
        text: /invitación de Lab[\s\S]*https:\/\/x\.example\/account\/apps/,
      },
    ])
    t.equal(letters.length, 1)
    t.notMatch(JSON.stringify(letters), /Diabetes/)
  },
)

t.test('what was done for a patient is told in their language, and to nobody once they have died', async t => {
  const letters: { readonly subject: string; readonly text: string }[] = []
  const tell = async (kind: string, patient: object) => {
    await database.run(sql.fragment`
      INSERT INTO study_message (id, patient, study_id, kind, channel, address)
      VALUES (${kind}, 'eli', 's', ${kind}, 'email', 'eli@example.org')`)
    const stored: Readonly<Record<string, object>> = {
      Patient: { communication: [{ language: { coding: [{ code: 'es' }] } }], ...patient },
      ResearchStudy: { status: 'completed', title: 'Diabetes', sponsor: { reference: 'Organization/lab' } },
      Organization: { name: 'Lab' },
    }
    const read = async (type: string) => ({ content: JSON.stringify(stored[type]) })
    const parts = {
      database,
      accounts: { openStoreAs: () => ({ read }) as unknown as Store, address: () => 'https://x.example' },
      channels: { email: { deliver: async (letter: never) => void letters.push(letter), sendNow: async () => true } },
    }
    await sendMessage(parts as never, kind, { isLast: () => true, sent: new Set() })
    await database.run(sql.fragment`DELETE FROM study_message WHERE id = ${kind}`)
  }
  const kinds = ['given-for', 'ended-for', 'place-ended']
  for (const kind of kinds) await tell(kind, {})
  t.match(letters, [
    { subject: 'Se ha registrado su consentimiento en papel', text: /^Hola:\n\nLab ha registrado / },
    {
      subject: 'Se ha terminado por usted lo que comparte con un estudio',
      text: /^Hola:\n\nLab ha terminado por usted /,
    },
    { subject: 'Su participación en un estudio ha terminado', text: /^Hola:\n\nLab ha terminado su participación / },
  ])
  for (const { text } of letters) t.match(text, /\n\nhttps:\/\/x\.example\/sharing\n\n/)
  t.notMatch(JSON.stringify(letters), /Diabetes/)
  for (const kind of kinds) await tell(kind, { deceasedBoolean: true })
  t.equal(letters.length, kinds.length)
})

t.test(
  'the end of a study is told in the language of the patient, if it still is so, and not long after it',
  async t => {
    const letters: { readonly subject?: string; readonly to: string; readonly text: string }[] = []
    const over = { status: 'completed', title: 'Diabetes', sponsor: { reference: 'Organization/lab' } }
    type Told = {
      readonly kind?: 'study-ended' | 'study-resumed'
      readonly study?: object
      readonly patient?: object
      readonly days?: number
      readonly channel?: 'email' | 'sms'
    }
    const add = (id: string, address: string, days: number, { kind = 'study-ended', channel = 'email' }: Told = {}) =>
      database.run(sql.fragment`
      INSERT INTO study_message (id, patient, study_id, kind, channel, address, since)
      VALUES (${id}, 'fay', 's', ${kind}, ${channel}, ${address}, date_trunc('day', now(), 'UTC') - make_interval(days => ${days}))`)
    const tell = async (told: Told) => {
      const { study = over, patient = {}, days = 2, channel = 'email' } = told
      const address = channel === 'email' ? 'fay@example.org' : '+4915100000000'
      const telecom = [
        { system: 'email', value: 'fay@example.org' },
        { system: 'sms', value: '+4915100000000' },
      ]
      await add('told', address, days, told)
      const stored: Readonly<Record<string, object>> = {
        Patient: { telecom, communication: [{ language: { coding: [{ code: 'es' }] } }], ...patient },
        ResearchStudy: study,
        Organization: { name: 'Lab' },
      }
      const read = async (type: string) => ({ content: JSON.stringify(stored[type]) })
      const deliver = async (letter: never) => void letters.push(letter)
      const parts = {
        database,
        accounts: { openStoreAs: () => ({ read }) as unknown as Store, address: () => 'https://x.example' },
        channels: { email: { deliver, sendNow: async () => true }, sms: { deliver } },
      }
      await sendMessage(parts as never, 'told', { isLast: () => true, sent: new Set() })
      const { reason } = await database.one<{ reason: string | null }>(
        sql.fragment`SELECT reason FROM study_message WHERE id = 'told'`,
      )
      await database.run(sql.fragment`DELETE FROM study_message WHERE id = 'told'`)
      return reason
    }
    const reasons = [
      await tell({}),
      await tell({ channel: 'sms' }),
      await tell({
        study: { ...over, status: 'active', period: { end: '2026-01-01' } },
        patient: { communication: [] },
      }),
      await tell({ study: { ...over, status: 'active' } }),
      await tell({ patient: { telecom: [{ system: 'email', value: 'fay@example.com' }] } }),
      await tell({ patient: { deceasedBoolean: true } }),
      await tell({ days: 31 }),
    ]
    const since = new Date(Date.now() - 2 * 86_400_000)
    const day = (locale: string) =>
      new Intl.DateTimeFormat(locale, { dateStyle: 'long', timeZone: 'UTC' }).format(since)
    const nothingMore = 'There was nothing more to say: what it was about had ended, was answered, or is long ago'
    t.strictSame(reasons, [
      null,
      null,
      null,
      nothingMore,
      nothingMore,
      'Nobody writes to this patient any more',
      nothingMore,
    ])
    t.match(letters, [
      {
        to: 'fay@example.org',
        subject: 'Ha terminado un estudio con el que comparte datos',
        text: /^Hola:\n\nUn estudio de Lab con el que comparte lo que mide ha terminado\. Desde el [^\n]* UTC nadie lee sus datos [\s\S]*\n\nhttps:\/\/x\.example\/sharing\n\n/,
      },
      { to: '+4915100000000', text: /^Un estudio de Lab ha terminado: ya nadie lee sus datos para él\./ },
      {
        subject: 'A study that you share data with has ended',
        text: /A study of Lab with which you share what you measure is over\. Since /,
      },
    ])
    t.match(letters[0], { text: `Desde el ${day('es')}` })
    t.match(letters[2], { text: `Since ${day('en-GB')}` })
    t.notMatch(JSON.stringify(letters), /Diabetes/)
    await add('later', 'fay@example.org', 1)
    t.match(await tell({}), /nothing more to say/, 'of two ends only the last is told')
    t.equal(letters.length, 3)
    const goesOn = { kind: 'study-resumed', study: { ...over, status: 'active' } } as const
    t.strictSame(
      [await tell(goesOn), await tell({ kind: 'study-resumed' }), await tell({ ...goesOn, patient: { telecom: [] } })],
      [null, nothingMore, nothingMore],
    )
    t.match(letters.slice(3), [
      {
        subject: 'Continúa un estudio con el que comparte datos',
        text: /Un estudio de Lab que había terminado[\s\S]*x\.example\/sharing/,
      },
    ])
    t.equal(letters.length, 4)
    t.notMatch(JSON.stringify(letters), /Diabetes/)
  },
)

t.test('a message that waits when a patient dies is not sent, and staff are told no more than that', async t => {
  await database.run(sql.fragment`
    INSERT INTO enrolment (patient_id, id, pk, study_id, patient, in_force, period_start, period_end)
    VALUES (7, 'cleo-in-s', 1, 's', 'cleo', TRUE, '-infinity', 'infinity')`)
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, subject, study_id, kind, channel, address)
    VALUES ('asks', 'cleo', 'cleo-in-s', 's', 'reminder', 'email', 'cleo@example.org')`)
  const store = { read: async () => ({ content: JSON.stringify({ deceasedBoolean: true }) }) } as unknown as Store
  const parts = {
    database,
    accounts: { openStoreAs: () => store, address: () => 'https://x.example' },
    channels: { email: { deliver: async () => t.fail('a letter went out'), sendNow: async () => true } },
  }
  await sendMessage(parts as never, 'asks', { isLast: () => true, sent: new Set() })
  t.strictSame(await database.one(sql.fragment`SELECT state, reason FROM study_message WHERE id = 'asks'`), {
    state: 'failed',
    reason: 'Nobody writes to this patient any more',
  })
})

t.test(
  'a message that waits when its study is paused or over is not sent, unless it asks for what still counts',
  async t => {
    await database.run(sql.fragment`
    INSERT INTO enrolment (patient_id, id, pk, study_id, patient, in_force, period_start, period_end)
    VALUES (8, 'dora-in-s', 1, 's', 'dora', TRUE, '-infinity', 'infinity')`)
    const sent: string[] = []
    const send = async (kind: string, study: object) => {
      const id = `${kind} ${JSON.stringify(study)}`
      await database.run(sql.fragment`
      INSERT INTO study_message (id, patient, subject, study_id, kind, channel, address)
      VALUES (${id}, 'dora', 'dora-in-s', 's', ${kind}, 'email', 'dora@example.org')`)
      const read = async (type: string) => ({ content: JSON.stringify(type === 'ResearchStudy' ? study : {}) })
      const parts = {
        database,
        accounts: { openStoreAs: () => ({ read }) as unknown as Store, address: () => 'https://x.example' },
        channels: { email: { deliver: async () => void sent.push(id), sendNow: async () => true } },
      }
      await sendMessage(parts as never, id, { isLast: () => true, sent: new Set() })
      return (
        await database.one<{ reason: string | null }>(sql.fragment`SELECT reason FROM study_message WHERE id = ${id}`)
      ).reason
    }
    const [active, paused, completed] = ['active', 'temporarily-closed-to-accrual', 'completed'].map(status => ({
      status,
    }))
    const ended = { status: 'active', period: { end: '2026-01-01' } }
    const isClosed = (status: string) => `Nobody new comes into the study while its status is “${status}”`
    const isPast = 'Nobody new comes into the study after its last day, 1 January 2026 (UTC)'
    const isUnread = 'Nobody reads anything for the study any more'
    for (const [kind, reasons] of [
      ['invitation', [null, isClosed('Paused'), isClosed('Completed'), isPast]],
      ['reminder', [null, isClosed('Paused'), isClosed('Completed'), isPast]],
      ['changed', [null, isClosed('Paused'), isClosed('Completed'), isPast]],
      ['silence', [null, null, isUnread, isUnread]],
      ['taken-up', [null, null, null, null]],
    ] as const) {
      const told = []
      for (const study of [active, paused, completed, ended]) told.push(await send(kind, study ?? {}))
      t.strictSame(told, reasons, kind)
    }
    t.equal(sent.length, 3 + 2 + 4)
  },
)

t.test('links for apps go some time after their invitation, unless a patient has yet to confirm the grant', async t => {
  await database.run(sql.fragment`
    INSERT INTO app_invitation (hash, message, invitation, client_id, made_at, grant_id)
    SELECT sha256(name::bytea), name, invitation, 'app', now() - age, given
    FROM (VALUES ('over', 'over', interval '8 days', NULL), ('new', 'over', '6 days', NULL), ('stands', 'stands', '8 days', NULL),
      ('unproven', 'over', '8 days', 'unproven'), ('proven', 'over', '8 days', 'proven')) AS link(name, invitation, age, given)`)
  await database.run(sql.fragment`
    INSERT INTO authorization_grant (id, client_id, scope, context, expires_at)
    VALUES ('unproven', 'app', '', '{"unproven": {}}', now() + interval '1 day'), ('proven', 'app', '', '{}', now() + interval '1 day')`)
  await removeOldAppInvitations(database, 7)
  const left = await database.any<{ message: string }>(
    sql.fragment`SELECT message FROM app_invitation ORDER BY message`,
  )
  t.strictSame(
    left.map(({ message }) => message),
    ['new', 'stands', 'unproven'],
  )
})
