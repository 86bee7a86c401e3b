import { registerApproved } from '../../auth/client/approved-clients.ts'
import type { Database } from '../../storage/database.ts'
import { appToken, keepAppInvitations } from '../../storage/study/app-invitation.ts'
import { makeInvitation } from '../../storage/study/invitation.ts'
import { endMessage, takeMessage } from '../../storage/study/study-message.ts'
import { ownScopeRules } from '../own-scope-rules.ts'

/** What the link in a letter gives to an app that is trusted to accept invitations by itself. */
export type LetterRead = { readonly token: string }

type Invited = { readonly subject: string; readonly patient: string; readonly study: string }

/** No mail is sent in the demo, so the letter is taken from where it waits, as its reader would get it. */
export const readLetter = async (database: Database, invited: Invited): Promise<LetterRead> => {
  const { client_id: app } = await registerApproved(
    { database, refusalOf: url => url, rules: ownScopeRules() },
    trustedApp,
  )
  return { token: appToken(await writeLetter(database, { ...invited, address: 'patient@northlake.example' }), app) }
}

/** Answers the secret of its link. The letter is never queued where a running server would send it, and so replace its link. */
export const writeLetter = (
  database: Database,
  { address, ...invited }: Invited & { readonly address: string },
): Promise<string> =>
  database.transaction(async connection => {
    const addresses = [{ channel: 'email', address }] as const
    const [message = ''] = (await makeInvitation(connection, { ...invited, addresses, days: 7 })) ?? []
    const taken = await takeMessage(connection, message)
    if (taken === undefined) throw new Error('there is no letter to be read')
    await keepAppInvitations(connection, { message, secret: taken.secret })
    await endMessage(connection, message)
    return taken.secret
  })

const trustedApp = {
  name: 'Shift diary',
  policies: ['redeems-invitations', 'records-consent'],
  metadata: {
    token_endpoint_auth_method: 'none',
    redirect_uris: ['https://app.northlake.example/back'],
    invitation_url: 'https://app.northlake.example/invitation/CODE',
  },
} as const
