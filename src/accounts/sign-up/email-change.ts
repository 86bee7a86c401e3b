import { FhirError } from '../../fhir/error.ts'
import { wordsFor } from '../../messages/catalogue.ts'
import type { Letter } from '../../messages/mail.ts'
import { type Limit, mayTry } from '../../storage/account/attempt.ts'
import {
  confirmEnd,
  dropEmailChange,
  type EmailChange,
  emailChangeMinutes,
  findEmailChange,
  wantEmail,
} from '../../storage/account/email-change.ts'
import { dropInvitations, dropLinks } from '../../storage/account/link.ts'
import { findSecondFactor } from '../../storage/account/second-factor.ts'
import { isInForce, type Session } from '../../storage/account/session.ts'
import {
  findAccountByEmail,
  findAccountByFormerEmail,
  findAccountOf,
  isAddressed,
  lockAccount,
  replaceAddress,
  toAddress,
} from '../../storage/account/user-account.ts'
import type { Connection } from '../../storage/database.ts'
import { settledTransaction } from '../../storage/settled-transaction.ts'
import { type OperatorParts, recordingAccount } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { emailChangedLetter, emailTakenLetter, newEmailLetter, oldEmailLetter, unconfirmedLetter } from '../letters.ts'
import { recordDoubt } from '../sign-in/doubt.ts'
import { onceShown, type ShownAgain, type Unshown } from '../sign-in/shown-again.ts'
import { afterwards } from '../tell.ts'
import { notMinePath } from './not-mine.ts'
import { letters } from './sign-up.ts'

/**
 * Writes to both addresses. The answer is the same whether or not somebody has the new address; only the letter to it says so. The account keeps
 * its address until both have said yes.
 */
export const askForEmail = async (
  accounts: Accounts,
  { id, person }: Pick<Session, 'id' | 'person'>,
  email: string,
  shown: ShownAgain,
): Promise<EmailAsked | ({ readonly kind: 'unshown' } & Unshown)> => {
  const asked = await onceShown<EmailAsked>(accounts, person, shown, {
    begin: run => settledTransaction(accounts.database, run),
    run: async connection => {
      // What the old address is may be about to change. And nothing continues that began before a new password.
      await lockAccount(connection, person)
      return (await isInForce(connection, id)) ? ask(accounts, connection, person, toAddress(email)) : undefined
    },
  })
  if (asked.kind === 'unshown') return asked
  const { done } = asked
  if (done === undefined) {
    await recordDoubt(accounts.database, person, 'wrong')
    return { kind: 'unshown', field: 'password', answer: 'wrong' }
  }
  if (done.kind === 'asked') await done.queue?.()
  return done
}

export type EmailAsked =
  | { readonly kind: 'has-it' | 'too-often' }
  /** `queue`: to be called once this is committed. */
  | { readonly kind: 'asked'; readonly queue: (() => Promise<void>) | undefined }

/** The letters are stored with what they are about, so that there is neither without the other. */
const ask = async (
  { secretKey, mail, address }: Accounts,
  database: Connection,
  person: string,
  to: string,
): Promise<EmailAsked> => {
  const account = await findAccountOf(database, person)
  if (account === undefined || account.email === to) return { kind: 'has-it' }
  if (!(await mayTry(database, secretKey, changes, person))) return { kind: 'too-often' }
  const isConfirmed = { old: !account.isVerified || (await isProvenOtherwise(database, person)), new: false }
  const words = wordsFor(account.language)
  const secrets = await wantEmail(database, { person, email: to, isConfirmed })
  const urlOf = (secret: string) => `${address()}/email-change?link=${secret}`
  const taken = await findAccountByEmail(database, to)
  // Made in any case, so that it always takes the same time.
  const notMine = `${address()}${await notMinePath({ database }, { ...taken, email: to })}`
  const written: Letter[] = []
  if (await mayTry(database, secretKey, letters, to))
    written.push(
      taken === undefined
        ? newEmailLetter(words, to, urlOf(secrets.new))
        : taken.isVerified
          ? emailTakenLetter(wordsFor(taken.language), to)
          : unconfirmedLetter(words, to, { wanted: 'new-email', address: address(), notMine }),
    )
  // Without a limit, since otherwise somebody could use it up so that the owner of the address is not told.
  if (account.isVerified && isAddressed(account))
    written.push(
      oldEmailLetter(words, account.email, { email: to, link: urlOf(secrets.old), isAsked: !isConfirmed.old }),
    )
  return { kind: 'asked', queue: await mail?.keep(database, written, emailChangeMinutes) }
}

