import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openOlderDatabase } from '../../support/older-database.ts'

t.test(
  'narratives with apostrophes and joined letters keep their words in an update, wherever the two stand',
  async t => {
    const { database, update } = await openOlderDatabase(t, '0078')
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
    await update()
    const kept = await database.any<{ content: string; isAsNow: boolean }>(sql.fragment`
    SELECT content #>> '{text,div}' AS content, narrative = fhir_narrative_words(content) AS "isAsNow"
    FROM patient LEFT JOIN full_text USING (patient_id, pk) ORDER BY pk`)
    t.strictSame(
      kept,
      told.map(content => ({ content, isAsNow: true })),
    )
  },
)
