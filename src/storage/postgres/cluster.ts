import { spawn, spawnSync } from 'node:child_process'
import { chown, mkdir, mkdtemp, open, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { platform, tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startError, tooFewFiles } from '../../start-error.ts'
import { readOrMakeSecret } from '../secret/secret-file.ts'
import { requireOwner } from './folder-owner.ts'
import { canReach, findPostgresProgram, type PostgresProgram } from './postgres-program.ts'
import { findPostmaster, isAlive, type Postmaster } from './postmaster.ts'
import { takenForGranted, withSettings } from './session-settings.ts'

/** A PostgreSQL of our own in one folder, on a free loopback port, with one user and a random password. */
export type Cluster = {
  /** It says what the environment (PGSSLMODE, PGOPTIONS) would otherwise say of another database. */
  readonly url: (database: string) => string
  readonly pid: number
  /** `created` just now, `started` again, or `adopted`: it was running already. */
  readonly origin: 'created' | 'started' | 'adopted'
  /** Ends its sessions, writes everything to disk and waits until the process is gone. After a crash, everything is written at the next start. */
  readonly stop: (how?: { readonly hasCrashed: boolean }) => Promise<void>
  /** What it has said of a disk that is full, since it was started. */
  readonly fullDisk: () => Promise<string | undefined>
}

type Options = {
  readonly folder: string
  readonly settings: Readonly<Record<string, string>>
  readonly initdbFlags?: readonly string[]
  /** How long to wait for one that is stopping before it is ended at once. Shorter than service managers wait. */
  readonly patienceMs?: number
}

export const openCluster = async (options: Options): Promise<Cluster> => {
  const { folder, settings, initdbFlags = [], patienceMs = 40_000 } = options
  await mkdir(dirname(folder), { recursive: true })
  const program = await findPostgresProgram()
  const password = (await readOrMakeSecret(`${folder}.password`)).toString('hex')
  const isNew = !(await exists(folder))
  if (isNew) await create(program, folder, password, initdbFlags)
  const running = await findRunning(folder, patienceMs)
  const { pid, port } = running ?? (await start(program, folder, settings))
  return {
    url: database =>
      withSettings(`postgres://${user}:${password}@127.0.0.1:${port}/${database}?sslmode=disable`, takenForGranted),
    pid,
    origin: running ? 'adopted' : isNew ? 'created' : 'started',
    stop: ({ hasCrashed } = { hasCrashed: false }) => stop(pid, hasCrashed ? 0 : patienceMs),
    // Somebody may have removed the log.
    fullDisk: async () => fullDiskIn(await readFile(logOf(folder), 'utf8').catch(() => '')),
  }
}

const user = 'sharewell'

/** initdb works in another place, so that a folder which exists is complete. */
const create = async (program: PostgresProgram, folder: string, password: string, flags: readonly string[]) => {
  const draft = await mkdtemp(`${folder}.new-`)
  const passwordFile = join(await mkdtemp(join(tmpdir(), 'sharewell-')), 'password')
  await writeFile(passwordFile, password, { mode: 0o600 })
  const { account } = program
  if (account !== undefined) {
    for (const path of [draft, dirname(passwordFile), passwordFile]) await chown(path, account.uid, account.gid)
  }
  const language = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']
  const access = [`--username=${user}`, '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
  const args = ['-D', await pathFor(program, draft), ...language, ...access, ...flags]
  const made = spawnSync(program.initdb, args, { cwd: draft, encoding: 'utf8', env: environment, ...account })
  await rm(dirname(passwordFile), { recursive: true })
  if (made.status !== 0) {
    await rm(draft, { recursive: true, force: true })
    throw startError(`PostgreSQL could not be set up in ${folder}: ${made.error?.message ?? lastReason(made.stderr)}`)
  }
  // If another server was faster, its folder exists, and this one is not needed.
  await rename(draft, folder).catch(() => rm(draft, { recursive: true, force: true }))
}

const start = async (program: PostgresProgram, folder: string, settings: Options['settings']): Promise<Postmaster> => {
  await requireOwner(program, folder)
  const port = await freePort()
  const all = { ...ours, ...settings }
  const flags = Object.entries(all).flatMap(([name, value]) => ['-c', `${name}=${value}`])
  const logFile = logOf(folder)
  const output = await open(logFile, 'w', 0o600)
  const child = spawn(program.postgres, ['-D', await pathFor(program, folder), '-p', String(port), ...flags], {
    cwd: folder,
    // A process group of its own: Ctrl-C in a terminal reaches this server first, which then stops PostgreSQL properly.
    detached: true,
    stdio: ['ignore', output.fd, output.fd],
    env: environment,
    ...program.account,
  })
  const end: { reason?: string } = {}
  child.once('error', ({ message }) => Object.assign(end, { reason: message }))
  child.once('exit', (code, signal) => Object.assign(end, { reason: `it ended with ${signal ?? code}` }))
  child.unref()
  await output.close()
  const postmaster = await untilReady(folder, end)
  if (postmaster !== undefined) return postmaster
  const log = await readFile(logFile, 'utf8')
  throw startError(
    `PostgreSQL in ${folder} did not start: ${(await otherVersion(folder, log)) ?? (lastReason(log) || end.reason)}`,
  )
}

/** Which one it is stands in a line that our settings leave out. */
const otherVersion = async (folder: string, log: string): Promise<string | undefined> => {
  if (!log.includes('database files are incompatible with server')) return undefined
  const version = await readFile(join(folder, 'PG_VERSION'), 'utf8')
  return `its files are those of PostgreSQL ${version.trim()}, and this is another: start the version of Sharewell that made them, and see docs/operating.md for how to change it`
}

const logOf = (folder: string): string => `${folder}.log`

const ours = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '',
  timezone: 'UTC',
  log_timezone: 'UTC',
  jit: 'off',
  // Rows and statements are health data: the log names the error, and nothing of its content.
  log_error_verbosity: 'terse',
  log_min_error_statement: 'panic',
}

/** Nothing from the parent's environment: no secrets, and no locale that changes how PostgreSQL sorts or what language it speaks. */
const environment = { LC_ALL: 'C', TZ: 'UTC' }

/** Undefined if the process ended before it was ready, and no other has taken its place. */
const untilReady = async (folder: string, end: { readonly reason?: string }): Promise<Postmaster | undefined> => {
  for (;;) {
    const { reason } = end
    const postmaster = await findPostmaster(folder)
    if (postmaster?.state === 'ready') return postmaster
    if (reason !== undefined && postmaster === undefined) return undefined
    await sleep(10)
  }
}

/** One that is running already. Waits for one that is stopping. */
const findRunning = async (folder: string, patienceMs: number): Promise<Postmaster | undefined> => {
  const began = performance.now()
  for (;;) {
    const postmaster = await findPostmaster(folder)
    if (postmaster === undefined || postmaster.state === 'ready') return postmaster
    if (postmaster.state === 'stopping' && performance.now() > began + patienceMs) await stop(postmaster.pid, 0)
    else await sleep(20)
  }
}

/**
 * Uses PostgreSQL's fast shutdown; without patience, or when that is over, its immediate one, after which it recovers at the next start. PostgreSQL
 * 18 never ends by a fast shutdown that is requested while it recovers from a crash of one of its processes.
 * https://www.postgresql.org/docs/current/server-shutdown.html
 */
const stop = async (pid: number, patienceMs: number): Promise<void> => {
  const began = performance.now()
  if (patienceMs > 0 && isAlive(pid)) process.kill(pid, 'SIGINT')
  while (isAlive(pid) && performance.now() < began + patienceMs) await sleep(10)
  if (isAlive(pid)) process.kill(pid, 'SIGQUIT')
  while (isAlive(pid)) await sleep(10)
}

/**
 * An account other than ours may have no access to a folder above, such as /root. It always has access to its own working folder, which on Linux
 * comes with the process.
 */
const pathFor = async ({ account }: PostgresProgram, folder: string): Promise<string> => {
  if (account === undefined || (await canReach(account, folder))) return folder
  if (platform() === 'linux') return '/proc/self/cwd'
  throw startError(`The user "postgres" cannot reach ${folder}: set DATA_DIR to a folder that it can`)
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

const exists = (path: string): Promise<boolean> =>
  stat(path).then(
    () => true,
    () => false,
  )

/** After it, PostgreSQL only says that it is down, and initdb that it cleans up. A full disk ends them in many ways. */
const lastReason = (log: string): string => {
  const fatal = log.split('\n').findLast(line => /\b(FATAL|PANIC|error):/.test(line))
  const reason = fullDiskIn(log) ?? fatal ?? lastLine(log)
  return reason.includes('insufficient file descriptors') ? tooFewFiles : reason
}

const fullDiskIn = (log: string): string | undefined =>
  log.split('\n').find(line => line.includes('No space left on device'))

const lastLine = (text: string): string => text.trim().split('\n').at(-1) ?? ''
