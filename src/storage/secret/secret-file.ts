import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { startError } from '../../start-error.ts'

/** 32 random bytes, as hexadecimal digits in a file that only its owner can read. The first call makes it. */
export const readOrMakeSecret = async (file: string, onMade: () => void = () => {}): Promise<Buffer> => {
  const secret = (await readSecret(file)) ?? (await makeSecret(file, onMade))
  if (secret.length === 32) return secret
  throw startError(`${file} does not hold a key of 32 bytes as 64 hexadecimal digits: restore it from a backup`)
}

const readSecret = async (file: string): Promise<Buffer | undefined> => {
  try {
    return Buffer.from((await readFile(file, 'utf8')).trim(), 'hex')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw startError(`${file} cannot be read: ${error instanceof Error ? error.message : error}`, error)
  }
}

/** Written under another name and then linked, so that two servers that start at the same time read the same secret. */
const makeSecret = async (file: string, onMade: () => void): Promise<Buffer> => {
  const secret = randomBytes(32)
  const draft = `${file}.${process.pid}`
  const handle = await open(draft, 'w', 0o600)
  await handle.writeFile(`${secret.toString('hex')}\n`)
  await handle.sync()
  await handle.close()
  try {
    await link(draft, file)
    onMade()
    return secret
  } catch {
    return (await readSecret(file)) ?? Buffer.alloc(0)
  } finally {
    await rm(draft)
  }
}
