import { spawn } from 'node:child_process'
import { mkdir, open, readFile } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import pg from 'pg'
import { isAlive } from '../../src/storage/postgres/postmaster.ts'

/**
 * The PostgreSQL of the tests, as the URL of its database `postgres`: that of TEST_DATABASE_URL, or one of our own that all test processes share. The
 * first that asks for it has it started, and it ends by itself when nobody has used it for a while.
 */
export const testCluster = async (): Promise<string> => process.env.TEST_DATABASE_URL ?? (await sharedCluster())

/** Where keeper and tests meet; see cluster-keeper.ts. */
export const meetingPlace = join(tmpdir(), `sharewell-test-${userInfo().uid}`)
export const addressFile = join(meetingPlace, 'address.json')
export type Address = { readonly url: string; readonly keeper: number }

const sharedCluster = async (): Promise<string> => {
  await mkdir(meetingPlace, { recursive: true, mode: 0o700 })
  const until = Date.now() + 90_000
  for (let askedAt = 0; Date.now() < until; await sleep(50)) {
    const url = await findCluster()
    if (url !== undefined) return url
    if (Date.now() - askedAt > 4000) {
      askedAt = Date.now()
      await startKeeper()
    }
  }
  throw new Error(`the PostgreSQL of the tests did not start: see ${logFile}`)
}

const findCluster = async (): Promise<string | undefined> => {
  const text = await readFile(addressFile, 'utf8').catch(() => undefined)
  if (text === undefined) return undefined
  const { url, keeper }: Address = JSON.parse(text)
  return isAlive(keeper) && (await answers(url)) ? url : undefined
}

const answers = async (url: string): Promise<boolean> => {
  const client = new pg.Client({ connectionString: url })
  const isThere = await client.connect().then(
    () => true,
    () => false,
  )
  await client.end().catch(() => {})
  return isThere
}

/** Detached, and without the test runner's hooks: it outlives the process that asked for it. */
const startKeeper = async (): Promise<void> => {
  const log = await open(logFile, 'a', 0o600)
  const keeper = spawn(process.execPath, [join(import.meta.dirname, 'cluster-keeper.ts')], {
    detached: true,
    stdio: ['ignore', log.fd, log.fd],
    env: { PATH: process.env.PATH, TMPDIR: process.env.TMPDIR },
  })
  keeper.unref()
  await log.close()
}
const logFile = join(meetingPlace, 'keeper.log')
