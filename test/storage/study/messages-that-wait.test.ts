import t from 'tap'
import { digestOf } from '../../../src/storage/secret/secret.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import {
  addReminder,
  addTakenUp,
  endMessage,
  noteReason,
  nothingMoreToSay,
  takeMessage,
  waitingMessages,
} from '../../../src/storage/study/study-message.ts'
import { openTestDatabase } from '../../support/database.ts'
import { ago, type Columns, messageRows } from './message-rows.ts'

const { database } = await openTestDatabase(t)
const { clear, add, invite, enrol } = messageRows(database)
const rowsOf = (columns: SqlFragment) => database.any(sql.fragment`SELECT ${columns} FROM study_message ORDER BY id`)

t.test('a message is taken with a new link of its invitation, and is the only one that is changed', async t => {
  await enrol('ann-in-s')
  await invite('open')
  for (const id of ['one', 'other']) await add(id, { kind: 'invitation', invitation: 'open' })
  const message = await takeMessage(database, 'one')
  t.strictSame(message, {
    kind: 'invitation',
    patient: 'ann',
    study: 's',
    channel: 'email',
    address: 'ann@example.org',
    expiresAt: message?.expiresAt,
    since: null,
    secret: message?.secret,
  })
  t.ok(message?.expiresAt instanceof Date)
  t.strictSame(await rowsOf(sql.fragment`id, hash, state, tries, reason`), [
    { id: 'one', hash: digestOf(message?.secret ?? ''), state: 'waiting', tries: 1, reason: null },
    { id: 'other', hash: null, state: 'waiting', tries: 0, reason: null },
  ])
  await noteReason(database, 'one', 'Their mail server is away')
  t.strictSame(await rowsOf(sql.fragment`id, reason`), [
    { id: 'one', reason: 'Their mail server is away' },
    { id: 'other', reason: null },
  ])
  t.strictSame(
    (await waitingMessages(database)).map(({ id }) => id),
    ['one', 'other'],
  )
  await endMessage(database, 'one')
  await endMessage(database, 'one', 'It was sent, whatever is said of it later')
  await noteReason(database, 'one', 'It was sent, whatever is said of it later')
  t.equal(await takeMessage(database, 'one'), undefined)
  t.strictSame(await waitingMessages(database), [{ id: 'other', round: 0 }])
  t.strictSame(await rowsOf(sql.fragment`id, state, tries, reason, ended_at IS NULL AS waits`), [
    { id: 'one', state: 'sent', tries: 1, reason: null, waits: false },
    { id: 'other', state: 'waiting', tries: 0, reason: null, waits: true },
  ])
})

t.test('a message without an invitation has no link, and one without a place needs none', async t => {
  await clear()
  await add('taken-up', { kind: 'taken-up', subject: null })
  t.match(await takeMessage(database, 'taken-up'), { kind: 'taken-up', expiresAt: null })
  t.strictSame(await rowsOf(sql.fragment`id, hash, tries`), [{ id: 'taken-up', hash: null, tries: 1 }])
})

t.test('an invitation that could not be sent for days is still sent, as long as it is open', async t => {
  await clear()
  await enrol('ann-in-s')
  await invite('open')
  await add('late', { kind: 'invitation', invitation: 'open', made_at: ago(6) })
  t.match(await takeMessage(database, 'late'), { kind: 'invitation' })
})

