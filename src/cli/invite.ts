import type { Command } from 'commander'
import { emailProblem } from '../accounts/email.ts'
import { invite } from '../accounts/invite.ts'
import { baseUrlOf, readConfig } from '../config.ts'
import { startError } from '../start-error.ts'
import { withOwnDatabase } from './own-database.ts'

type Options = { readonly person?: string; readonly administrator?: boolean }

/** Prints a link for somebody to sign in with from then on: for invitations, and for who cannot get in any more. */
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
    const { url, minutes } = await invite({ database, signUp: config.signUp, address }, invited)
    process.stdout.write(`${url}\n`)
    process.stderr.write(`It works once, for ${minutes > 60 ? `${minutes / 1440} days` : `${minutes} minutes`}.\n`)
  })
}
