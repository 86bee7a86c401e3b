import type { Command } from 'commander'
import { recordingChange } from '../accounts/organization/configuration-change.ts'
import { rotateSigningKey } from '../auth/provider/signing-keys.ts'
import { listSigningKeys, removeOldSigningKeys } from '../storage/authorization/signing-key.ts'
import { withOwnDatabase } from './own-database.ts'
import { ownSecretKey } from './own-secret-key.ts'
import { openOwnStores } from './own-store.ts'

/** The keys with which the authorization server signs id_tokens. A running server uses a change within seconds. */
export const keysCommand = (program: Command): void => {
  const keys = program.command('keys').description('keys by which id_tokens are signed')
  keys
    .command('list')
    .description('print their ids and when they were made, the newest, which signs, first')
    .action(async () => {
      const listed = await withOwnDatabase(listSigningKeys)
      for (const { kid, madeAt } of listed) process.stdout.write(`${kid} ${madeAt.toISOString()}\n`)
    })
  keys
    .command('rotate')
    .description('make a new key, which signs from now on; the old ones still verify')
    .option('--remove-old', 'also end the old ones at once: for when one may have become known')
    .action(async ({ removeOld }: { readonly removeOld?: true }) => {
      const kid = await withOwnDatabase(async database => {
        const secretKey = await ownSecretKey(database)
        const openStoreAs = await openOwnStores(database)
        return recordingChange({ openStoreAs, operator: true }, async connection => {
          const id = await rotateSigningKey(database, secretKey, connection)
          if (removeOld) await removeOldSigningKeys(connection)
          const told = `The key that signs id_tokens was replaced${removeOld ? ', and the old ones were removed' : ''}`
          return { answer: id, change: { action: removeOld ? 'D' : 'C', told, id, details: {} } }
        })
      })
      process.stdout.write(`${kid}\n`)
    })
}
