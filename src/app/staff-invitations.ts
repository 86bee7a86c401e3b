import type { Accounts } from '../accounts/accounts.ts'
import type { AdministeredOrganizations } from '../accounts/administered-organizations.ts'
import { sendStaffInvitations } from '../accounts/staff-invitation-letter.ts'
import { openStaffInvitations, type StaffInvitations } from '../accounts/staff-invitations.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Mail } from '../messages/mail.ts'
import { openQueue } from '../storage/queue.ts'
import type { Work } from './work.ts'

type Parts = {
  readonly accounts: Accounts
  readonly administered: AdministeredOrganizations
  readonly registry: Registry
  readonly databaseUrl: string
  /** Undefined where nothing can be sent. */
  readonly mail: Pick<Mail, 'deliver'> | undefined
  readonly reportFault: (fault: unknown) => void
}

/** Invitations of staff; their letters are sent by a queue of their own, in a process that does background work. */
export const openStaffing = async (
  { accounts, administered, registry, databaseUrl, mail, reportFault }: Parts,
  work: Work | undefined,
): Promise<{ readonly staffInvitations: StaffInvitations; readonly close: () => Promise<void> }> => {
  const queue =
    mail && work && (await openQueue(databaseUrl, { name: 'staff-invitation', retries: work.retries, reportFault }))
  if (mail !== undefined && queue !== undefined)
    await sendStaffInvitations({ database: accounts.database, address: accounts.address, mail, queue })
  const ask = mail && (async (id: string) => queue?.ask(id))
  return {
    staffInvitations: openStaffInvitations({ accounts, administered, registry, ask }),
    close: async () => queue?.close(),
  }
}
