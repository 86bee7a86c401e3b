import type { Command } from 'commander'
import { resetSecondFactor } from '../accounts/sign-in/second-factor.ts'
import { withOwnDatabase } from './own-database.ts'
import { withOwnLetters } from './own-letters.ts'
import { openOwnStores } from './own-store.ts'

/** For somebody who has lost both the authenticator app and the recovery codes, once the operator is sure who they are. */
export const secondFactorCommand = (program: Command): void => {
  const secondFactor = program.command('second-factor').description('the second factor of people who sign in')
  secondFactor
    .command('remove <email>')
    .description('take away the second factor of an account: its password alone signs in, until another one is set up')
    .action((email: string) =>
      withOwnDatabase(async database => {
        const openStoreAs = await openOwnStores(database)
        await withOwnLetters(database, async told => {
          await resetSecondFactor({ database, openStoreAs, told }, email)
          process.stderr.write(`${email} has no second factor any more, and is signed out everywhere.\n`)
        })
      }),
    )
}
