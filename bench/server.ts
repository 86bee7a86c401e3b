import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import packageJson from '../package.json' with { type: 'json' }
import type { AuditWriting } from '../src/storage/audit/trail.ts'
import { issueToken, type TokenRequest } from '../src/storage/authorization/token.ts'
import { type Database, openDatabase } from '../src/storage/database.ts'
import { openEmbedded } from '../src/storage/postgres/embedded.ts'
import { type Api, openApi } from './api.ts'
import { closedIfInterrupted } from './interrupted.ts'

/** The real server as a child process, on a PostgreSQL of its own in a temporary folder. */
export type BenchServer = {
  /** The FHIR API for the bearer of a new token. */
  readonly as: (subject: TokenRequest['subject'], scope: string, more?: Partial<TokenRequest>) => Promise<Api>
  readonly databaseUrl: string
  /** The address at which it listens, without a slash at the end. */
  readonly origin: string
  /** The resident memory of the server process only, in MB. */
  readonly memory: () => Promise<number>
  /** The processor time of the server process, in ms. */
  readonly processorTime: () => Promise<number>
  /** Ends it as an operator would, with its profile written, but keeps the database for others. */
  readonly stop: () => Promise<void>
  /** Ends it with its database, and removes the folder. */
  readonly close: () => Promise<void>
}

/** With `profile`, the server leaves its CPU profile in that folder when it ends. */
export const openBenchServer = async (profile: string | undefined): Promise<BenchServer> => {
  const folder = await mkdtemp(join(tmpdir(), 'sharewell-bench-'))
  const postgres = await openEmbedded(folder, () => {})
  const port = await freePort()
  const child = start([...profileFlags(profile), ...startArguments], { port, folder, databaseUrl: postgres.url })
  const origin = `http://127.0.0.1:${port}`
  const database = openDatabase(postgres.url, { poolSize: 1 })
  const close = closedIfInterrupted(async () => {
    await stop(child)
    await database.close()
    await postgres.close()
    await rm(folder, { recursive: true, force: true })
  })
  try {
    await untilReady(child, `${origin}/readyz`)
  } catch (error) {
    await close()
    throw error
  }
  return {
    as: asAt(origin, database),
    databaseUrl: postgres.url,
    origin,
    memory: () => residentMegabytes(child.pid ?? 0),
    processorTime: () => processorMs(child.pid ?? 0),
    stop: () => stop(child),
    close,
  }
}

/** Another server on the same database, as old as others that are started with it. */
export const openBeside = async (
  { databaseUrl }: BenchServer,
  auditing: AuditWriting,
): Promise<Pick<BenchServer, 'as' | 'close'>> => {
  const folder = await mkdtemp(join(tmpdir(), 'sharewell-bench-'))
  const port = await freePort()
  const program = [...startArguments.slice(0, -2), 'bench/beside.ts', auditing]
  const child = start(program, { port, folder, databaseUrl })
  const origin = `http://127.0.0.1:${port}`
  const database = openDatabase(databaseUrl, { poolSize: 1 })
  const close = closedIfInterrupted(async () => {
    await stop(child)
    await database.close()
    await rm(folder, { recursive: true, force: true })
  })
  try {
    await untilReady(child, `${origin}/readyz`)
  } catch (error) {
    await close()
    throw error
  }
  return { as: asAt(origin, database), close }
}

/** Servers on one database have the same key. */
const secretKey = randomBytes(32).toString('base64')

type Starting = { readonly port: number; readonly folder: string; readonly databaseUrl: string }

const start = (programArguments: readonly string[], { port, folder, databaseUrl }: Starting): ChildProcess =>
  spawn(process.execPath, programArguments, {
    cwd: join(import.meta.dirname, '..'),
    env: {
      ...process.env,
      PORT: String(port),
      DATA_DIR: folder,
      DATABASE_URL: databaseUrl,
      SECRET_KEY: secretKey,
      LOG_LEVEL: 'warn',
      TRUST_PROXY: 'loopback',
    },
    stdio: ['ignore', 'ignore', 'inherit'],
  })

const asAt =
  (origin: string, database: Database): BenchServer['as'] =>
  async (subject, scope, more = {}) =>
    openApi(
      `${origin}/fhir`,
      await issueToken(database, { subject, client: 'cli', scope, ttlSeconds: 86_400, ...more }),
    )

/** As in `npm start`, without npm between the signal and the server. */
const startArguments = packageJson.scripts.start.split(' ').slice(1)

const profileFlags = (folder: string | undefined): readonly string[] =>
  folder === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${folder}`]

const untilReady = async (child: ChildProcess, address: string): Promise<void> => {
  const until = Date.now() + 60_000
  while (Date.now() < until) {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode} before it was ready`)
    const answer = await fetch(address).catch(() => undefined)
    if (answer?.ok) return
    await sleep(50)
  }
  throw new Error('the server was not ready within a minute')
}

const stop = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  await ended
}

const residentMegabytes = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1] ?? Number.NaN) / 1024
}

/** User and system time, in ticks of 10 ms: https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
const processorMs = async (pid: number): Promise<number> => {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * 10
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer().once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
