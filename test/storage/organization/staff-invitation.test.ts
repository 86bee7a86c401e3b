import t from 'tap'
import {
  endStaffInvitation,
  makeStaffInvitation,
  pendingStaffInvitations,
} from '../../../src/storage/organization/staff-invitation.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'

const { database } = await openTestDatabase(t)
const make = (id: string, days: number) =>
  makeStaffInvitation(database, {
    id,
    organization: 'lab',
    role: 'member',
    email: `${id}@example.org`,
    inviter: 'ann',
    days,
  })
const pending = async () => (await pendingStaffInvitations(database, 'lab', 10)).map(({ id }) => id)

t.test('an invitation that has expired is not used any more, and can be cancelled', async t => {
  for (const id of ['open', 'late', 'lapsed']) t.ok(await make(id, 7))
  await database.run(sql.fragment`UPDATE staff_invitation SET expires_at = now() WHERE id <> 'open'`)
  const ends = (['used', 'used', 'cancelled'] as const).map((by, index) =>
    endStaffInvitation(database, ['open', 'late', 'lapsed'][index] ?? '', by),
  )
  t.strictSame(await Promise.all(ends), [true, false, true])
  t.strictSame(await pending(), ['late'])
})
