import { join } from 'node:path'
import type { Config } from '../../config.ts'
import type { Tell } from '../../events/event.ts'
import { makeDataFolder } from '../postgres/data-folder.ts'
import { readOrMakeSecret } from './secret-file.ts'

/** 32 bytes: SECRET_KEY, or else a key file in DATA_DIR, which the first start makes. */
export const secretKeyOf = async ({ secretKey, dataDir }: Config, tell: Tell): Promise<Buffer> => {
  if (secretKey !== undefined) return secretKey
  await makeDataFolder(dataDir)
  const file = join(dataDir, 'secret.key')
  return readOrMakeSecret(file, () => tell({ kind: 'key-created', file }))
}
