import { execFile } from 'node:child_process'
import { chown, mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir, userInfo } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import pg from 'pg'
import { migrate } from '../../src/storage/postgres/migrate.ts'
import { testCluster } from './cluster.ts'
import { withDatabase } from './database.ts'

const run = promisify(execFile)

/**
 * A migrated database with a pg_dump that is as new: that of PG_DUMP, or the newest that Debian has installed. If the PostgreSQL of the tests is
 * newer, the one that is installed with pg_dump. `why` says why there is none.
 */
export const findPostgres = async () => {
  const [newest] = (await readdir('/usr/lib/postgresql').catch(() => [])).toSorted((a, b) => Number(b) - Number(a))
  const pgDump = process.env.PG_DUMP ?? (newest === undefined ? '' : `/usr/lib/postgresql/${newest}/bin/pg_dump`)
  const said = await run(pgDump, ['--version']).catch(() => ({ stdout: '' }))
  const version = Number(/\) (\d+)/.exec(said.stdout)?.[1] ?? 0)
  if (version === 0) return { why: 'there is no pg_dump', open: openNone }
  if (version >= (await versionOf(await testCluster())))
    return { why: false as const, open: async () => ({ ...(await withDatabase()), pgDump }) }
  if (version < 16) return { why: `the pg_dump that is there is of PostgreSQL ${version}`, open: openNone }
  return { why: false as const, open: async () => ({ ...(await startCluster(dirname(pgDump))), pgDump }) }
}

const openNone = (): Promise<{ readonly url: string; readonly pgDump: string; readonly close: () => Promise<void> }> =>
  Promise.reject(new Error('it is not there'))

const versionOf = async (url: string): Promise<number> => {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query("SELECT current_setting('server_version_num')::int / 10000 AS version")
  await client.end()
  return rows[0].version
}

/** PostgreSQL does not run as root. */
const startCluster = async (programs: string) => {
  const own = await asWhom()
  const folder = await mkdtemp(join(tmpdir(), 'sharewell-postgres-'))
  if (own.uid !== undefined && own.gid !== undefined) await chown(folder, own.uid, own.gid)
  const data = join(folder, 'data')
  const call = (program: string, ...args: readonly string[]) =>
    run(join(programs, program), ['-D', data, ...args], { cwd: folder, ...own })
  await call('initdb', '--no-sync', '--auth=trust', '--username=postgres', '--encoding=UTF8', '--locale=C.UTF-8')
  const port = await freePort()
  const settings = `-p ${port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off`
  await call('pg_ctl', '-l', join(folder, 'log'), '-w', '-s', '-o', settings, 'start')
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`
  await migrate(url, () => {})
  const close = async () => {
    await call('pg_ctl', '-m', 'immediate', '-s', 'stop')
    await rm(folder, { recursive: true })
  }
  return { url, close }
}

const asWhom = async (): Promise<{ readonly uid?: number; readonly gid?: number }> => {
  if (userInfo().uid !== 0) return {}
  const idOf = async (option: string) => Number((await run('id', [option, 'postgres'])).stdout)
  return { uid: await idOf('-u'), gid: await idOf('-g') }
}

const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject).listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => (address === null || typeof address === 'string' ? reject(address) : resolve(address.port)))
    })
  })
