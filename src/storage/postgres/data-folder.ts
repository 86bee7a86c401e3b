import { access, constants, mkdir } from 'node:fs/promises'
import { startError } from '../../start-error.ts'

/** Makes DATA_DIR if it does not exist. Throws a start error if it cannot be made or written. */
export const makeDataFolder = async (dataDir: string): Promise<void> => {
  try {
    await mkdir(dataDir, { recursive: true })
    await access(dataDir, constants.W_OK)
  } catch (error) {
    throw startError(`DATA_DIR: cannot use ${dataDir}: ${error instanceof Error ? error.message : error}`, error)
  }
}
