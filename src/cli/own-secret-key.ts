import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readSigningKeys } from '../auth/provider/signing-keys.ts'
import { readConfig } from '../config.ts'
import { startError } from '../start-error.ts'
import { listSigningKeys } from '../storage/authorization/signing-key.ts'
import type { Database } from '../storage/database.ts'
import { secretKeyOf } from '../storage/secret/secret-key.ts'

/** The key of the server to which the database belongs: it could not open what a command sealed with another key. */
export const ownSecretKey = async (database: Database): Promise<Buffer> => {
  const config = readConfig()
  const { secretKey, dataDir } = config
  // A new server has no key yet, and makes one when it first starts.
  const isNew = (await listSigningKeys(database)).length === 0
  if (!isNew && secretKey === undefined) ownKeyFile(dataDir)
  const key = await secretKeyOf(config, () => {})
  if (!isNew) await readSigningKeys(database, key)
  return key
}

/** The server's key file. Throws if there is none; otherwise a new one would be made. */
export const ownKeyFile = (dataDir: string): string => {
  const file = join(dataDir, 'secret.key')
  if (existsSync(file)) return file
  throw startError(
    `SECRET_KEY is not set, and ${dataDir} has no secret.key: set SECRET_KEY to that of the server, or DATA_DIR to its folder`,
  )
}
