import { createHash, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import pg from 'pg'
import type { Test } from 'tap'
import { stateOf } from '../../src/fhir/kept.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { migrate, readMigrations } from '../../src/storage/postgres/migrate.ts'
import { testCluster } from './cluster.ts'

/** An empty, migrated database of one's own. */
export type TestDatabase = { readonly url: string; readonly close: () => Promise<void> }

/** One for each test file: `const { url, close } = await withDatabase()`, and `t.teardown(close)`. */
export const withDatabase = async (): Promise<TestDatabase> => {
  const cluster = await testCluster()
  const template = await migratedTemplate(cluster)
  return cloneOf(template, cluster)
}

/** A database of one's own and connections to it, which end with the test. */
export const openTestDatabase = async (
  t: Pick<Test, 'teardown'>,
  options?: Parameters<typeof openDatabase>[1],
): Promise<{ readonly url: string; readonly database: Database }> => {
  const { url, close } = await withDatabase()
  const database = openDatabase(url, options)
  t.teardown(async () => {
    await database.close()
    await close()
  })
  return { url, database }
}

/** An empty database without any table, for tests of the migrations themselves. */
export const withBareDatabase = async (): Promise<TestDatabase> => cloneOf('template0', await testCluster())

/**
 * A copy of a database that `fill` has filled, which happens once for each cluster and state of the code, and the result of `fill`, as JSON.
 * `sources` are the files and folders of the tests that fill it.
 */
export const withFilledDatabase = async <Told>(
  { sources }: { readonly sources: readonly string[] },
  fill: (url: string) => Promise<Told>,
): Promise<TestDatabase & { readonly told: Told }> => {
  const cluster = await testCluster()
  const migrated = await migratedTemplate(cluster)
  const state = stateOf([...ownSources, ...sources])
  const filled = await template(cluster, { state: `${migrated} ${state}`, from: migrated, make: fill })
  return { ...(await cloneOf(filled.name, cluster)), told: JSON.parse(filled.told) }
}

const root = join(import.meta.dirname, '..', '..')
const ownSources = ['src', 'fhir-profiles', 'capability', 'test/support'].map(folder => join(root, folder))

const migratedTemplate = async (cluster: string): Promise<string> => {
  const state = (await readMigrations()).map(({ name, checksum }) => `${name} ${checksum}`).join('\n')
  const { name } = await template(cluster, { state, from: 'template0', make: url => migrate(url, () => {}) })
  return name
}

type Made = { readonly state: string; readonly from: string; readonly make: (url: string) => Promise<unknown> }

/** Made once for each cluster and state; others wait for the first. Its comment has the result of `fill`. */
const template = async (cluster: string, { state, from, make }: Made): Promise<{ name: string; told: string }> => {
  const name = `sharewell_template_${createHash('sha256').update(state).digest('hex').slice(0, 16)}`
  const client = await connect(cluster)
  try {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name])
    const { rows } = await client.query(
      "SELECT shobj_description(oid, 'pg_database') AS told FROM pg_database WHERE datname = $1 AND datistemplate",
      [name],
    )
    if (rows[0] !== undefined) return { name, told: rows[0].told }
    await client.query(`DROP DATABASE IF EXISTS ${name}`)
    await client.query(`CREATE DATABASE ${name} TEMPLATE ${from} STRATEGY FILE_COPY`)
    const told = JSON.stringify(await make(urlOf(cluster, name))) ?? 'null'
    await client.query(`COMMENT ON DATABASE ${name} IS ${client.escapeLiteral(told)}`)
    await client.query(`ALTER DATABASE ${name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`)
    return { name, told }
  } finally {
    await client.end()
  }
}

/** The connection that made it stays open while it is used: otherwise the cluster would count as idle. */
const cloneOf = async (template: string, cluster: string): Promise<TestDatabase> => {
  const name = `sharewell_test_${process.pid}_${randomBytes(4).toString('hex')}`
  const client = await connect(cluster)
  await client.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`)
  return {
    url: urlOf(cluster, name),
    close: async () => {
      await client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)
      await client.end()
    },
  }
}

const connect = async (url: string): Promise<pg.Client> => {
  const client = new pg.Client({ connectionString: url, application_name: 'sharewell test' })
  await client.connect()
  return client
}

const urlOf = (cluster: string, database: string): string => {
  const url = new URL(cluster)
  url.pathname = `/${database}`
  return url.href
}
