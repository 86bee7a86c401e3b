import fc from 'fast-check'
import t, { type Test } from 'tap'
import type { SearchParameter } from '../../src/fhir/definition/search-parameter.ts'
import { sql } from '../../src/storage/sql.ts'
import { fold } from '../../src/storage/values/string.ts'
import { matchWords } from '../../src/storage/values/words.ts'
import { openSearching } from '../support/searching.ts'

const { server, database, put, found, ordered } = await openSearching()
t.teardown(() => server.close())

const finds = async (t: Test, type: string, cases: Readonly<Record<string, string>>) => {
  for (const [query, expected] of Object.entries(cases)) t.equal(await found(`${type}?${query}`), expected, query)
}

const stored = (resourceType: string, id: string, more: object) => ({ resourceType, id, ...more })
const narrative = (inside: string) => ({
  status: 'generated',
  div: `<div xmlns="http://www.w3.org/1999/xhtml" title="hidden">${inside}</div>`,
})

await put(
  stored('Patient', 'plain', { name: [{ family: 'Narrator' }] }),
  stored('Patient', 'told', {
    text: narrative('<p>Café<br/>owner, 3 &lt; 5 grey cats</p><!-- unseen -->'),
    name: [{ family: 'Other' }],
    contact: [{ relationship: [{ text: 'next door' }], name: { text: 'Zoë Étoile' } }],
  }),
  stored('Patient', 'dogged', { text: narrative('<b>grey</b> dogs and one cat') }),
  stored('Observation', 'narrated', { status: 'final', code: { text: 'mood' }, text: narrative('felt grey') }),
  stored('Observation', 'measured', { status: 'final', code: { text: 'mood swing' } }),
)

t.test('_text looks for words in the narrative, without its tags', async t => {
  await finds(t, 'Patient', {
    '_text=grey': 'dogged told',
    '_text=GREY cafe': 'told',
    '_text=café': 'told',
    '_text=grey cats': 'told',
    '_text=cats or dogs': 'dogged told',
    '_text=cats,dogs': 'dogged told',
    '_text=grey -dogs': 'told',
    '_text=-dogs': 'told',
    '_text="grey cats"': 'told',
    '_text="owner cats"': '',
    '_text=hidden': '',
    '_text=xhtml or div or br or lt': '',
    '_text=unseen': '',
    '_text=narrator': '',
    "_text=!%26| \\\\: ') grey :*": 'dogged told',
    '_text=cat&_id=dogged,plain': 'dogged',
  })
  await finds(t, 'Observation', { '_text=grey': 'narrated' })
})

t.test('words are combined with AND, OR and parentheses', async t => {
  await put(
    stored('Device', 'bone', { text: narrative('bone with metastases') }),
    stored('Device', 'liver', { text: narrative('liver, metastases and more') }),
    stored('Device', 'lung', { text: narrative('lung with metastases') }),
    stored('Device', 'well', { text: narrative('bone and liver') }),
  )
  const cases = {
    '(bone OR liver) and metastases': 'bone liver',
    'metastases AND (bone or liver)': 'bone liver',
    'bone OR liver AND metastases': 'bone liver well',
    'bone liver': 'well',
    'bone AND liver': 'well',
    '(bone)(liver)': 'well',
    'metastases -(bone or liver)': 'lung',
    '-(bone or liver) metastases': 'lung',
    '((bone or (liver -more)) and (with or more))': 'bone',
    '("liver metastases" or lung) and metastases': 'liver lung',
    '(bone or liver': 'bone liver well',
    'bone) and metastases': 'bone',
    'and bone and': 'bone well',
    '() bone': 'bone well',
    'bone-(liver)': 'well',
    '(bone)-(liver)': 'well',
    'bone -(liver) "with(': 'bone',
    and: '',
    '"bone and liver"': 'well',
  }
  for (const [asked, expected] of Object.entries(cases))
    for (const code of ['_text', '_content'])
      t.equal(await found(`Device?${code}=${encodeURIComponent(asked)}`), expected, `${code}=${asked}`)
  const many = `Device?_text=${'(a'.repeat(51)}`
  await t.rejects(found(many), /400/)
})

t.test('_content looks for words anywhere', async t => {
  await finds(t, 'Patient', {
    '_content=narrator': 'plain',
    '_content=door étoile': 'told',
    '_content=zoe': 'told',
    '_content="next door"': 'told',
    '_content=cafe': 'told',
    '_content=hidden': '',
  })
  await finds(t, 'Observation', { '_content=mood': 'measured narrated', '_content=mood -swing': 'narrated' })
})

t.test('what was changed or deleted is found by its current words only', async t => {
  await put(stored('Patient', 'fleeting', { text: narrative('purple') }))
  t.equal(await found('Patient?_text=purple'), 'fleeting')
  await put(stored('Patient', 'fleeting', { text: narrative('orange') }))
  t.equal(await found('Patient?_text=purple'), '')
  t.equal(await found('Patient?_text=orange&_content=fleeting'), 'fleeting')
  await server.inject({
    method: 'DELETE',
    url: '/fhir/Patient/fleeting',
    headers: { authorization: 'Bearer everything' },
  })
  t.equal(await found('Patient?_text=orange'), '')
})

t.test('a text longer than any index holds is found by its beginning', async t => {
  const words = Array.from({ length: 40_000 }, (_, index) => `w${index}`).join(' ')
  await put(stored('Basic', 'long', { code: { text: 'long' }, text: narrative(words) }))
  t.strictSame(await ordered('Basic?_text=w7'), ['long'])
  t.strictSame(await ordered('Basic?_text=w39999'), [])
})

