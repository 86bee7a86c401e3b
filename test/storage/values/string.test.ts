import t from 'tap'
import { parameterKey } from '../../../src/storage/prepare/index-rows.ts'
import { sql } from '../../../src/storage/sql.ts'
import { fold } from '../../../src/storage/values/string.ts'
import { migrateAgain as runAgain } from '../../support/migrate-again.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, url, put, found } = await openSearching()
t.teardown(() => server.close())

/** How a text is folded has changed since some migrations, so those that did so follow. */
const migrateAgain = (name: string, before = '') =>
  runAgain(
    url,
    [name, '-letters-of-strings.sql', '-words-apart.sql'],
    `${before}; DROP STATISTICS index_string_length; DROP FUNCTION fhir_apart(text)`,
  )

const told = (id: string, text: string) => ({
  resourceType: 'Patient',
  id,
  name: [{ family: text, text: `${text} ΣΟΦΟΣ` }],
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text} and Σοφός</div>` },
})
await put(told('capitals', 'ΠΑΠΑΔΟΠΟΥΛΟΣ'), told('small', 'Παπαδόπουλος'), told('other', 'Smith'))

t.test('words of a narrative are found with either sigma', async t => {
  for (const asked of ['ΠΑΠΑΔΟΠΟΥΛΟΣ', 'παπαδόπουλος', 'παπαδοπουλοσ']) {
    t.equal(await found(`Patient?_text=${asked}`), 'capitals small', asked)
    t.equal(await found(`Patient?_content=${asked}`), 'capitals small', asked)
  }
})

const oneils = {
  typed: "O'Neil",
  set: 'O’NEIL',
  accent: 'O´Neil',
  letter: 'Oʼneil',
}
const everyOneil = Object.keys(oneils).sort().join(' ')

t.test('a name with an apostrophe is found however the apostrophe is typed', async t => {
  await put(...Object.entries(oneils).map(([id, text]) => told(id, text)))
  for (const asked of [...Object.values(oneils), "o'n", 'O‘Neil', 'o`neil', 'O＇Neil'].map(encodeURIComponent)) {
    t.equal(await found(`Patient?family=${asked}`), everyOneil, asked)
    t.equal(await found(`Patient?name:contains=${asked}`), everyOneil, asked)
  }
  t.equal(await found(`Patient?family:exact=${encodeURIComponent("O'Neil")}`), 'typed')
  for (const asked of Object.values(oneils).map(encodeURIComponent)) {
    t.equal(await found(`Patient?_text=${asked}`), everyOneil, asked)
    t.equal(await found(`Patient?_content=${asked}`), everyOneil, asked)
  }
})

t.test('narratives from before apostrophes were alike are indexed anew', async t => {
  await database.run(
    sql.fragment`UPDATE full_text SET narrative = to_tsvector('simple', 'oʼneil and σοφοσ') WHERE narrative @@ 'neil'`,
  )
  t.equal(await found(`Patient?_text=${encodeURIComponent("O'Neil")}`), '')
  await migrateAgain('-apostrophes.sql')
  t.equal(await found(`Patient?_text=${encodeURIComponent("O'Neil")}`), everyOneil)
})

const people = (families: Readonly<Record<string, string>>) =>
  Object.entries(families).map(([id, family]) => ({ resourceType: 'Patient', id, name: [{ family }] }))
const foundAs = (asked: string) => found(`Patient?family=${encodeURIComponent(asked)}`)

t.test('a name is found by each of its words, ignoring punctuation and repeated blanks', async t => {
  await put(
    ...people({
      two: 'Carreño Quiñones',
      apostrophe: "O'Brien",
      hyphen: 'Smith-Jones',
      prefix: 'von der  Heide (geb. Maß)',
    }),
    { resourceType: 'Patient', id: 'town', address: [{ city: 'St. Gallen', line: ['7, Rue de l’Église'] }] } as never,
  )
  const expected: Readonly<Record<string, string>> = {
    two: 'Carreno, carreño, Quinones, quin, carreno  quinones, Carreño\u00a0Quiñones, " quinones", Carreno-Quinones',
    apostrophe: "OBrien, o'brien, O’Brien, O Brien, Brien",
    hyphen: 'Smith-Jones, Smith Jones, SmithJones, Jones, Smith‐Jones, smith - jones',
    prefix: 'Heide, von der Heide, geb Maß, Heide (geb, von der Heide geb. maß',
  }
  for (const [id, texts] of Object.entries(expected))
    for (const asked of texts.split(', ')) t.equal(await foundAs(asked), id, asked)
  for (const asked of ['uinones', 'quinones carreno', 'Carreno Quinones x', 'rien', 'mith', 'on der'])
    t.equal(await foundAs(asked), '', asked)
  for (const asked of ['st gallen', 'St.Gallen', 'st. gallen', 'gallen'])
    t.equal(await found(`Patient?address-city=${asked}`), 'town', asked)
  for (const asked of ['rue de l', '7 rue', 'Eglise', "l'eglise"])
    t.equal(await found(`Patient?address=${asked}`), 'town', asked)
})

