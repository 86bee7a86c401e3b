import { v7 as uuidv7 } from 'uuid'
import {
  dropAdministratorLinks,
  dropInvitations,
  findLink,
  type Link,
  makeLink,
  takeLink,
} from '../../storage/account/link.ts'
import { startSession } from '../../storage/account/session.ts'
import { addAccount, findAccountByEmail, hasAdministrator, toAddress } from '../../storage/account/user-account.ts'
import type { Database } from '../../storage/database.ts'
import { writeOrThrow } from '../../storage/write-or-throw.ts'
import { administratorMade } from '../account-event.ts'
import type { Accounts } from '../accounts.ts'
import { hashPassword } from '../password/password.ts'
import { type PasswordProblem, passwordProblem } from '../password/password-rules.ts'
import { type NameProblem, nameProblem, newPerson, self } from '../person.ts'
import type { Admitted } from '../sign-in/admit.ts'
import { afterwards } from '../tell.ts'
import { type EmailProblem, emailProblem } from './email.ts'
import { askForVerification } from './verification.ts'

/** A link by which an account is made. */
export type NewAccountLink = Extract<Link, { purpose: 'new-account' }>

/** Undefined if the link is unknown, was used, or is too old. */
export const findNewAccountLink = async (
  { database, signUp }: Accounts,
  secret: string,
): Promise<NewAccountLink | undefined> => {
  const link = await findLink(database, secret)
  if (link?.purpose !== 'new-account') return undefined
  return signUp === 'closed' && !link.administrator ? undefined : link
}

export type NewAccount = {
  readonly name: string
  /** Ignored if the invitation names an address. */
  readonly email: string
  readonly password: string
  readonly device: string
  /** The language of their browser, in which they get letters. */
  readonly language: string
}

export type NewAccountProblems = {
  readonly name?: NameProblem
  readonly email?: EmailProblem | 'taken'
  readonly password?: PasswordProblem
}

export type NewAccountAnswer =
  | Admitted
  | { readonly kind: 'link-is-over' }
  | { readonly kind: 'problems'; readonly invitation: NewAccountLink; readonly problems: NewAccountProblems }

/** Makes the account and signs in. The link is used up only once the account is made. */
export const makeAccount = async (
  accounts: Accounts,
  secret: string,
  { name, email, password, device, language }: NewAccount,
): Promise<NewAccountAnswer> => {
  const invitation = await findNewAccountLink(accounts, secret)
  if (invitation === undefined) return { kind: 'link-is-over' }
  const address = toAddress(invitation.email ?? email)
  const problems = await problemsOf(accounts, { name, email: address, password })
  if (Object.keys(problems).length > 0) return { kind: 'problems', invitation, problems }
  const { administrator, wasSent } = invitation
  const hashed = await hashPassword(password)
  const account = { email: address, password: hashed, isVerified: wasSent, administrator, language }
  try {
    const { person, cookie } = await addHolder(accounts, secret, { ...account, name: name.trim(), device })
    await afterwards(accounts, () => askForVerification(accounts, person))
    return { kind: 'signed-in', cookie }
  } catch (error) {
    if (!(error instanceof NotMade)) throw error
    return error.why === 'taken'
      ? { kind: 'problems', invitation, problems: { email: 'taken' } }
      : { kind: 'link-is-over' }
  }
}

type Holder = Omit<Parameters<typeof addAccount>[1], 'person'> & Pick<NewAccount, 'name' | 'device'>

/** Answers the Person, and the cookie of their session. If anything fails, nothing has been done. */
const addHolder = ({ openStoreAs }: Accounts, secret: string, { name, device, ...account }: Holder) => {
  const person = uuidv7()
  return openStoreAs(self(person)).atomic(async (store, connection) => {
    // First, so that somebody who makes an account with the same address at the same time waits here, and then finds their link dropped.
    const isAdded = await addAccount(connection, { ...account, person })
    if (!(await takeLink(connection, secret))) throw new NotMade('link-is-over')
    if (!isAdded) throw new NotMade('taken')
    await writeOrThrow(store, newPerson(person, name))
    if (account.administrator) await writeOrThrow(store, { kind: 'create', resource: administratorMade(person, name) })
    // Invitations to an address that nobody has confirmed stay valid: it may be somebody else's.
    if (account.isVerified) await dropInvitations(connection, account.email)
    return { person, cookie: await startSession(connection, { person, methods: ['pwd'], device }) }
  })
}

/** Thrown so that the transaction is rolled back. */
class NotMade extends Error {
  readonly why: 'taken' | 'link-is-over'
  constructor(why: NotMade['why']) {
    super(why)
    this.why = why
  }
}

const problemsOf = async (
  { database }: Accounts,
  { name, email, password }: Pick<NewAccount, 'name' | 'email' | 'password'>,
): Promise<NewAccountProblems> => {
  const found = {
    name: nameProblem(name),
    email: emailProblem(email) ?? ((await findAccountByEmail(database, email)) && 'taken'),
    password: await passwordProblem(password, [name, email]),
  }
  return Object.fromEntries(Object.entries(found).filter(([, problem]) => problem !== undefined))
}

/**
 * The secret of a link that makes an administrator; undefined if there is one already. It replaces earlier ones, so that only one such link
 * works.
 */
export const inviteFirstAdministrator = async (database: Database): Promise<string | undefined> => {
  if (await hasAdministrator(database)) return undefined
  await dropAdministratorLinks(database)
  return makeLink(database, { purpose: 'new-account', administrator: true, wasSent: false }, 24 * 60)
}

/** Whether nobody administers the server, so that whoever opens the link in its log may. */
export const isAdministratorWanted = async ({ database }: Pick<Accounts, 'database'>): Promise<boolean> =>
  !(await hasAdministrator(database))
