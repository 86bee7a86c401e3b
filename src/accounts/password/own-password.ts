import { wordsFor } from '../../messages/catalogue.ts'
import { dropEmailChange } from '../../storage/account/email-change.ts'
import { dropLinks } from '../../storage/account/link.ts'
import { endSessions, type Session } from '../../storage/account/session.ts'
import { findAccountOf, lockAccount, setPassword } from '../../storage/account/user-account.ts'
import { revokeGrants } from '../../storage/authorization/authorization-grant.ts'
import { recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { passwordChangedLetter } from '../letters.ts'
import { nameOfPerson } from '../person.ts'
import { type Doubt, recordDoubt } from '../sign-in/doubt.ts'
import { afterwards } from '../tell.ts'
import { isAccountPassword } from './confirm-password.ts'
import { hashPassword } from './password.ts'
import { type PasswordProblem, passwordProblem } from './password-rules.ts'

export type OwnPassword = {
  readonly current: string
  readonly next: string
  /** Whether to end what apps were allowed: somebody else who knew the old password may have allowed it. */
  readonly endsApps: boolean
}

export type OwnPasswordAnswer =
  | { readonly kind: 'changed' }
  | {
      readonly kind: 'refused'
      /** What is wrong with the old password, and with the new one. */
      readonly current: Doubt | undefined
      readonly next: PasswordProblem | undefined
    }

/** For somebody who is signed in and knows the old password. All other browsers are signed out. */
export const changeOwnPassword = async (
  accounts: Accounts,
  { person, id }: Pick<Session, 'person' | 'id'>,
  { current, next, endsApps }: OwnPassword,
): Promise<OwnPasswordAnswer> => {
  const { database, openStoreAs, mail, address } = accounts
  const account = await findAccountOf(database, person)
  const asked = await isAccountPassword(accounts, person, current)
  const about = [await nameOfPerson(openStoreAs, person), account?.email ?? '']
  const problem = await passwordProblem(next, about)
  if (asked !== 'right') return { kind: 'refused', current: asked, next: problem }
  if (problem !== undefined) return { kind: 'refused', current: undefined, next: problem }
  const hashed = await hashPassword(next)
  if (endsApps) await accounts.endApps(person)
  const event = { person, by: 'themselves', action: 'U', told: 'The password was changed' } as const
  const isChanged = await recordingAccount(accounts, event, async connection => {
    await lockAccount(connection, person)
    // A forgotten password may have been replaced meanwhile: somebody who knew the old one must not undo that.
    if ((await findAccountOf(connection, person))?.password !== account?.password) return undefined
    await setPassword(connection, person, hashed, { proves: false })
    await dropLinks(connection, person)
    await dropEmailChange(connection, person)
    await endSessions(connection, person, id)
    // For anything that was allowed since by a session that has now ended.
    if (endsApps) await revokeGrants(connection, { person })
    return true
  })
  if (!isChanged) {
    await recordDoubt(database, person, 'wrong')
    return { kind: 'refused', current: 'wrong', next: undefined }
  }
  const { email, language } = account ?? {}
  if (email !== undefined)
    await afterwards(accounts, async () =>
      mail?.send(passwordChangedLetter(wordsFor(language), email, address(), { appsEnded: endsApps })),
    )
  return { kind: 'changed' }
}
