import pg from 'pg'
import t from 'tap'
import { readMigrations } from '../../../src/storage/postgres/migrate.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, url, put, found } = await openSearching()
t.teardown(() => server.close())

const told = (id: string, text: string) => ({
  resourceType: 'Patient',
  id,
  name: [{ family: text, text: `${text} ΣΟΦΟΣ` }],
  text: { status: 'generated', div: `<div xmlns="http://www.w3.org/1999/xhtml">${text} and Σοφός</div>` },
})
await put(told('capitals', 'ΠΑΠΑΔΟΠΟΥΛΟΣ'), told('small', 'Παπαδόπουλος'), told('other', 'Smith'))

t.test('the words of a narrative are found with either sigma', async t => {
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

t.test('a name with an apostrophe is found however it is typed or set', async t => {
  await put(...Object.entries(oneils).map(([id, text]) => told(id, text)))
  for (const asked of [...Object.values(oneils), "o'n", 'O‘Neil', 'o`neil', 'O＇Neil'].map(encodeURIComponent)) {
    t.equal(await found(`Patient?family=${asked}`), everyOneil, asked)
    t.equal(await found(`Patient?name:contains=${asked}`), everyOneil, asked)
  }
  t.equal(await found(`Patient?family=Oneil`), '')
  t.equal(await found(`Patient?family:exact=${encodeURIComponent("O'Neil")}`), 'typed')
  for (const asked of Object.values(oneils).map(encodeURIComponent)) {
    t.equal(await found(`Patient?_text=${asked}`), everyOneil, asked)
    t.equal(await found(`Patient?_content=${asked}`), everyOneil, asked)
  }
})

t.test('what was stored while apostrophes differed is made anew', async t => {
  const family = () => Promise.all(Object.values(oneils).map(one => found(`Patient?family=${encodeURIComponent(one)}`)))
  const now = await family()
  const migration = (await readMigrations()).find(({ name }) => name.endsWith('-apostrophes.sql'))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(`
    UPDATE index_string SET value = replace(value, '''', '’') WHERE value LIKE '%''%';
    UPDATE full_text SET narrative = to_tsvector('simple', 'oʼneil and σοφοσ') WHERE narrative @@ 'neil'`)
  t.equal(await found(`Patient?family=${encodeURIComponent("O'Neil")}`), '')
  t.equal(await found(`Patient?_text=${encodeURIComponent("O'Neil")}`), '')
  await client.query(migration?.text ?? '')
  await client.end()
  t.strictSame(await family(), now)
  t.equal(await found(`Patient?_text=${encodeURIComponent("O'Neil")}`), everyOneil)
})

t.test('what was stored while a sigma at the end of a word was another letter is made anew', async t => {
  const stored = async () => ({
    strings: await database.any(
      sql.fragment`SELECT parameter, value, pk FROM index_string ORDER BY pk, parameter, value`,
    ),
    narratives: await database.any(sql.fragment`SELECT pk, narrative::text FROM full_text ORDER BY pk`),
  })
  const now = await stored()
  const migration = (await readMigrations()).find(({ name }) => name.endsWith('-dates-sigmas-numbers.sql'))
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  await client.query(String.raw`
    UPDATE index_string SET value = regexp_replace(value, 'σ( |$)', 'ς\1', 'g');
    UPDATE full_text SET narrative = regexp_replace(narrative::text, 'σ\M', 'ς', 'g')::tsvector;
    DROP FUNCTION fhir_float(numeric)`)
  t.equal(await found('Patient?family=Παπαδόπουλος'), '')
  await client.query(migration?.text ?? '')
  await client.end()
  t.strictSame(await stored(), now)
  t.equal(await found('Patient?family=Παπαδόπουλος'), 'capitals small')
})
