import type { OperatorParts } from '../accounts/account-event.ts'
import { baseUrlOf, readConfig } from '../config.ts'
import { lettersLeft } from '../jobs/letters.ts'
import { listSigningKeys } from '../storage/authorization/signing-key.ts'
import type { Database } from '../storage/database.ts'
import { ownSecretKey } from './own-secret-key.ts'

/**
 * Runs what a command does to somebody's account, with the letters that tell them of it. If there can be none, it is done all the same, and then the
 * operator is told why.
 */
export const withOwnLetters = async (
  database: Database,
  run: (told: OperatorParts['told']) => Promise<void>,
): Promise<void> => {
  const { told, untold } = await ownLetters(database)
  await run(told)
  if (untold !== undefined) process.stderr.write(`They are not told by e-mail: ${untold}.\n`)
}

type OwnLetters = { readonly told?: OperatorParts['told']; readonly untold?: string }

const ownLetters = async (database: Database): Promise<OwnLetters> => {
  const config = readConfig()
  // Beside a server that has never started, nobody reads letters.
  if ((await listSigningKeys(database)).length === 0) return {}
  if (config.smtpUrl === 'none') return { untold: 'SMTP_URL is not set' }
  try {
    const mail = lettersLeft(await ownSecretKey(database))
    return { told: { mail, address: () => baseUrlOf(config, config.port) } }
  } catch (error) {
    return { untold: error instanceof Error ? error.message : String(error) }
  }
}
