import { hash } from 'node:crypto'
import { link, mkdtemp, readdir, readFile, rename, rm, statfs, writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { openCluster } from '../../src/storage/postgres/cluster.ts'
import { findPostmaster, isAlive } from '../../src/storage/postgres/postmaster.ts'
import { type Address, addressFile, meetingPlace } from './cluster.ts'

/** The process that starts the tests' PostgreSQL, announces it, watches over it, and removes it when it is idle. */
const keep = async (): Promise<void> => {
  if (!(await takeLock())) return
  await removeLeftovers()
  const folder = await mkdtemp(join(await roomyFolder(), prefix))
  try {
    const data = join(folder, 'postgres')
    const cluster = await openCluster({ folder: data, settings, initdbFlags: ['--no-sync'] })
    await announcedUntilIdle({ url: beside(data, cluster.url('postgres')), keeper: process.pid }).finally(cluster.stop)
  } finally {
    await rm(folder, { recursive: true, force: true })
    await rm(lockFile, { force: true })
  }
}

/** Through a socket in its folder, which costs half as much as TCP, if the path is short enough for one. */
const beside = (data: string, url: string): string => {
  const near = new URL(url)
  if (data.startsWith(memory)) near.searchParams.set('host', data)
  return near.href
}

/** A clone has some 1,800 files: that takes 0.1 s in memory, if there is enough of it, and over a second on some disks. */
const roomyFolder = async (): Promise<string> => {
  const found = await statfs(memory).catch(() => undefined)
  return found !== undefined && found.bavail * found.bsize > 3 * 2 ** 30 ? memory : meetingPlace
}
const memory = '/dev/shm'
/** Who has another folder for temporary files has another keeper, with clusters of its own in the same memory. */
const prefix = `${basename(meetingPlace)}-${hash('sha256', meetingPlace).slice(0, 8)}-cluster-`

/** Speed over durability: nothing in it outlives the run. */
const settings = {
  // In the folder of the data.
  unix_socket_directories: '.',
  max_connections: '200',
  shared_buffers: '256MB',
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  wal_level: 'minimal',
  max_wal_senders: '0',
  max_wal_size: '1GB',
  checkpoint_timeout: '1h',
  autovacuum: 'off',
}

const lockFile = join(meetingPlace, 'keeper.lock')

/** If the holder was killed, one of those who notice takes the lock over. */
const takeLock = async (attempts = 2): Promise<boolean> => {
  if (await placeLock()) return true
  const holder = await pidIn(lockFile)
  if (attempts <= 1 || (holder > 0 && isAlive(holder))) return false
  const taken = `${lockFile}.taken-${process.pid}`
  await rename(lockFile, taken).catch(() => {})
  const isLeft = (await pidIn(taken)) === holder
  // Somebody else was quicker, and it is theirs.
  if (!isLeft) await link(taken, lockFile).catch(() => {})
  await rm(taken, { force: true })
  return isLeft && takeLock(attempts - 1)
}

/** At one moment with what is in it: nobody may take an empty one for a leftover. */
const placeLock = async (): Promise<boolean> => {
  const draft = `${lockFile}.${process.pid}`
  await writeFile(draft, String(process.pid))
  const isPlaced = await link(draft, lockFile).then(
    () => true,
    () => false,
  )
  await rm(draft, { force: true })
  return isPlaced
}

/** 0 if there is no such file. */
const pidIn = async (file: string): Promise<number> => Number(await readFile(file, 'utf8').catch(() => ''))

/** Leftovers of a keeper that was killed: its PostgreSQL and its folders. Only for whoever has the lock, since nobody else has a cluster. */
const removeLeftovers = async (): Promise<void> => {
  for (const place of [memory, meetingPlace]) {
    const names = await readdir(place).catch(() => [])
    for (const name of names) if (name.startsWith(prefix)) await removeCluster(join(place, name))
  }
}

const removeCluster = async (folder: string): Promise<void> => {
  const postmaster = await findPostmaster(join(folder, 'postgres'))
  if (postmaster !== undefined) {
    process.kill(postmaster.pid, 'SIGINT')
    while (isAlive(postmaster.pid)) await sleep(20)
  }
  await rm(folder, { recursive: true, force: true })
}

/** Withdraws the announcement and then checks once more, so that nobody who has just read the address is stranded. */
const announcedUntilIdle = async (address: Address): Promise<void> => {
  const client = new pg.Client({ connectionString: address.url, application_name: 'keeper' })
  await client.connect()
  do {
    for (let usedAt = Date.now(); Date.now() - usedAt < idleMs; await sleep(1000)) {
      await announce(address)
      if (await isUsed(client)) usedAt = Date.now()
    }
    await withdraw(address)
    await sleep(500)
  } while (await isUsed(client))
  await client.end()
}
const idleMs = 20_000

/** Unless another one is announced: if two keepers start at once, one of them is simply never used. */
const announce = async (address: Address): Promise<void> => {
  if ((await announced()) !== undefined) return
  const draft = `${addressFile}.${process.pid}`
  await writeFile(draft, JSON.stringify(address), { mode: 0o600 })
  await rename(draft, addressFile)
}

const withdraw = async ({ keeper }: Address): Promise<void> => {
  if ((await announced())?.keeper === keeper) await rm(addressFile, { force: true })
}

const announced = async (): Promise<Address | undefined> => {
  const text = await readFile(addressFile, 'utf8').catch(() => undefined)
  const address: Address | undefined = text === undefined ? undefined : JSON.parse(text)
  return address !== undefined && isAlive(address.keeper) ? address : undefined
}

const isUsed = async (client: pg.Client): Promise<boolean> => {
  const { rowCount } = await client.query(
    "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1",
  )
  return rowCount !== 0
}

await keep()
