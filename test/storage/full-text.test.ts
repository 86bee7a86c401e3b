import t, { type Test } from 'tap'
import { sql } from '../../src/storage/sql.ts'
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
    "_text=!%26| \\: ') grey :*": 'dogged told',
    '_text=cat&_id=dogged,plain': 'dogged',
  })
  await finds(t, 'Observation', { '_text=grey': 'narrated' })
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

t.test('what is changed or deleted is found by its words of now', async t => {
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

t.test('a text longer than any index takes is found by its beginning', async t => {
  const words = Array.from({ length: 40_000 }, (_, index) => `w${index}`).join(' ')
  await put(stored('Basic', 'long', { code: { text: 'long' }, text: narrative(words) }))
  t.strictSame(await ordered('Basic?_text=w7'), ['long'])
  t.strictSame(await ordered('Basic?_text=w39999'), [])
})

t.test('a chain ends in words as well', async t => {
  await put(
    stored('Observation', 'of-told', { status: 'final', code: { text: 'x' }, subject: { reference: 'Patient/told' } }),
  )
  await finds(t, 'Observation', { 'patient._text=cats': 'of-told', 'patient._content=etoile': 'of-told' })
  await finds(t, 'Patient', { '_has:Observation:patient:_content=final': 'told' })
})

t.test('_content takes the words out of those resources alone that have the letters of one', async t => {
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
  t.ok((await taken()) - before <= 5, 'four have the letters, or might')
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
})