t.test(':exact and :contains respect each character', async t => {
  for (const [asked = '', expected] of [
    ['family:exact=OBrien', ''],
    [`family:exact=O'Brien`, 'apostrophe'],
    ['family:contains=obrien', ''],
    [`family:contains=o'b`, 'apostrophe'],
    ['family:contains=h-j', 'hyphen'],
    ['family:contains=eide (g', 'prefix'],
  ])
    t.equal(await found(`Patient?${asked}`), expected, asked)
})

t.test('a text of nothing but punctuation is searched as it is', async t => {
  await put(...people({ dash: '-', bracket: '(unknown)', marks: '???', hooft: '’t Hooft' }))
  for (const [asked, expected] of [
    ['-', 'dash'],
    ['(', 'bracket'],
    ['unknown', 'bracket'],
    ['?', 'marks'],
    ['??', 'marks'],
    ['????', ''],
    ['.', ''],
    ["'", 'hooft'],
    ['`', 'hooft'],
    [' (', ''],
  ] as const) {
    t.equal(await foundAs(asked), expected, asked)
    const filter = encodeURIComponent(`family sw "${asked}"`)
    if (asked !== 'unknown') t.equal(await found(`Patient?_filter=${filter}`), expected, `_filter: ${asked}`)
  }
  t.equal(await found('Patient?family:exact=???'), 'marks')
  t.equal(await found('Patient?family:exact=?'), '')
  t.equal(await found('Patient?family:contains=?'), 'marks')
  t.equal(await found('Patient?family:contains=(u'), 'bracket')
})

const letters: Readonly<Record<string, readonly [string, ...string[]]>> = {
  sharp: ['Straße', 'strasse', 'STRASSE', 'STRAẞE', 'stra', 'strass', 'straß'],
  stroke: ['Bjørn Łukasz', 'bjorn', 'BJØRN', 'lukasz', 'łuk', 'Bjorn Lukasz'],
  dotless: ['Yıldız İnan', 'yildiz', 'YILDIZ', 'yıld', 'inan', 'INAN'],
  joined: ['Æbelø ﬁnn Œuvre', 'aebelo', 'AEBELØ', 'finn', 'ﬁnn', 'FINN', 'oeuvre'],
  iceland: ['Þórður', 'thordur', 'ÞÓRÐUR', 'þorður'],
  long: ['Weiſs', 'weiss', 'WEISS'],
}

t.test('joined letters, and those with a stroke, are found as they are typed elsewhere', async t => {
  await put(...Object.entries(letters).map(([id, [text]]) => told(id, text)))
  for (const [id, texts] of Object.entries(letters))
    for (const asked of texts) {
      t.equal(await foundAs(asked), id, asked)
      t.equal(await found(`Patient?name:contains=${encodeURIComponent(asked.slice(1))}`), id, asked)
      t.equal(await found(`Patient?_filter=${encodeURIComponent(`family co "${asked}"`)}`), id, asked)
    }
  for (const [id, asked] of Object.entries({ sharp: 'STRASSE', stroke: 'bjorn', dotless: 'yildiz', joined: 'finn' })) {
    t.equal(await found(`Patient?_text=${asked}`), id, asked)
    t.equal(await found(`Patient?_content=${asked}`), id, asked)
  }
  t.equal(await found('Patient?family:exact=Strasse'), '')
  t.equal(await found(`Patient?family:exact=${encodeURIComponent('Straße')}`), 'sharp')
})

t.test('what cannot be seen in a name does not matter', async t => {
  const copied = {
    copied: '\u200fכהן\u200f',
    soft: 'Donau\u00addampf',
    joiner: 'علی\u200cزاده',
    marked: '\ufeffVoß\u2060',
  }
  await put(...Object.entries(copied).map(([id, text]) => told(id, text)))
  for (const [id, asked] of [
    ['copied', 'כהן'],
    ['soft', 'donaudampf'],
    ['joiner', 'علیزاده'],
    ['marked', 'voss'],
    ...Object.entries(copied),
  ] as const) {
    t.equal(await foundAs(asked), id, asked)
    t.equal(await found(`Patient?name:contains=${encodeURIComponent(asked.slice(1))}`), id, asked)
    t.equal(await found(`Patient?_text=${encodeURIComponent(asked)}`), id, asked)
  }
  t.equal(await found(`Patient?family:exact=${encodeURIComponent('כהן')}`), '')
})

