import { createHash, randomBytes } from 'node:crypto'
import pg from 'pg'
import { migrate, readMigrations } from '../../src/storage/migrate.ts'
import { testCluster } from './cluster.ts'

/** An empty, migrated database of one's own. */
export type TestDatabase = { readonly url: string; readonly close: () => Promise<void> }

/** One a test file: `const { url, close } = await withDatabase()`, and `t.teardown(close)`. */
export const withDatabase = async (): Promise<TestDatabase> => {
  const cluster = await testCluster()
  const template = await migratedTemplate(cluster)
  return cloneOf(template, cluster)
}

/** An empty database without any table, for tests of the migrations themselves. */
export const withBareDatabase = async (): Promise<TestDatabase> => cloneOf('template0', await testCluster())

/** Made once a cluster and state of sql/; who comes second waits for the first. */
const migratedTemplate = async (cluster: string): Promise<string> => {
  const state = (await readMigrations()).map(({ name, checksum }) => `${name} ${checksum}`).join('\n')
  const name = `sharewell_template_${createHash('sha256').update(state).digest('hex').slice(0, 16)}`
  const client = await connect(cluster)
  try {
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [name])
    const { rows } = await client.query('SELECT datistemplate AS ready FROM pg_database WHERE datname = $1', [name])
    if (rows[0]?.ready) return name
    await client.query(`DROP DATABASE IF EXISTS ${name}`)
    await client.query(`CREATE DATABASE ${name} TEMPLATE template0`)
    await migrate(urlOf(cluster, name), () => {})
    await client.query(`ALTER DATABASE ${name} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false`)
    return name
  } finally {
    await client.end()
  }
}

/** The connection that made it stays open while it is used: without it the cluster would count as idle. */
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
