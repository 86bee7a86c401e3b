import pg from 'pg'
import { readMigrations } from '../../src/storage/postgres/migrate.ts'

/** Runs the migrations whose files end so once more. `before` undoes what they cannot make twice. */
export const migrateAgain = async (url: string, ends: readonly string[], before = ''): Promise<void> => {
  const migrations = await readMigrations()
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(before)
  for (const end of new Set(ends)) await client.query(migrations.find(({ name }) => name.endsWith(end))?.text ?? '')
  await client.end()
}
