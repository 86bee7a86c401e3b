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

const { server, database, put, found } = await openSearching()
t.teardown(() => server.close())

const words = ['Albrecht', 'Bergmann', 'Castellano', 'Dimitrov', 'Eriksson', 'Fontaine', 'Gutiérrez', 'Hoffmann']
await put(
  ...words.map((family, number) => ({ resourceType: 'Patient', id: `p${number}`, name: [{ family }] })),
  { resourceType: 'Patient', id: 'rare', name: [{ family: 'Quackenbush' }] } as never,
  { resourceType: 'Patient', id: 'marks', name: [{ family: '(unknown)' }] } as never,
)
/** The first eight, each so many times. */
const times = 600
await database.run(sql.fragment`
  INSERT INTO patient SELECT (jsonb_populate_record(NULL::patient, to_jsonb(row) || jsonb_build_object(
    'id', id || '-' || number, 'pk', pk + 100000 * number))).*
  FROM patient AS row, generate_series(1, ${times}) AS number WHERE id LIKE 'p%'`)
await database.run(sql.fragment`
  INSERT INTO index_string SELECT parameter, value, patient_id, pk + 100000 * number
  FROM index_string, generate_series(1, ${times}) AS number
  WHERE pk IN (SELECT pk FROM patient WHERE id LIKE 'p%')`)
await database.run(sql.fragment`ANALYZE patient, index_string`)
const people = words.length * (times + 1) + 2

const registry = loadRegistry()
const asking = { classes: openCodeClasses(), access: fullAccess, commonTokens: () => false }
const lookedAt = async (query: string): Promise<number> => {
  const search = parseSearch(registry, 'Patient', new URLSearchParams(query))
  const keys = keysInOrder({ search, at: undefined }, sourceOf(asking, search, { inOwnOrder: true }))
  const steps = await planOf(database, sql.fragment`WITH ${keys} SELECT pk FROM page`, { analyze: true })
  return rowsLookedAt(steps, 'patient')
}

for (const [of, query, ids] of [
  ['only punctuation, with which no name begins', 'name=.', ''],
  ['punctuation with which some name begins', 'family=(', 'marks'],
  ['punctuation as the whole name', 'family:exact=(', ''],
  ['a part that no name has', 'name:contains=xyzzy', ''],
  ['a part that one name has', 'name:contains=ackenb', 'rare'],
  ['the same as a filter', '_filter=family co "ackenb"', 'rare'],
  ['an end that one name has', '_filter=family ew "bush"', 'rare'],
] as const)
  t.test(`the index of strings leaves at most two of ${people} people to look at: ${of}`, async t => {
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