t.test('the database folds all letters of these alphabets as the server does', async t => {
  const ranges = [
    [0x01, 0x590],
    [0x0600, 0x0700],
    [0x1800, 0x1810],
    [0x1e00, 0x20ff],
    [0xfb00, 0xfb1d],
    [0xfe00, 0xffef],
  ] as const
  const texts = ranges.flatMap(([from, to]) =>
    Array.from({ length: to - from }, (_, index) => `a${String.fromCodePoint(from + index)}B`),
  )
  const folded = await database.any<{ text: string; folded: string }>(
    sql.fragment`SELECT text, fhir_fold(text) AS folded FROM unnest(${sql.array(texts, 'text')}) AS text`,
  )
  t.strictSame(
    folded.filter(one => fold(one.text) !== one.folded),
    [],
  )
})

t.test('strings from before such letters were alike, and punctuation was in the index, are indexed anew', async t => {
  const stored = () =>
    database.any(sql.fragment`
      SELECT DISTINCT parameter, value, pk FROM index_string WHERE pk IN (SELECT pk FROM patient) ORDER BY pk, parameter, value`)
  const now = await stored()
  await database.run(sql.fragment`UPDATE index_string SET value = replace(value, 'ss', 'ß')`)
  await database.run(sql.fragment`
    DELETE FROM index_string WHERE value = '' AND pk IN (SELECT pk FROM patient WHERE id IN ('bracket', 'hooft'))`)
  await database.run(sql.fragment`
    UPDATE full_text SET narrative = replace(narrative::text, 'strasse', 'straße')::tsvector`)
  t.equal(await foundAs('Strasse'), '')
  t.equal(await found('Patient?_text=Strasse'), '')
  t.equal(await foundAs('('), '')
  await migrateAgain('-letters-of-strings.sql')
  t.strictSame(await stored(), now)
  t.equal(await foundAs('Strasse'), 'sharp')
  t.equal(await found('Patient?_text=Strasse'), 'sharp')
  t.equal(await foundAs('('), 'bracket')
})

t.test('the words among the first 200 letters of a long text count', async t => {
  const words = Array.from({ length: 60 }, (_, number) => `wort${number}`).join(' ')
  await put(...people({ long: words, astral: `${'𐐀'.repeat(150)} 𐐁 ende` }))
  t.equal(await foundAs('wort0 wort1'), 'long')
  t.equal(await foundAs('wort25 wort26'), 'long')
  t.equal(await foundAs('wort50'), '')
  t.equal(await foundAs(words), 'long')
  t.equal(await foundAs(`${words} x`), '')
  t.equal(await foundAs(words.slice(words.indexOf('wort10'))), '')
  t.equal(await found('Patient?family:contains=wort58 wort59'), 'long')
  t.equal(await foundAs('ende'), 'astral')
})

t.test('what was stored when strings were found by their beginning only is indexed anew', async t => {
  const family = parameterKey({ base: 'Patient', code: 'family' })
  const stored = () =>
    database.any(sql.fragment`
      SELECT side.value, side.pk FROM index_string AS side JOIN patient ON patient.pk = side.pk
      WHERE side.parameter = ${family} AND patient.id NOT IN ('long', 'astral') ORDER BY side.pk, side.value`)
  const now = await stored()
  await database.run(
    sql.fragment`WITH gone AS (DELETE FROM index_string WHERE parameter = ${family} RETURNING pk)
    INSERT INTO index_string (parameter, value, patient_id, pk)
    SELECT ${family}, left(fhir_fold(content #>> '{name,0,family}'), 200), patient_id, pk FROM patient
    WHERE pk IN (SELECT pk FROM gone)`,
  )
  t.equal(await foundAs('Quinones'), '')
  await migrateAgain(
    '-words-of-strings.sql',
    'DROP FUNCTION fhir_begins(text, text[]); DROP FUNCTION fhir_unpunctuated(text, text)',
  )
  t.strictSame(await stored(), now)
  t.equal(await foundAs('Quinones'), 'two')
  t.equal(await foundAs('wort0 wort1'), 'long')
  t.equal(await foundAs('wort10 wort11'), 'long')
})

t.test('what was stored when a sigma at the end of a word was another letter is indexed anew', async t => {
  const stored = async () => ({
    strings: await database.any(
      sql.fragment`SELECT parameter, value, pk FROM index_string ORDER BY pk, parameter, value`,
    ),
    narratives: await database.any(sql.fragment`SELECT pk, narrative::text FROM full_text ORDER BY pk`),
  })
  const now = await stored()
  await database.run(
    sql.fragment`UPDATE index_string SET value = regexp_replace(value, ${'σ( |$)'}, ${String.raw`ς\1`}, 'g')`,
  )
  await database.run(
    sql.fragment`UPDATE full_text SET narrative = regexp_replace(narrative::text, ${String.raw`σ\M`}, 'ς', 'g')::tsvector`,
  )
  t.equal(await found('Patient?family=Παπαδόπουλος'), '')
  await migrateAgain('-dates-sigmas-numbers.sql', 'DROP FUNCTION fhir_float(numeric)')
  t.strictSame(await stored(), now)
  t.equal(await found('Patient?family=Παπαδόπουλος'), 'capitals small')
})
