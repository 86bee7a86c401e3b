import { readdir, rm } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import pg from 'pg'
import type { Tell } from '../../events/event.ts'
import { type Cluster, openCluster } from './cluster.ts'
import { makeDataFolder } from './data-folder.ts'
import { type Lock, takeLock } from './lock.ts'
import { readPostmaster } from './postmaster.ts'
import { isAway } from './sql-state.ts'

/** A running PostgreSQL: the embedded one or the operator's own. */
export type Postgres = {
  readonly url: string
  readonly close: () => Promise<void>
  /** What it has said of a disk that is full; undefined for the operator's own, whose log is elsewhere. */
  readonly fullDisk: () => Promise<string | undefined>
}

/**
 * PostgreSQL in `DATA_DIR/postgres`. It goes on running if the server is killed; the next server adopts it, unless one that is still running holds
 * the lock. One that is being ended by its server just then is waited for, and started again.
 */
export const openEmbedded = async (dataDir: string, tell: Tell): Promise<Postgres> => {
  await makeDataFolder(dataDir)
  const folder = join(dataDir, 'postgres')
  let isLost = false
  const lose = () => {
    if (!isLost) tell({ kind: 'database-lost' })
    isLost = true
  }
  const { cluster, lock } = await takeCluster(folder, lose)
  report(cluster, folder, tell)
  const watch = watchForEnd(folder, cluster.pid, lose)
  const close = async () => {
    watch.close()
    await end(cluster, lock)
  }
  return { url: cluster.url(databaseName), close, fullDisk: cluster.fullDisk }
}

/**
 * Whoever ends all processes of a service with SIGTERM ends PostgreSQL in a way in which it keeps its connections, lets nobody in any more, and waits
 * for ever: what has a connection goes on, everything else is refused.
 */
const watchForEnd = (folder: string, pid: number, onEnd: () => void): { readonly close: () => void } => {
  let isClosed = false
  const look = async () => {
    const said = await readPostmaster(folder)
    // The server may have begun to end it itself since this was asked.
    if (!isClosed && said?.pid === pid && said.state === 'stopping') onEnd()
  }
  const timer = setInterval(() => look().catch(() => {}), lookMs).unref()
  return {
    close: () => {
      isClosed = true
      clearInterval(timer)
    },
  }
}
const lookMs = 1000

/** `onLost` is told of a loss after it was taken. */
const takeCluster = async (folder: string, onLost: () => void, until = performance.now() + patienceMs) => {
  const cluster = await openCluster({ folder, settings })
  let isTaken = false
  let lock: Lock | undefined
  try {
    lock = await takeLock(cluster.url('postgres'), { onLost: () => isTaken && onLost() })
    await removeLeftovers(dirname(folder))
    // PostgreSQL lets nobody in any more once it ends. So if the lock was free because its holder is ending it, this fails.
    await createDatabase(cluster.url('postgres'))
    isTaken = true
    return { cluster, lock }
  } catch (error) {
    if (cluster.origin === 'adopted' && isAway(error) && performance.now() < until) {
      await pause(20)
      return takeCluster(folder, onLost, until)
    }
    if (lock !== undefined) await end(cluster, lock)
    throw error
  }
}

/** As long as one that is stopping may take. */
const patienceMs = 40_000

const end = async (cluster: Cluster, lock: Lock): Promise<void> => {
  lock.expectEnd()
  await cluster.stop({ hasCrashed: lock.isLost() })
}

/** For a command that may run beside a server: uses its PostgreSQL, or runs one for as long as the command takes. */
export const openBeside = async (dataDir: string, tell: Tell): Promise<Postgres> => {
  await makeDataFolder(dataDir)
  const cluster = await openCluster({ folder: join(dataDir, 'postgres'), settings })
  const { fullDisk } = cluster
  if (cluster.origin === 'adopted') return { url: cluster.url(databaseName), close: async () => {}, fullDisk }
  report(cluster, dataDir, tell)
  await createDatabase(cluster.url('postgres'))
  return { url: cluster.url(databaseName), close: () => cluster.stop(), fullDisk }
}

const databaseName = 'sharewell'

const settings = {
  // Enough for the largest pools, and for recording, sealing and background work.
  max_connections: '150',
  shared_buffers: '256MB',
  effective_cache_size: '1GB',
  work_mem: '16MB',
  maintenance_work_mem: '128MB',
  // A day of data of many patients may arrive at once, so there are fewer checkpoints. Commits stay durable. The WAL is not compressed: these
  // binaries only have pglz, which nearly doubles the work of an insert after a checkpoint and saves a fifth at most.
  max_wal_size: '4GB',
  checkpoint_timeout: '15min',
  random_page_cost: '1.1',
  synchronous_commit: 'on',
}

const report = ({ origin, pid }: Cluster, folder: string, tell: Tell): void => {
  if (origin === 'created') tell({ kind: 'database-created', folder })
  if (origin === 'adopted') tell({ kind: 'database-adopted', pid })
}

/** What is left of a first start that was killed. */
const removeLeftovers = async (dataDir: string): Promise<void> => {
  const names = await readdir(dataDir)
  const leftovers = names.filter(name => name.startsWith('postgres.new-'))
  await Promise.all(leftovers.map(name => rm(join(dataDir, name), { recursive: true, force: true })))
}

const createDatabase = async (url: string): Promise<void> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [databaseName])
    if (rowCount === 0) await client.query(`CREATE DATABASE ${databaseName}`)
  } finally {
    await client.end()
  }
}
