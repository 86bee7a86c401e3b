import pg from 'pg'
import type { Config } from '../../config.ts'
import type { Tell } from '../../events/event.ts'
import { startError } from '../../start-error.ts'
import { openBeside, openEmbedded, type Postgres } from './embedded.ts'
import { mark, takenForGranted, withSettings } from './session-settings.ts'
import { toVerifiedUrl } from './verified-url.ts'

export type { Postgres }

/** For the one process that serves. Throws a start error if the database cannot be used. */
export const openPostgres = async (config: Config, tell: Tell): Promise<Postgres> => {
  const { databaseUrl, dataDir } = config
  if (databaseUrl === undefined) return openEmbedded(dataDir, tell)
  return openNamed(databaseUrl)
}

/** For a command that may run while a server is serving. */
export const openPostgresBeside = async ({ databaseUrl, dataDir }: Config, tell: Tell): Promise<Postgres> => {
  if (databaseUrl === undefined) return openBeside(dataDir, tell)
  return openNamed(databaseUrl)
}

const openNamed = async (databaseUrl: string): Promise<Postgres> => {
  const url = withSettings(toVerifiedUrl(databaseUrl), takenForGranted)
  const known = await askAbout(url).catch(error => {
    const { host, pathname } = new URL(url)
    throw startError(`DATABASE_URL: cannot use ${host}${pathname}: ${reasonOf(error)}`, error)
  })
  const fault = faultOf(known)
  if (fault !== undefined) throw startError(fault)
  return { url, close: async () => {}, fullDisk: async () => undefined }
}

type Known = { readonly version: number; readonly database: string; readonly encoding: string; readonly told: boolean }

const askAbout = async (url: string): Promise<Known> => {
  // This throws if a certificate that the URL names cannot be read.
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  // If the database goes away meanwhile, the question fails and says so. Without this listener, the process would end with a stack trace.
  client.on('error', () => {})
  try {
    await client.connect()
    const { rows } = await client.query<Known>(`
      SELECT current_setting('server_version_num')::int AS version, current_database() AS database,
        current_setting('server_encoding') AS encoding, coalesce(current_setting('${mark}', true), '') = 'on' AS told`)
    const [known] = rows
    if (known === undefined) throw new Error('it answers nothing')
    return known
  } finally {
    await client.end().catch(() => {})
  }
}

const oldest = 16
const newest = 18

const faultOf = ({ version, database, encoding, told }: Known): string | undefined => {
  const major = Math.floor(version / 10_000)
  if (major < oldest || major > newest)
    return `DATABASE_URL is a PostgreSQL ${major}; it must be one of ${oldest} to ${newest}`
  if (encoding !== 'UTF8')
    return `DATABASE_URL: the database ${database} has the encoding ${encoding}, and UTF8 is needed: CREATE DATABASE … ENCODING 'UTF8' TEMPLATE template0`
  if (!told)
    return 'DATABASE_URL: what stands before PostgreSQL, such as PgBouncer, does not pass on the settings of a session: name PostgreSQL itself'
  return undefined
}

/** A refused connection has no message of its own, only those for each address that was tried. */
const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(', ')
  return error instanceof Error ? error.message : String(error)
}
