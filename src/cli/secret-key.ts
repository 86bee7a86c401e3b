import { rename } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import type { Command } from 'commander'
import { keyOf32Bytes } from '../config/accepted.ts'
import { type Config, readConfig } from '../config.ts'
import { startError } from '../start-error.ts'
import { resealAll } from '../storage/secret/reseal.ts'
import { readOrMakeSecret } from '../storage/secret/secret-file.ts'
import { secretKeyOf } from '../storage/secret/secret-key.ts'
import { withOwnDatabase } from './own-database.ts'
import { ownKeyFile } from './own-secret-key.ts'

/** For when SECRET_KEY may have become known, or is replaced regularly. */
export const secretKeyCommand = (program: Command): void => {
  program
    .command('secret-key')
    .description('the key that seals secrets in the database')
    .command('rotate')
    .description(
      'seal everything with a new key, while no server runs: one that it makes or, if SECRET_KEY is set, one from standard input',
    )
    .option(
      '--audit-unproved',
      'also where the record of who did what is not whole, or was not sealed by the key: the new one does not vouch for it',
    )
    .action(async ({ auditUnproved }: { readonly auditUnproved?: true }) => {
      const config = readConfig()
      const reseal: Reseal = keys =>
        withOwnDatabase(database => resealAll(database, keys, { audit: auditUnproved ? 'unproved' : 'proved' }))
      const count = await (config.secretKey === undefined
        ? rotateFile(config, reseal)
        : rotateGiven(config.secretKey, reseal))
      process.stdout.write(`Sealed by the new key: ${count}. The old one opens nothing any more.\n`)
      if (config.secretKey !== undefined) process.stdout.write('Start with the new one as SECRET_KEY.\n')
    })
}

type Reseal = (keys: { readonly from: Uint8Array; readonly to: Uint8Array }) => Promise<number>

/** The new key is stored beside the old one before anything is sealed with it, so that both are there to try again if this is interrupted. */
const rotateFile = async (config: Config, reseal: Reseal): Promise<number> => {
  const file = ownKeyFile(config.dataDir)
  const from = await secretKeyOf(config, () => {})
  const to = await readOrMakeSecret(`${file}.next`)
  const count = await reseal({ from, to })
  await rename(`${file}.next`, file)
  return count
}

const rotateGiven = async (from: Uint8Array, reseal: Reseal): Promise<number> => {
  const to = keyOf32Bytes((await text(process.stdin)).trim())
  if (to === undefined) throw startError('Give the new key on standard input: openssl rand -base64 32 makes one')
  return reseal({ from, to })
}
