import { access, constants, mkdir, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { startError } from '../../start-error.ts'

/** Makes DATA_DIR if it does not exist. Throws a start error if it cannot be made or written. */
export const makeDataFolder = async (dataDir: string): Promise<void> => {
  try {
    await makeFolder(dataDir)
    await access(dataDir, constants.W_OK)
  } catch (error) {
    throw startError(`DATA_DIR: cannot use ${dataDir}: ${error instanceof Error ? error.message : error}`, error)
  }
}

/** Like a recursive mkdir, which in Node never ends in a folder like /proc, since that calls missing whatever cannot be made in it. */
const makeFolder = async (folder: string): Promise<void> => {
  const parent = dirname(folder)
  if (parent !== folder && !(await isFolder(parent))) await makeFolder(parent)
  await mkdir(folder).catch(async error => {
    // It was there before, or another server has just made it.
    if (!(await isFolder(folder))) throw error
  })
}

const isFolder = async (path: string): Promise<boolean> =>
  stat(path).then(
    found => found.isDirectory(),
    () => false,
  )
