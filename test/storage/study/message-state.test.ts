import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { invitedNumbers, messagesOf } from '../../../src/storage/study/message-state.ts'
import { openTestDatabase } from '../../support/database.ts'
import { ago, messageRows } from './message-rows.ts'

const { database } = await openTestDatabase(t)
const { clear, add, invite, enrol } = messageRows(database)

t.test(
  'staff see the messages since the last invitation, the latest first, of each of those whom they ask about',
  async t => {
    await clear()
    await invite('first', { made_at: ago(9), ended_at: ago(5), ended_by: 'replaced' })
    const together = ago(5)
    await invite('second', { made_at: together })
    await invite('of-bob', { made_at: ago(1), subject: 'bob-in-s' })
    await add('of-first', { kind: 'invitation', made_at: ago(9) })
    await add('of-second', {
      kind: 'invitation',
      made_at: together,
      invitation: 'second',
      state: 'sent',
      ended_at: ago(4),
    })
    await add('reminds', { made_at: ago(2) })
    await add('to-bob', { subject: 'bob-in-s' })
    await add('to-cleo', { subject: 'cleo-in-s', made_at: ago(3), kind: 'silence' })
    const found = await messagesOf(database, ['ann-in-s', 'cleo-in-s', 'nobody'])
    const mail = { channel: 'email', reason: null, tries: 0, isUnsaid: false, isAnswered: false }
    t.strictSame(
      found.map(({ madeAt: _, endedAt: __, ...message }) => message),
      [
        { subject: 'ann-in-s', kind: 'reminder', state: 'waiting', ...mail },
        { subject: 'cleo-in-s', kind: 'silence', state: 'waiting', ...mail },
        { subject: 'ann-in-s', kind: 'invitation', state: 'sent', ...mail },
      ],
    )
  },
)

t.test(
  'of messages that failed, the last is still to be said to whoever has their place, unless it was about what is over',
  async t => {
    const refused = { state: 'failed', reason: 'The mail server refused it', made_at: ago(1) }
    const cases: Readonly<Record<string, readonly [isUnsaid: boolean, made?: () => Promise<unknown>]>> = {
      'nothing came of it': [true],
      'they have left': [false, () => enrol('ann-in-s', { in_force: false })],
      'their place is over': [false, () => enrol('ann-in-s', { period_end: ago(0) })],
      'its invitation is open': [true, () => invite('its', { made_at: ago(2) })],
      'its invitation ran out': [true, () => invite('its', { made_at: ago(2), expires_at: ago(0) })],
      'its invitation ended by tries': [
        true,
        () => invite('its', { made_at: ago(2), ended_at: ago(0), ended_by: 'tries' }),
      ],
      'its invitation was used': [false, () => invite('its', { made_at: ago(2), ended_at: ago(0), ended_by: 'used' })],
      'its invitation was cancelled': [
        false,
        () => invite('its', { made_at: ago(2), ended_at: ago(0), ended_by: 'cancelled' }),
      ],
      'one before it was sent': [true, () => add('other', { state: 'sent', made_at: ago(2) })],
      'another one waits since': [false, () => add('other')],
      'another one failed since': [false, () => add('other', { ...refused, made_at: ago(0) })],
      'another one went out at the same time': [false, () => add('other', { state: 'sent', made_at: refused.made_at })],
      'another one failed at the same time': [true, () => add('other', refused)],
      'another one is about somebody else': [true, () => add('other', { subject: 'bob-in-s' })],
    }
    for (const [name, [isUnsaid, make]] of Object.entries(cases)) {
      await clear()
      await make?.()
      const { rows } = await database.one<{ rows: number }>(
        sql.fragment`SELECT count(*)::integer AS rows FROM enrolment`,
      )
      if (rows === 0) await enrol('ann-in-s')
      await add('it', { ...refused, ...(name.startsWith('its') && { invitation: 'its' }) })
      t.equal(
        (await messagesOf(database, ['ann-in-s'])).findLast(({ madeAt }) => madeAt.toISOString() === refused.made_at)
          ?.isUnsaid,
        isUnsaid,
        name,
      )
    }
  },
)

t.test('the numbers are known to which an open invitation went by text message alone', async t => {
  await clear()
  for (const name of ['open', 'by-mail-too', 'mail-failed', 'failed', 'forgotten', 'cancelled']) {
    await enrol(`${name}-in-s`, { patient: name })
    const its = { patient: name, subject: `${name}-in-s` }
    await invite(name, { ...its, ...(name === 'cancelled' && { ended_at: ago(0), ended_by: 'cancelled' }) })
    const sent = { ...its, kind: 'invitation', invitation: name, state: name === 'failed' ? 'failed' : 'sent' }
    const number = name === 'forgotten' ? null : '+4107912345678'
    await add(`${name}-sms`, { ...sent, channel: 'sms', address: number })
    if (name.includes('mail')) await add(`${name}-mail`, { ...sent, state: name === 'mail-failed' ? 'failed' : 'sent' })
  }
  const subjects = (await database.any<{ id: string }>(sql.fragment`SELECT id FROM enrolment`)).map(({ id }) => id)
  const found = await invitedNumbers(database, subjects)
  t.strictSame(
    found.toSorted((one, other) => one.subject.localeCompare(other.subject)),
    [
      { subject: 'mail-failed-in-s', numbers: ['+4107912345678'] },
      { subject: 'open-in-s', numbers: ['+4107912345678'] },
    ],
  )
  t.strictSame(await invitedNumbers(database, ['by-mail-too-in-s']), [])
})
