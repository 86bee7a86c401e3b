import type { Accounts } from '../accounts/accounts.ts'
import type { AdministeredOrganizations } from '../accounts/administered-organizations.ts'
import { sendStaffInvitations } from '../accounts/staff-invitation-letter.ts'
import { openStaffInvitations, type StaffInvitations } from '../accounts/staff-invitations.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Mail } from '../messages/mail.ts'
import type { Jobs } from './work.ts'

type Parts = {
  readonly accounts: Accounts
  readonly administered: AdministeredOrganizations
  readonly registry: Registry
  /** Undefined where nothing can be sent. */
  readonly mail: Pick<Mail, 'deliver'> | undefined
}

/** Invitations of staff; their letters are sent by a queue of their own, in a process that does background work. */
export const openStaffing = async (
  { accounts, administered, registry, mail }: Parts,
  jobs: Jobs | undefined,
): Promise<{ readonly staffInvitations: StaffInvitations; readonly close: () => Promise<void> }> => {
  const queue = mail && (await jobs?.queues.open('staff-invitation'))
  if (mail !== undefined && queue !== undefined)
    await sendStaffInvitations({ database: accounts.database, address: accounts.address, mail, queue })
  const ask = mail && (async (id: string) => queue?.ask(id))
  return {
    staffInvitations: openStaffInvitations({ accounts, administered, registry, ask }),
    close: async () => queue?.close(),
  }
}
