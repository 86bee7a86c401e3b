import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The PostgreSQL process of a data folder, as its own lock file tells. */
export type Postmaster = {
  readonly pid: number
  readonly port: number
  readonly state: 'starting' | 'stopping' | 'ready'
}

/** Absent where none runs. A lock file that a crash or another container has left behind is removed. */
export const findPostmaster = async (folder: string): Promise<Postmaster | undefined> => {
  const file = join(folder, 'postmaster.pid')
  const text = await readFile(file, 'utf8').catch(() => undefined)
  const lines = text?.split('\n').map(line => line.trim()) ?? []
  const pid = Number(lines[0])
  if (!(pid > 0)) return undefined
  if (!(await isPostgres(pid))) {
    await rm(file, { force: true })
    return undefined
  }
  const state = lines[7] === 'ready' || lines[7] === 'stopping' ? lines[7] : 'starting'
  return { pid, port: Number(lines[3]), state }
}

export const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** Process numbers are used again: where the system says what a process runs, that counts too. */
const isPostgres = async (pid: number): Promise<boolean> => {
  if (!isAlive(pid)) return false
  const program = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => 'postgres')
  return program.startsWith('postgres')
}