t.test('a message is sent as long as what it is about stands, and otherwise has nothing more to say', async t => {
  await clear()
  const later = { made_at: ago(0), state: 'sent' }
  const asked = { made_at: ago(1) }
  const cases: Readonly<Record<string, readonly [isSent: boolean, made: () => Promise<unknown>]>> = {
    'they have their place': [true, () => enrol('ann-in-s')],
    'they have left': [false, () => enrol('ann-in-s', { in_force: false })],
    'they have a place elsewhere': [false, () => enrol('ann-in-r', { study_id: 'r' })],
    'the place is another patient’s': [false, () => enrol('ann-in-s', { patient: 'bob' })],
    'the invitation is cancelled': [false, () => invite('its', { ended_at: ago(0), ended_by: 'cancelled' })],
    'the invitation has expired': [false, () => invite('its', { expires_at: ago(0) })],
    'another invitation is open': [false, () => invite('anew')],
    'it was asked for days ago': [false, () => add('it', { made_at: ago(4) })],
    'they were reminded since': [false, () => add('since', later)],
    'they were reminded of the new text since': [false, () => add('since', { ...later, kind: 'changed' })],
    'they were reminded before': [true, () => add('before', { ...later, made_at: ago(2) })],
    'somebody else was reminded since': [true, () => add('since', { ...later, subject: 'bob-in-s' })],
    'they were invited since': [true, () => add('since', { ...later, kind: 'invitation' })],
    'a later reminder failed': [true, () => add('since', { ...later, state: 'failed' })],
  }
  for (const [name, [isSent, make]] of Object.entries(cases)) {
    await make()
    const { rows } = await database.one<{ rows: number }>(sql.fragment`SELECT count(*)::integer AS rows FROM enrolment`)
    if (rows === 0) await enrol('ann-in-s')
    const ofInvitation = /invitation/.test(name)
    if (!/days ago/.test(name)) await add('it', { ...asked, ...(ofInvitation && { invitation: 'its' }) })
    t.equal((await takeMessage(database, 'it')) !== undefined, isSent, name)
    const [it] = await database.any(sql.fragment`SELECT state, reason, tries FROM study_message WHERE id = 'it'`)
    t.strictSame(
      it,
      isSent ? { state: 'waiting', reason: null, tries: 1 } : { state: 'failed', reason: nothingMoreToSay, tries: 0 },
      name,
    )
    await clear()
  }
})

t.test('nobody is reminded within three days of another reminder, unless that could not be sent', async t => {
  const addresses = [
    { channel: 'email', address: 'ann@example.org' },
    { channel: 'sms', address: '+34600111222' },
  ] as const
  const cases: Readonly<Record<string, readonly [made: number | undefined, before: Columns]>> = {
    'one that waits': [undefined, {}],
    'one that was sent two days ago': [undefined, { state: 'sent', made_at: ago(5), ended_at: ago(2) }],
    'one to send data': [undefined, { kind: 'silence' }],
    'one of the new text': [undefined, { kind: 'changed' }],
    'one that was sent four days ago': [2, { state: 'sent', made_at: ago(5), ended_at: ago(4) }],
    'one that failed': [2, { state: 'failed', ended_at: ago(0) }],
    'one of somebody else': [2, { subject: 'bob-in-s' }],
    'an invitation': [2, { kind: 'invitation' }],
  }
  for (const [name, [made, before]] of Object.entries(cases)) {
    await add('before', before)
    const about = { kind: 'reminder', patient: 'ann', subject: 'ann-in-s', study: 's' } as const
    const added = await addReminder(database, about, addresses)
    t.equal(added?.length, made, name)
    t.equal((await rowsOf(sql.fragment`id`)).length, 1 + (made ?? 0), name)
    await clear()
  }
})

t.test('several apps that take up invitations within an hour are told of once to each address', async t => {
  const addresses = [{ channel: 'email', address: 'ann@example.org' }] as const
  const cases: Readonly<Record<string, readonly [isTold: boolean, before: Columns]>> = {
    'of the same': [false, {}],
    'two hours ago': [true, { made_at: ago(2 / 24) }],
    'at another address': [true, { address: 'ann@elsewhere.example' }],
    'of another study': [true, { study_id: 'r' }],
    'of another patient': [true, { patient: 'bob' }],
    'something else': [true, { kind: 'address-changed' }],
  }
  for (const [name, [isTold, before]] of Object.entries(cases)) {
    await add('before', { kind: 'taken-up', subject: null, ...before })
    await addTakenUp(database, { patient: 'ann', study: 's', addresses })
    t.equal((await rowsOf(sql.fragment`id`)).length, isTold ? 2 : 1, name)
    await clear()
  }
})
