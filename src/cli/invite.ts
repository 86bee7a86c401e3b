import type { Command } from 'commander'
import { recordingAccount } from '../accounts/account-event.ts'
import { recordingChange } from '../accounts/organization/configuration-change.ts'
import { emailProblem } from '../accounts/sign-up/email.ts'
import { type Invited, invite, mayAdminister, type OperatorsLink } from '../accounts/sign-up/invite.ts'
import { baseUrlOf, readConfig } from '../config.ts'
import { startError } from '../start-error.ts'
import { findAccountByEmail } from '../storage/account/user-account.ts'
import type { Connection, Database } from '../storage/database.ts'
import { withOwnDatabase } from './own-database.ts'
import { openOwnStores } from './own-store.ts'

type Options = { readonly person?: string; readonly administrator?: boolean }

/** Prints a link with which somebody can sign in from then on: for invitations, and for people who cannot get in any more. */
export const inviteCommand = (program: Command): void => {
  program
    .command('invite <email>')
    .description('print a link with which somebody makes their account, or chooses a new password if they have one')
    .option('--person <id>', 'the Person that is there already whose account it becomes')
    .option('--administrator', 'they become an administrator of the installation')
    .action(printLink)
}

const printLink = async (email: string, { person, administrator = false }: Options) => {
  if (emailProblem(email) !== undefined) throw startError(`"${email}" is no e-mail address`)
  const config = readConfig()
  const address = () => baseUrlOf(config, config.port)
  const invited = { email, administrator, ...(person === undefined ? {} : { person }) }
  await withOwnDatabase(async database => {
    const making = (connection: Connection) => invite({ database: connection, signUp: config.signUp, address }, invited)
    const { url, minutes, account } = await recorded(database, invited, making)
    process.stdout.write(`${url}\n`)
    process.stderr.write(`It works once, for ${minutes > 60 ? `${minutes / 1440} days` : `${minutes} minutes`}.\n`)
    if (account !== undefined && person === undefined)
      process.stderr.write(warningsOf(account, { email, administrator }))
  })
}

/** A link to an account is recorded with whoever has it. Who makes another one can be told only once it is made, unless it gives all rights. */
const recorded = async (
  database: Database,
  { email, person, administrator }: Invited,
  making: (connection: Connection) => Promise<OperatorsLink>,
): Promise<OperatorsLink> => {
  const known = person ?? (await findAccountByEmail(database, email))?.person
  if (known === undefined && !administrator) return making(database)
  const openStoreAs = await openOwnStores(database)
  if (known === undefined)
    return recordingChange({ openStoreAs, operator: true }, async connection => {
      const told = 'A link was made for an account that administers the installation'
      return { answer: await making(connection), change: { action: 'C', told, id: 'accounts', details: {} } }
    })
  const told = 'A link was made by which to sign in'
  const event = { person: known, by: 'operator', action: 'U', told } as const
  const link = await recordingAccount({ database, openStoreAs }, event, making)
  if (link === undefined) throw new Error('the account has gone meanwhile')
  return link
}

/** Warnings that the link opens an existing account, which the operator may not know of, or which may be somebody else's. */
const warningsOf = (
  account: NonNullable<OperatorsLink['account']>,
  { email, administrator }: Pick<Invited, 'email' | 'administrator'>,
): string =>
  [
    `There is an account already: the link chooses its password.\n`,
    account.isVerified ? '' : `Nobody has confirmed that ${email} is theirs: make sure whose account it is.\n`,
    administrator ? administration(account) : '',
  ].join('')

const administration = (account: NonNullable<OperatorsLink['account']>): string => {
  if (account.administrator) return 'It administers the installation already.\n'
  return mayAdminister(account)
    ? 'With the password, it becomes one that administers the installation.\n'
    : 'So it makes no administrator of it.\n'
}
