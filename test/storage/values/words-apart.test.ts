import t from 'tap'
import { sql } from '../../../src/storage/sql.ts'
import { openOlderDatabase } from '../../support/older-database.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, put, found } = await openSearching()
t.teardown(() => server.close())

/** A text, and a word that is in it for whoever reads it. Its numbers have more digits than any part of the time at which it is stored, which is content as well. */
const told: Readonly<Record<string, readonly [string, string]>> = {
  quoted: ['felt “grey” today', 'grey'],
  german: ['sagte „grau“ heute', 'grau'],
  french: ['dit «\u00a0triste\u00a0» ici', 'triste'],
  blank: ['ten\u00a0kilograms', 'kilograms'],
  dash: ['heart—rate', 'rate'],
  hyphen: ['blood\u2011pressure', 'blood-pressure'],
  range: ['days 30000–50000', '50000'],
  chinese: ['血压高。头痛，发热', '头痛'],
  arabic: ['ضغط، قلب', 'ضغط'],
  dots: ['wait… gone', 'wait'],
  bullet: ['• milk', 'milk'],
  degrees: ['43210°C', '43210'],
  price: ['98765€', '98765'],
  emoji: ['pulse😀', 'pulse'],
  soft: ['Herz\u00adfrequenz', 'Herzfrequenz'],
  hebrew: ['\u200fיוסי\u200f', 'יוסי'],
  persian: ['می\u200cخواهم', 'میخواهم'],
  thai: ['ความดัน\u200bโลหิต', 'โลหิต'],
}

await put(
  ...Object.entries(told).map(([id, [text]]) => ({
    resourceType: 'Basic',
    id,
    code: { text },
    text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text}</div>` },
  })),
)

t.test('a word is found whatever sign of whichever script stands beside it', async t => {
  for (const [id, [text, word]] of Object.entries(told))
    for (const asked of [word, text])
      for (const code of ['_text', '_content'])
        t.equal(await found(`Basic?${code}=${encodeURIComponent(asked)}`), id, `${code}=${asked}`)
})

t.test('every sign of Unicode parts words, and no letter, mark or number of any script does', async t => {
  const signs = Array.from({ length: 0x2_00_00 }, (_, code) => code)
    .filter(code => code > 0x7f && (code < 0xd8_00 || code > 0xdf_ff))
    .map(code => String.fromCodePoint(code))
  const rows = await database.any<{ sign: string; parts: boolean }>(sql.fragment`
    SELECT sign, strpos(fhir_apart('a' || sign || 'b'), ' ') > 0 AS parts FROM unnest(${sql.array(signs, 'text')}) AS sign`)
  const wrong = rows.filter(({ sign, parts }) => parts !== isSign(sign) && isKnown(sign))
  t.strictSame(
    wrong.map(({ sign }) => sign.codePointAt(0)?.toString(16)),
    [],
  )
})

/** Of the scripts beyond the first plane few have punctuation, and hardly anybody writes them; its symbols are all of them. */
const isSign = (text: string) => /^(?!\p{Alphabetic}|[‐‑])[\p{P}\p{S}\p{Z}\x80-\x9f\u200b]$/u.test(text)
const isKnown = (text: string) =>
  /^[\p{L}\p{M}\p{N}\p{P}\p{S}\p{Z}](?<![\u{10000}-\u{1e95d}\u{1e960}-\u{1ffff}])$/u.test(text)

t.test('narratives of before are parted by an update, and names keep nothing that cannot be seen', async t => {
  const { database, update } = await openOlderDatabase(t, '0093')
  const texts = [...Object.values(told).map(([text]) => text), 'plain words', 'Ærø Straße']
  for (const [index, text] of texts.entries())
    await database.run(sql.fragment`
      INSERT INTO patient (patient_id, pk, id, version, last_updated, author, tokens, content)
      SELECT ${index + 1}, ${index + 1}, ${`told-${index}`}, 1, now(), 1, '{}', jsonb_build_object('text', jsonb_build_object('div', ${text}::text))`)
  await database.run(
    sql.fragment`INSERT INTO full_text SELECT patient_id, pk, fhir_narrative_words(content) FROM patient`,
  )
  await database.run(
    sql.fragment`INSERT INTO index_string (parameter, value, patient_id, pk) SELECT 1, fhir_fold(content #>> '{text,div}'), patient_id, pk FROM patient`,
  )
  await update()
  const kept = await database.any<{ content: string; areWordsAsNow: boolean; isFolded: boolean }>(sql.fragment`
    SELECT content #>> '{text,div}' AS content, narrative = fhir_narrative_words(content) AS "areWordsAsNow",
      value = fhir_fold(content #>> '{text,div}') AS "isFolded"
    FROM patient LEFT JOIN full_text USING (patient_id, pk) LEFT JOIN index_string USING (patient_id, pk) ORDER BY pk`)
  t.strictSame(
    kept,
    texts.map(content => ({ content, areWordsAsNow: true, isFolded: true })),
  )
})
