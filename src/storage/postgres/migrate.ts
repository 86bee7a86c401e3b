import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Tell } from '../../events/event.ts'
import { startError } from '../../start-error.ts'

const migrationFolder = join(import.meta.dirname, '..', '..', '..', 'sql')

/**
 * Brings the database to the state of the numbered files, each in a transaction of its own. What a file cannot cope with in some databases is put right
 * by the file of the same name in `before`, within that transaction: the file itself never changes. Throws a start error if an applied file has changed
 * since, or if the database is newer than this code. Several processes may run it at once.
 */
export const migrate = async (url: string, tell: Tell, folder = migrationFolder): Promise<void> => {
  const files = await readMigrations(folder)
  const client = new pg.Client({ connectionString: url, application_name: 'sharewell migrate' })
  // If the database goes away, the query fails and says so. Without this listener, the process would end with a stack trace.
  client.on('error', () => {})
  await client.connect()
  try {
    const applied = await readApplied(client).catch(error => {
      throw startError(`The database cannot be prepared: ${error instanceof Error ? error.message : error}`, error)
    })
    checkApplied(applied, files)
    for (const file of files.slice(applied.length)) {
      const started = performance.now()
      const isNew = await apply(client, file)
      if (isNew)
        tell({ kind: 'migration-applied', file: file.name, durationMs: Math.round(performance.now() - started) })
    }
  } finally {
    await client.end()
  }
}

type Migration = {
  readonly number: number
  readonly name: string
  readonly checksum: string
  readonly text: string
  /** Empty for nearly all. */
  readonly before: string
}

export const readMigrations = async (folder = migrationFolder): Promise<readonly Migration[]> => {
  const names = await namesIn(folder)
  return Promise.all(names.map((name, index) => readMigration(folder, name, index + 1)))
}

export const countMigrations = async (): Promise<number> => (await namesIn(migrationFolder)).length

const namesIn = async (folder: string): Promise<readonly string[]> =>
  (await readdir(folder)).filter(name => name.endsWith('.sql')).sort()

const readMigration = async (folder: string, name: string, number: number): Promise<Migration> => {
  if (Number(/^(\d{4})-[a-z0-9-]+\.sql$/.exec(name)?.[1]) !== number) {
    throw startError(
      `sql/${name} is not named as the next migration: ${String(number).padStart(4, '0')}-….sql is expected`,
    )
  }
  const text = (await readFile(join(folder, name), 'utf8')).replaceAll('\r\n', '\n')
  const before = await readFile(join(folder, 'before', name), 'utf8').catch(emptyIfMissing)
  return { number, name, checksum: createHash('sha256').update(text).digest('hex'), text, before }
}

const emptyIfMissing = (error: NodeJS.ErrnoException): string => {
  if (error.code === 'ENOENT') return ''
  throw error
}

type Applied = { readonly number: number; readonly name: string; readonly checksum: string; readonly applied_at: Date }

const readApplied = async (client: pg.Client): Promise<readonly Applied[]> => {
  const { rows } = await client.query<{ known: boolean }>("SELECT to_regclass('migration') IS NOT NULL AS known")
  if (!rows[0]?.known) await createTable(client)
  return (await client.query<Applied>('SELECT number, name, checksum, applied_at FROM migration ORDER BY number')).rows
}

/** IF NOT EXISTS is not enough if several processes create it at the same moment: all but one get one of these errors. */
const alreadyMade = new Set(['23505', '42P07', '42710'])

const createTable = async (client: pg.Client): Promise<void> => {
  await client
    .query(`
      CREATE TABLE IF NOT EXISTS migration (
        number     integer PRIMARY KEY,
        name       text NOT NULL,
        checksum   text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
      )`)
    .catch(error => {
      if (!alreadyMade.has(error.code)) throw error
    })
}

const checkApplied = (applied: readonly Applied[], files: readonly Migration[]): void => {
  for (const [index, { number, name, checksum, applied_at }] of applied.entries()) {
    const file = files[index]
    if (file === undefined) {
      throw startError(
        `The database is newer than this Sharewell: it has migration ${number} (${name}), this has ${files.length}`,
      )
    }
    if (file.checksum !== checksum) {
      const when = applied_at.toISOString().slice(0, 10)
      throw startError(
        `sql/${file.name} is not what was applied to the database on ${when}: restore it, and change in a new file`,
      )
    }
  }
}

/** The row is inserted first: another process that applies the same file waits for it, and then has nothing to do. */
const apply = async (client: pg.Client, { number, name, checksum, text, before }: Migration): Promise<boolean> => {
  try {
    await client.query('BEGIN')
    const { rowCount } = await client.query(
      'INSERT INTO migration (number, name, checksum) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING',
      [number, name, checksum],
    )
    if (rowCount === 1) {
      await client.query(before)
      await client.query(text)
    }
    await client.query('COMMIT')
    return rowCount === 1
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {})
    throw startError(`sql/${name} could not be applied: ${error instanceof Error ? error.message : error}`, error)
  }
}
