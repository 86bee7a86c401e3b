import { registerApproved } from '../../auth/approved-clients.ts'
import { appToken, keepAppInvitations } from '../../storage/app-invitation.ts'
import type { Database } from '../../storage/database.ts'
import { makeInvitation } from '../../storage/invitation.ts'
import { takeMessage } from '../../storage/study-message.ts'

/** What the link in a letter gives to an app that is trusted to take invitations up by itself. */
export type LetterRead = { readonly token: string }

type Invited = { readonly subject: string; readonly patient: string; readonly study: string }

/** No mail is sent in the demo: the letter is taken from where it waits, as whoever reads it would have it. */
export const readLetter = async (database: Database, invited: Invited): Promise<LetterRead> => {
  const { client_id: app } = await registerApproved({ database, refusalOf: url => url }, trustedApp)
  const addresses = [{ channel: 'email', address: 'patient@northlake.example' }] as const
  const [message = ''] = await database.transaction(connection =>
    makeInvitation(connection, { ...invited, addresses, days: 7 }),
  )
  const taken = await takeMessage(database, message)
  if (taken === undefined) throw new Error('there is no letter to be read')
  await keepAppInvitations(database, { message, secret: taken.secret })
  return { token: appToken(taken.secret, app) }
}

const trustedApp = {
  name: 'Shift diary',
  policies: ['redeems-invitations', 'records-consent'],
  metadata: {
    token_endpoint_auth_method: 'none',
    redirect_uris: ['https://app.northlake.example/back'],
    invitation_url: 'https://app.northlake.example/invitation/CODE',
  },
} as const
