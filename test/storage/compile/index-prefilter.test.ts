import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { keysInOrder } from '../../../src/storage/search/page-statement.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import { sql } from '../../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, put, found, search } = await openSearching()
t.teardown(() => server.close())

const words = ['Albrecht', 'Bergmann', 'Castellano', 'Dimitrov', 'Eriksson', 'Fontaine', 'Gutiérrez', 'Hoffmann']
await put(
  ...words.map((family, number) => ({
    resourceType: 'Patient',
    id: `p${number}`,
    name: [{ family }],
    birthDate: '1990-01-01',
  })),
  {
    resourceType: 'Patient',
    id: 'rare',
    name: [{ family: 'Quackenbush' }],
    birthDate: '1970-05-31',
    identifier: [{ value: 'Q-1' }],
  } as never,
  { resourceType: 'Patient', id: 'marks', name: [{ family: '(unknown)' }], birthDate: '1980' } as never,
)
/** The first eight, each so many times. */
const times = 600
await database.run(sql.fragment`
  INSERT INTO patient (patient_id, pk, id, version, last_updated, owner, author, tokens, content)
  SELECT copied.patient_id, copied.pk, copied.id, copied.version, copied.last_updated, copied.owner, copied.author, copied.tokens, copied.content
  FROM patient AS row, generate_series(1, ${times}) AS number, jsonb_populate_record(NULL::patient, to_jsonb(row) || jsonb_build_object(
    'id', id || '-' || number, 'pk', pk + 100000 * number)) AS copied
  WHERE row.id LIKE 'p%'`)
await database.run(sql.fragment`
  INSERT INTO index_string SELECT parameter, value, patient_id, pk + 100000 * number
  FROM index_string, generate_series(1, ${times}) AS number
  WHERE pk IN (SELECT pk FROM patient WHERE id LIKE 'p%')`)
await database.run(sql.fragment`
  INSERT INTO index_date SELECT parameter, low, high, patient_id, pk + 100000 * number
  FROM index_date, generate_series(1, ${times}) AS number
  WHERE pk IN (SELECT pk FROM patient WHERE id LIKE 'p%')`)
await database.run(sql.fragment`ANALYZE patient, index_string, index_date`)
const people = words.length * (times + 1) + 2

const registry = loadRegistry()
const asking = { classes: openCodeClasses(), access: fullAccess, commonTokens: () => false }
const lookedAt = async (query: string): Promise<number> => {
  const search = parseSearch(registry, 'Patient', new URLSearchParams(query))
  const keys = keysInOrder({ search, at: undefined }, sourceOf(asking, search, { inOwnOrder: true }))
  const steps = await planOf(database, sql.fragment`WITH ${keys} SELECT pk FROM page`, { analyze: true })
  return rowsLookedAt(steps, 'patient')
}

const numbers = (prefix: string) => Array.from({ length: 200 }, (_, number) => `${prefix}${number}`).join(',')

for (const [of, query, ids] of [
  ['only punctuation, with which no name begins', 'name=.', ''],
  ['punctuation with which some name begins', 'family=(', 'marks'],
  ['punctuation as the whole name', 'family:exact=(', ''],
  ['a part that no name has', 'name:contains=xyzzy', ''],
  ['a part that one name has', 'name:contains=ackenb', 'rare'],
  ['the same as a filter', '_filter=family co "ackenb"', 'rare'],
  ['an end that one name has', '_filter=family ew "bush"', 'rare'],
  ['several names, one of which somebody has', 'name=Quackenb,Xyzzy,Aardvark', 'rare'],
  ['several parts of names', 'name:contains=ackenb,xyzzy', 'rare'],
  ['very many identifiers, one of which somebody has', `identifier=${numbers('Q-')},${numbers('none-')}`, 'rare'],
  ['very many that nobody has', `identifier=${numbers('none-')}`, ''],
  ['several days, one of which somebody was born on', 'birthdate=1970-05-31,1971-05-31,1972-05-31', 'rare'],
  ['a day, a year and what came before both', 'birthdate=1970-05-31,1980,lt1960', 'marks rare'],
  ['the same as a filter', '_filter=birthdate eq 1970-05-31 or birthdate lt 1960', 'rare'],
] as const)
  t.test(`the indexes leave at most two of ${people} people to look at: ${of}`, async t => {
    const looked = await lookedAt(query)
    t.ok(looked <= 2, `${looked} of ${people}`)
    t.equal(await found(`Patient?${query}`), ids)
  })

t.test('a part that many names have is looked for in the order of the page, until it is full', async t => {
  for (const query of [
    'name:contains=mann&_count=20',
    'name:contains=r&_count=20',
    '_filter=family ew "mann"&_count=20',
  ]) {
    const looked = await lookedAt(query)
    t.ok(looked >= 21 && looked <= 500, `${query}: ${looked} of ${people}`)
  }
})

t.test('several values find whoever any of them finds, whatever else stands among them', async t => {
  const some = await found('Patient?birthdate=1970-05-31,ne1990-01-01&_count=50')
  t.equal(some, 'marks rare')
  t.equal(await found('Patient?_lastUpdated=lt2000,1999&_count=50'), '')
  t.equal(await found('Patient?_filter=(birthdate eq 1970-05-31 or name eq "(unknown)")&_count=50'), 'marks rare')
  const total = async (query: string) => (await search(`Patient?${query}&_summary=count`)).total
  t.equal(await total('_lastUpdated=gt2000,1999'), people)
  t.equal(await total('birthdate=1990-01-01,1970'), people - 1)
})

t.test('what is written is merged into the indexes of tokens and words before a megabyte of it waits', async t => {
  const indexes = await database.any(sql.fragment`
    SELECT DISTINCT reloptions::text AS options, relname = 'full_text_narrative' AS "isWords"
    FROM pg_class JOIN pg_am ON pg_am.oid = relam WHERE amname = 'gin' ORDER BY 2`)
  const options = '{gin_pending_list_limit=1024}'
  t.strictSame(indexes, [
    { options, isWords: false },
    { options, isWords: true },
  ])
})
