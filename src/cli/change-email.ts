import type { Command } from 'commander'
import { emailProblem } from '../accounts/sign-up/email.ts'
import { giveAddress } from '../accounts/sign-up/email-change.ts'
import { startError } from '../start-error.ts'
import { withOwnDatabase } from './own-database.ts'
import { withOwnLetters } from './own-letters.ts'
import { openOwnStores } from './own-store.ts'

/** For somebody who can no longer read the mail of the old address, once the operator is sure who they are. */
export const changeEmailCommand = (program: Command): void => {
  program
    .command('change-email <old> <new>')
    .description('give an account another e-mail address to sign in with; the person confirms it later')
    .action(async (from: string, to: string) => {
      if (emailProblem(to) !== undefined) throw startError(`"${to}" is no e-mail address`)
      await withOwnDatabase(async database => {
        const openStoreAs = await openOwnStores(database)
        await withOwnLetters(database, async told => {
          await giveAddress({ database, openStoreAs, told }, from, to)
          process.stderr.write(`${from} signs in with ${to} from now on.\n`)
        })
      })
    })
}
