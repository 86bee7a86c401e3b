import t from 'tap'
import { addAccount } from '../../src/storage/account/user-account.ts'
import { makeStaffInvitation } from '../../src/storage/organization/staff-invitation.ts'
import { sql } from '../../src/storage/sql.ts'
import { openBrowser } from '../support/browser.ts'
import { isTo, openMailbox } from '../support/mailbox.ts'
import { openTenants } from '../web/tenants.ts'

t.test('each kind of message waits for a mail server that takes nothing for now', async t => {
  const mailbox = await openMailbox()
  const work = { pauseMs: 50, retries: 0, retriesWhileAway: 1 }
  const { server, database, ann, lab, people, persons } = await openTenants({ SMTP_URL: mailbox.url }, work)
  t.teardown(async () => {
    await server.close()
    await mailbox.close()
  })
  const [account, staff, patient] = ['later-1@example.org', 'later-2@example.org', 'later-3@example.org']
  const held = { person: persons.member, email: account, isVerified: true, administrator: false, password: 'x' }
  await addAccount(database, held)
  await openBrowser(server).send('/forgotten-password', { email: account })
  const invitation = { id: 'staff', organization: lab.organization, role: 'viewer', email: staff, days: 7 } as const
  await makeStaffInvitation(database, { ...invitation, inviter: persons.manager })
  await database.run(sql.fragment`UPDATE staff_invitation SET letter = 'failed'`)
  await people.administrator.send('/system', {}, '/system/retry')
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address)
    VALUES ('message', ${ann}, 'address-changed', 'email', ${patient})`)
  for (const address of [account, staff, patient]) t.match(await mailbox.next(isTo(address)), { to: address })
})
