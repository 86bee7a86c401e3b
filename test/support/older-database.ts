import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import type { Test } from 'tap'
import { openDatabase } from '../../src/storage/database.ts'
import { migrate } from '../../src/storage/postgres/migrate.ts'
import { withBareDatabase } from './database.ts'

const sqlFolder = join(import.meta.dirname, '..', '..', 'sql')

/** A database as a version leaves it that has only the files of `sql` before a number such as `0078`. */
export const openOlderDatabase = async (t: Test, number: string) => {
  const older = await mkdtemp(join(tmpdir(), 'sharewell-sql-'))
  const { url, close } = await withBareDatabase()
  const database = openDatabase(url)
  t.teardown(async () => {
    await database.close()
    await close()
    await rm(older, { recursive: true })
  })
  const isBefore = (file: string) => !file.endsWith('.sql') || basename(file) < number
  await cp(sqlFolder, older, { recursive: true, filter: isBefore })
  await migrate(url, () => {}, older)
  return { database, update: () => migrate(url, () => {}) }
}
