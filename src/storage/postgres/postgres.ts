import pg from 'pg'
import type { Config } from '../../config.ts'
import type { Tell } from '../../events/event.ts'
import { startError } from '../../start-error.ts'
import { openBeside, openEmbedded, type Postgres } from './embedded.ts'
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
  const url = toVerifiedUrl(databaseUrl)
  await checkVersion(url)
  return { url, close: async () => {} }
}

const checkVersion = async (url: string): Promise<void> => {
  const version = await serverVersion(url).catch(error => {
    const { host, pathname } = new URL(url)
    throw startError(`DATABASE_URL: cannot use ${host}${pathname}: ${reasonOf(error)}`, error)
  })
  const major = Math.floor(version / 10_000)
  if (major < oldest || major > newest) {
    throw startError(`DATABASE_URL is a PostgreSQL ${major}; it must be one of ${oldest} to ${newest}`)
  }
}
const oldest = 16
const newest = 18

const serverVersion = async (url: string): Promise<number> => {
  // This throws if a certificate that the URL names cannot be read.
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 })
  try {
    await client.connect()
    const { rows } = await client.query<{ version: number }>(
      "SELECT current_setting('server_version_num')::int AS version",
    )
    return rows[0]?.version ?? 0
  } finally {
    await client.end().catch(() => {})
  }
}

/** A refused connection has no message of its own, only those for each address that was tried. */
const reasonOf = (error: unknown): string => {
  if (error instanceof AggregateError) return [...new Set(error.errors.map(reasonOf))].join(', ')
  return error instanceof Error ? error.message : String(error)
}
