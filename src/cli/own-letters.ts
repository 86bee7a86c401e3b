import type { OperatorParts } from '../accounts/account-event.ts'
import { baseUrlOf, readConfig } from '../config.ts'
import { lettersLeft } from '../jobs/letters.ts'
import { listSigningKeys } from '../storage/authorization/signing-key.ts'
import type { Database } from '../storage/database.ts'
import { ownSecretKey } from './own-secret-key.ts'

/** By which a command tells somebody what it did to their account. If it cannot, it is done all the same, and the operator is told why. */
export const ownLetters = async (database: Database): Promise<OperatorParts['told']> => {
  const config = readConfig()
  // Beside a server that has never started, nobody reads letters.
  if ((await listSigningKeys(database)).length === 0) return undefined
  if (config.smtpUrl === 'none') return untold('SMTP_URL is not set')
  try {
    const mail = lettersLeft(await ownSecretKey(database))
    return { mail, address: () => baseUrlOf(config, config.port) }
  } catch (error) {
    return untold(error instanceof Error ? error.message : String(error))
  }
}

const untold = (why: string): undefined => {
  process.stderr.write(`They are not told by e-mail: ${why}.\n`)
}