t.test('a chain can end in words as well', async t => {
  await put(
    stored('Observation', 'of-told', { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/told' } }),
  )
  await finds(t, 'Observation', { 'patient._text=cats': 'of-told', 'patient._content=etoile': 'of-told' })
  await finds(t, 'Patient', { '_has:Observation:patient:_content=final': 'told' })
})

t.test('_content extracts the words only of resources that contain the letters of one', async t => {
  const texts = {
    plain: 'Grey zebra, 7x3b crossings',
    broken: 'a\tzebra\nin "stripes" and back\\slashes',
    accented: 'ZÈBRÂ crossing',
    joined: 'zebras',
  }
  const others = Array.from({ length: 20 }, (_, index) =>
    stored('Basic', `other-${index}`, { code: { text: 'horse' } }),
  )
  await put(...others, ...Object.entries(texts).map(([id, text]) => stored('Basic', id, { code: { text } })))
  await database.run(sql.fragment`ALTER FUNCTION fhir_content_words(jsonb) RENAME TO content_words_told`)
  await database.run(sql.fragment`CREATE SEQUENCE words_taken`)
  await database.run(sql.fragment`
    CREATE FUNCTION fhir_content_words(content jsonb) RETURNS tsvector LANGUAGE plpgsql AS $$
    BEGIN PERFORM nextval('words_taken'); RETURN content_words_told(content); END $$`)
  const taken = async () =>
    Number((await database.one<{ n: string }>(sql.fragment`SELECT nextval('words_taken') AS n`)).n)
  const before = await taken()
  await finds(t, 'Basic', { '_content=zebra': 'accented broken plain' })
  t.ok((await taken()) - before <= 5, 'four contain the letters, or might')
  await finds(t, 'Basic', {
    '_content=Zebra GREY': 'plain',
    '_content=zebra 7x3b': 'plain',
    '_content=7x3b': 'plain',
    '_content=stripes': 'broken',
    '_content=slashes zebra': 'broken',
    '_content=in': 'broken',
    '_content=zebra or zebras': 'accented broken joined plain',
    '_content=zebra -grey': 'accented broken',
    '_content="grey zebra"': 'plain',
    '_content=zebra giraffe': '',
  })
  const named = Array.from({ length: 20 }, (_, index) =>
    stored('Basic', `named-${index}`, { code: { text: 'who' }, subject: { reference: `Patient/zebra-${index}` } }),
  )
  await put(...named)
  const beforeNamed = await taken()
  await finds(t, 'Basic', { '_content=patient': '' })
  t.ok((await taken()) - beforeNamed <= 2, 'only the accented one')
  const several = {
    '_content=7x3b': 'plain',
    '_content="grey zebra"': 'plain',
    '_content="zebra grey"': '',
    '_content=stripes or giraffe': 'broken',
    '_content=giraffe or 7x3b -stripes': 'plain',
    '_content=zebra-0': '',
  }
  const beforeSeveral = await taken()
  await finds(t, 'Basic', several)
  t.ok((await taken()) - beforeSeveral <= 1 + Object.keys(several).length, 'only the accented one, for each')
})

t.test('_content finds all words of a content', async t => {
  const parameter = { code: '_content' } as SearchParameter
  const piece = fc.constantFrom(
    ...[
      'grey',
      'GREY',
      'cat',
      'patient',
      'Patient',
      'e',
      'i',
      '7',
      '-1.50',
      ' ',
      ' ',
      '/',
      '-',
      '.',
      '@',
      ':',
      '_',
      '&',
      ';',
      '<',
      '>',
      '"',
      "'",
      '\\',
    ],
    ...['\n', '#', '=', '?', 'http://', 'é', 'İ', 'ß', '字', '&amp;', '<b>', '</b>', '\u0001'],
  )
  const text = fc.array(piece, { maxLength: 9 }).map(pieces => pieces.join(''))
  const leaf = fc.oneof(text, text, fc.constantFrom(7, -1.5, 1e21, true, null))
  const content = fc.dictionary(
    fc.constantFrom('grey', 'cat', 'text', 'x'),
    fc.oneof(leaf, fc.array(leaf), fc.dictionary(text, leaf)),
  )
  const query = fc.oneof(
    fc.constantFrom('grey', 'Cat', 'PATIENT', 'e', 'amp', 'http', 'b'),
    fc.constantFrom(
      'grey or 7',
      '"grey cat"',
      'e7 or "cat 7" or b',
      'cat -"grey 7"',
      '-cat',
      '-1.50 or -grey',
      'or',
      'grey-cat 7',
    ),
    text,
    fc.tuple(text, text).map(two => two.join(' ')),
  )
  const seed = 20261128
  const contents = fc.sample(content, { numRuns: 300, seed })
  let matched = 0
  for (const asked of fc.sample(query, { numRuns: 150, seed })) {
    const words = { kind: 'words', query: asked } as const
    const wrong = await database.any<{ content: unknown; found: boolean }>(sql.fragment`
      SELECT content, (${matchWords(sql.fragment`content`, parameter, words)}) AS found
      FROM jsonb_array_elements(${JSON.stringify(contents)}::jsonb) AS content
      WHERE (${matchWords(sql.fragment`content`, parameter, words)})
        IS DISTINCT FROM (content_words_told(content) @@ websearch_to_tsquery('simple', ${fold(asked)}))`)
    t.strictSame(wrong, [], JSON.stringify(asked))
    const { n } = await database.one<{ n: number }>(sql.fragment`
      SELECT count(*)::int AS n FROM jsonb_array_elements(${JSON.stringify(contents)}::jsonb) AS content
      WHERE ${matchWords(sql.fragment`content`, parameter, words)}`)
    matched += n
  }
  t.ok(matched > 500, `${matched} found`)
})
