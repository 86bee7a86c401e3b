import { isolated } from '../messages/isolated.ts'
import { type Limit, mayTry } from '../storage/account/attempt.ts'
import type { Accounts } from './accounts.ts'
import { afterwards, tell } from './tell.ts'

/** Writes to the person that they have allowed an app something for longer than they are here; for several times within a day, only once. */
export const tellAppAllowed = (accounts: Accounts, person: string, app: { id: string; name: string }): Promise<void> =>
  afterwards(accounts, async () => {
    const { database, secretKey } = accounts
    if (await mayTry(database, secretKey, letters, `${person} ${app.id}`))
      await tell(accounts, person, { kind: 'app-allowed', app: isolated(app.name) })
  })

/** The form may have been sent twice. */
const letters: Limit = { what: 'letter about an app', tries: 1, minutes: 24 * 60 }