const changes: Limit = { what: 'email change', tries: 4, minutes: 60 }

/**
 * If somebody can no longer read the mail of the old address, a second factor counts instead, unless it is new: somebody who knows the password
 * might have just set it up, while the owner of the account has been told of an older one.
 */
const isProvenOtherwise = async (connection: Connection, person: string): Promise<boolean> =>
  (await findSecondFactor(connection, person)).isOld

/** Undefined if the link is over. */
export const findEmailLink = ({ database }: Accounts, secret: string): Promise<EmailChange | undefined> =>
  findEmailChange(database, secret)

export type EmailConfirmed =
  | { readonly kind: 'over' | 'taken' }
  | { readonly kind: 'changed'; readonly person: string; readonly email: string }
  /** The other address has not said yes yet. */
  | { readonly kind: 'waits-for'; readonly end: EmailChange['end']; readonly email: string }

/** The new address can only say yes while the account is signed in: if it was mistyped, it belongs to somebody else, who would get the account. */
export const confirmEmail = async (
  accounts: Accounts,
  secret: string,
  signedIn: string | undefined,
): Promise<EmailConfirmed> => {
  const { database, mail } = accounts
  const found = await findEmailChange(database, secret)
  if (found === undefined || (found.end === 'new' && found.person !== signedIn)) return { kind: 'over' }
  const { person, email } = found
  const before = await findAccountOf(database, person)
  const event = { person, by: 'themselves', action: 'U', told: 'The e-mail address was changed' } as const
  const outcome: { kind: EmailConfirmed['kind'] } = { kind: 'over' }
  await recordingAccount(accounts, event, async connection => {
    outcome.kind = await confirm(connection, found, secret)
    return outcome.kind === 'changed' || undefined
  })
  const { kind } = outcome
  if (kind === 'waits-for') return { kind, end: found.end === 'old' ? 'new' : 'old', email }
  if (kind === 'changed' && before?.isVerified && isAddressed(before))
    await afterwards(accounts, async () =>
      mail?.send(emailChangedLetter(wordsFor(before.language), before.email, email)),
    )
  return kind === 'changed' ? { kind, person, email } : { kind }
}

const confirm = async (
  connection: Connection,
  { person, email }: EmailChange,
  secret: string,
): Promise<EmailConfirmed['kind']> => {
  await lockAccount(connection, person)
  const { isConfirmed } = (await confirmEnd(connection, secret)) ?? {}
  if (isConfirmed === undefined) return 'over'
  if (!isConfirmed.old || !isConfirmed.new) return 'waits-for'
  await dropEmailChange(connection, person)
  return (await changeAddress(connection, { person, email, isVerified: true })) ? 'changed' : 'taken'
}

/** False if somebody has the address. Links that were sent to the old address end, since they would still open the account. */
const changeAddress = async (connection: Connection, to: Parameters<typeof replaceAddress>[1]): Promise<boolean> => {
  if (!(await replaceAddress(connection, to))) return false
  await dropLinks(connection, to.person)
  await dropInvitations(connection, to.email)
  return true
}

/** For somebody who can no longer read the mail of the old address: the operator changes it, and the old one is told. This proves nothing about the new one. */
export const giveAddress = async (parts: OperatorParts, from: string, to: string): Promise<void> => {
  const account =
    (await findAccountByEmail(parts.database, from)) ?? (await findAccountByFormerEmail(parts.database, from))
  if (account === undefined) throw new FhirError('not-found', `Nobody signs in with ${from}`)
  const { person } = account
  const event = { person, by: 'operator', action: 'U', told: 'The e-mail address was changed' } as const
  await recordingAccount(parts, event, async connection => {
    await dropEmailChange(connection, person)
    if (!(await changeAddress(connection, { person, email: toAddress(to), isVerified: false })))
      throw new FhirError('conflict', `${to} is the address of an account already`)
    if (account.isVerified && isAddressed(account))
      await parts.told?.mail.keep(connection, [
        emailChangedLetter(wordsFor(account.language), account.email, toAddress(to)),
      ])
    return true
  })
}

/** For whoever reads the mail of the old address. False if the change is over already. */
export const stopEmailChange = async ({ database }: Accounts, secret: string): Promise<boolean> => {
  const found = await findEmailChange(database, secret)
  // It may just have been made.
  return found?.end === 'old' && dropEmailChange(database, found.person)
}
