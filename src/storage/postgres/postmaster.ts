import { readFileSync } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'

/** The PostgreSQL process of a data folder, according to its own lock file. */
export type Postmaster = {
  readonly pid: number
  readonly port: number
  readonly state: 'starting' | 'stopping' | 'ready'
}

/** Undefined if none is running. Removes a lock file that a crash or another container has left behind. */
export const findPostmaster = async (folder: string): Promise<Postmaster | undefined> => {
  const said = await readPostmaster(folder)
  if (said === undefined || isPostgres(said.pid)) return said
  await rm(lockFileIn(folder), { force: true })
  return undefined
}

/** What the lock file says, whether it is still true or not. */
export const readPostmaster = async (folder: string): Promise<Postmaster | undefined> => {
  const text = await readFile(lockFileIn(folder), 'utf8').catch(() => undefined)
  const lines = text?.split('\n').map(line => line.trim()) ?? []
  const pid = Number(lines[0])
  if (!(pid > 0)) return undefined
  const state = lines[7] === 'ready' || lines[7] === 'stopping' ? lines[7] : 'starting'
  return { pid, port: Number(lines[3]), state }
}

const lockFileIn = (folder: string): string => join(folder, 'postmaster.pid')

export const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

/** It has ended, but nobody has collected its exit status, as happens in containers without an init process. */
const isZombie = (pid: number): boolean => /^State:\tZ/m.test(readProc(pid, 'status') ?? '')

/** Process numbers are used again. So if the system says what a process runs, that counts too. */
const isPostgres = (pid: number): boolean =>
  isAlive(pid) && (readProc(pid, 'comm') ?? 'postgres').startsWith('postgres')

/** Undefined if there is no /proc. */
const readProc = (pid: number, file: string): string | undefined => {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8')
  } catch {
    return undefined
  }
}
