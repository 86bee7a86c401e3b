import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import t from 'tap'
import { openDatabase } from '../../../src/storage/database.ts'
import { migrate } from '../../../src/storage/postgres/migrate.ts'
import { sql } from '../../../src/storage/sql.ts'
import { withBareDatabase } from '../../support/database.ts'

const sqlFolder = join(import.meta.dirname, '..', '..', '..', 'sql')

/** A database as a version left it that had the files before this number. */
const before = async (number: string) => {
  const older = await mkdtemp(join(tmpdir(), 'sharewell-sql-'))
  const { url, close } = await withBareDatabase()
  const database = openDatabase(url)
  t.teardown(async () => {
    await database.close()
    await close()
    await rm(older, { recursive: true })
  })
  await cp(sqlFolder, older, { recursive: true, filter: file => !(basename(file) >= number && file.endsWith('.sql')) })
  await migrate(url, () => {}, older)
  return { url, database }
}

t.test(
  'narratives with apostrophes and joined letters keep their words in an update, wherever the two stand',
  async t => {
    const { url, database } = await before('0078')
    const told = [
      'the dogs’ Straße',
      '’tis ‘the’ Straße',
      'Women’s Größe',
      'ʻAumakua ʻø',
      'Women’s health',
      'plain words',
    ]
    for (const [index, text] of told.entries())
      await database.run(sql.fragment`
      INSERT INTO patient (patient_id, pk, id, version, last_updated, author, tokens, content)
      SELECT ${index + 1}, ${index + 1}, ${`told-${index}`}, 1, now(), 1, '{}', jsonb_build_object('text', jsonb_build_object('div', ${text}::text))`)
    await database.run(
      sql.fragment`INSERT INTO full_text SELECT patient_id, pk, fhir_narrative_words(content) FROM patient`,
    )
    await migrate(url, () => {}, sqlFolder)
    const kept = await database.any<{ content: string; isAsNow: boolean }>(sql.fragment`
    SELECT content #>> '{text,div}' AS content, narrative = fhir_narrative_words(content) AS "isAsNow"
    FROM patient LEFT JOIN full_text USING (patient_id, pk) ORDER BY pk`)
    t.strictSame(
      kept,
      told.map(content => ({ content, isAsNow: true })),
    )
  },
)
