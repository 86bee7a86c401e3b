import { wordsFor } from '../../messages/catalogue.ts'
import { isolated } from '../../messages/isolated.ts'
import type { Letter, Mail } from '../../messages/mail.ts'
import { undeliveredBy } from '../../messages/undelivered.ts'
import type { Database } from '../../storage/database.ts'
import { organizationName } from '../../storage/organization/organization.ts'
import {
  type StaffInvitation,
  setStaffLetter,
  staffLinkToSend,
  waitingStaffInvitations,
} from '../../storage/organization/staff-invitation.ts'
import type { Attempt, Queue } from '../../storage/work/queue.ts'
import type { Accounts } from '../accounts.ts'
import { roleWord } from './colleagues.ts'

type Parts = {
  readonly database: Database
  readonly address: Accounts['address']
  readonly mail: Pick<Mail, 'deliver'>
  readonly queue: Pick<Queue, 'work'>
  /** Whether somebody who opens the link could still join by it. */
  readonly isStillGiven: (invitation: StaffInvitation) => Promise<boolean>
}

/**
 * Sends waiting letters, including those from before this process began. If one cannot be sent, it is tried again, and in the end marked as
 * failed.
 */
export const sendStaffInvitations = async (parts: Parts): Promise<void> => {
  const { database, queue } = parts
  const sendOrFail = async (id: string, { isLast }: Attempt): Promise<void> => {
    try {
      await sendOne(parts, id)
    } catch (error) {
      await setStaffLetter(database, id, isLast(error) ? 'failed' : 'waiting', undeliveredBy(error).message)
      throw error
    }
  }
  await queue.work(sendOrFail, () => waitingStaffInvitations(database))
}

/** Each try makes a new link, since the previous one may have arrived nowhere. */
const sendOne = async ({ database, address, mail, isStillGiven }: Parts, id: string): Promise<void> => {
  const made = await staffLinkToSend(database, id)
  if (made === undefined) return
  if (!(await isStillGiven(made.invitation))) return setStaffLetter(database, id, 'failed', noneGiven)
  const name = (await organizationName(database, made.invitation.organization)) ?? 'an organization'
  // Whoever names an organization adds no lines to a letter, and turns round nothing in it.
  const organization = isolated(name.replace(/\s+/g, ' '))
  await mail.deliver(letterOf(made.invitation, organization, `${address()}/join?link=${made.secret}`))
  await setStaffLetter(database, id, 'sent')
}

const noneGiven =
  'Nobody could join by it: the organization is closed, or whoever invited them gives no roles there any more'

const letterOf = ({ email, role, expiresAt }: StaffInvitation, organization: string, link: string): Letter => ({
  to: email,
  subject: `You are invited to ${organization} on Sharewell`,
  text: `Hello,

you are invited to work in ${organization} on Sharewell, as ${roleWord(role)}. Open this link to see what that means, and to agree:

${link}

It works once, until ${wordsFor('en').moment(expiresAt)}, for an account with this e-mail address. If you do not know why you get it, do nothing.
`,
})
