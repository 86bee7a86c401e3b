import pg from 'pg'
import { startError } from '../../start-error.ts'

/** Held as long as its connection exists: if a server is killed, its lock is released at once. */
export type Lock = {
  /** From now on, the connection may end. The lock is held until PostgreSQL ends it. */
  readonly expectEnd: () => void
  /** Whether the connection broke, as it does when PostgreSQL has crashed. */
  readonly isLost: () => boolean
}

/** Only one server can run on a data folder. Throws a start error that says which one does. */
export const takeLock = async (url: string, options: { readonly onLost: () => void }): Promise<Lock> => {
  const client = new pg.Client({ connectionString: url, application_name: `sharewell ${process.pid}`, keepAlive: true })
  await client.connect()
  let isExpected = false
  let isLost = false
  client.on('error', () => {
    if (isExpected) return
    isLost = true
    options.onLost()
  })
  if (!(await tryLock(client))) {
    const holder = await holderOf(client)
    await client.end()
    throw startError(`Another Sharewell (${holder}) uses this data folder: stop it, or set DATA_DIR to another folder`)
  }
  return {
    expectEnd: () => {
      isExpected = true
    },
    isLost: () => isLost,
  }
}

/** Tries for a little while, since PostgreSQL takes a moment to notice that a server was killed. */
const tryLock = async (client: pg.Client, attempts = 5): Promise<boolean> => {
  const { rows } = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1) AS taken', [lockKey])
  if (rows[0]?.taken) return true
  if (attempts <= 1) return false
  await new Promise(resolve => setTimeout(resolve, 100))
  return tryLock(client, attempts - 1)
}

const holderOf = async (client: pg.Client): Promise<string> => {
  const { rows } = await client.query<{ name: string; since: Date }>(
    `SELECT a.application_name AS name, a.backend_start AS since
     FROM   pg_locks l JOIN pg_stat_activity a USING (pid)
     WHERE  l.locktype = 'advisory' AND l.objid = $1 AND l.granted`,
    [lockKey],
  )
  const [holder] = rows
  return holder === undefined
    ? 'which has just stopped'
    : `pid ${holder.name.replace(/\D/g, '')}, since ${holder.since.toISOString()}`
}

const lockKey = 0x5a7e
