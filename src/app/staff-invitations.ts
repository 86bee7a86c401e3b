import type { Caller } from '../access/caller.ts'
import type { Accounts } from '../accounts/accounts.ts'
import { openAdministeredOrganizations } from '../accounts/organization/administered-organizations.ts'
import { sendStaffInvitations } from '../accounts/staff/staff-invitation-letter.ts'
import { isStillGiven, openStaffInvitations } from '../accounts/staff/staff-invitations.ts'
import type { Registry } from '../fhir/registry.ts'
import type { Mail } from '../messages/mail.ts'
import { isAway } from '../messages/undelivered.ts'
import type { Store } from '../storage/store.ts'
import type { Jobs } from './work.ts'

type Parts = {
  readonly accounts: Accounts
  readonly registry: Registry
  readonly openStoreFor: (caller: Caller) => Store
  /** Undefined if nothing can be sent. */
  readonly mail: Pick<Mail, 'deliver'> | undefined
}

/** Invitations of staff. A process that does background work sends their letters, through a queue of their own. */
export const openStaffing = async ({ accounts, registry, openStoreFor, mail }: Parts, jobs: Jobs | undefined) => {
  const { database } = accounts
  const administered = openAdministeredOrganizations({ database, registry, openStoreFor })
  const queue = mail && (await jobs?.queues.open('staff-invitation', isAway))
  if (mail !== undefined && queue !== undefined)
    await sendStaffInvitations({
      database,
      address: accounts.address,
      mail,
      queue,
      isStillGiven: invitation => isStillGiven({ accounts, administered }, invitation),
    })
  const ask = mail && (async (id: string) => queue?.ask(id))
  return {
    pages: { administered, staffInvitations: openStaffInvitations({ accounts, administered, registry, ask }) },
    close: async () => queue?.close(),
  }
}
