import t from 'tap'
import { type Access, fullAccess } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { chainsFollowed } from '../../../src/storage/compile/chain-targets.ts'
import { keysInOrder } from '../../../src/storage/search/page-statement.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import { sql } from '../../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import { openSearching } from '../../support/searching.ts'

const { server, database, put, found } = await openSearching()
t.teardown(() => server.close())

/** A chain to this many does not use the index of references; one to so few does. */
const people = { many: 120, few: 3 }
const ids = Object.entries(people).flatMap(([family, count]) =>
  Array.from({ length: count }, (_, index) => ({ family, id: `${family}${index}` })),
)
await put(...ids.map(({ family, id }) => ({ resourceType: 'Patient', id, name: [{ family }] })))
await put(
  ...ids.map(({ id }) => ({
    resourceType: 'Condition',
    id: `of-${id}`,
    subject: { reference: `Patient/${id}` },
    ...(id === 'few0' ? { asserter: { reference: 'Practitioner/ann/_history/1' } } : {}),
  })),
  { resourceType: 'Practitioner', id: 'ann', name: [{ family: 'Ann' }] } as never,
)
/** People whose names nobody asks for, each in the index of strings. Among so many, PostgreSQL expects very few to have the same name. */
const strangers = 20_000
await database.run(sql.fragment`
  INSERT INTO patient (patient_id, pk, id, version, last_updated, owner, author, tokens, content)
  SELECT copied.patient_id, copied.pk, copied.id, copied.version, copied.last_updated, copied.owner, copied.author, copied.tokens, copied.content
  FROM patient AS row, generate_series(1, ${strangers}) AS number, jsonb_populate_record(NULL::patient, to_jsonb(row) || jsonb_build_object(
    'id', 'stranger-' || number, 'pk', pk + 100000 * number, 'content', content || '{"name":[{"family":"Stranger"}]}')) AS copied
  WHERE row.id = 'many0'`)
await database.run(sql.fragment`
  INSERT INTO index_string SELECT parameter, md5(number::text), patient_id, pk + 100000 * number
  FROM index_string, generate_series(1, ${strangers}) AS number WHERE pk = (SELECT pk FROM patient WHERE id = 'many0')`)
/** Conditions that no chain finds. */
const others = 5000
await database.run(sql.fragment`
  INSERT INTO condition SELECT (jsonb_populate_record(NULL::condition, to_jsonb(row) || jsonb_build_object(
    'id', id || '-' || number, 'pk', pk + 100000 * number, 'tokens', '[]'::jsonb,
    'content', content || '{"subject":{"reference":"Patient/none"}}'))).*
  FROM condition AS row, generate_series(1, ${others}) AS number WHERE id = 'of-many0'`)
await database.run(sql.fragment`ANALYZE condition, patient, practitioner, index_string`)

const registry = loadRegistry()
const asking = { classes: openCodeClasses(), access: fullAccess, commonTokens: () => false }
const stepsOf = async (query: string) => {
  const parsed = parseSearch(registry, 'Condition', new URLSearchParams(query))
  const search = await chainsFollowed(database, asking, parsed)
  const keys = keysInOrder({ search, at: undefined }, sourceOf(asking, search, { inOwnOrder: true }))
  return planOf(database, sql.fragment`WITH ${keys} SELECT pk FROM page`, { analyze: true })
}

const few = 'of-few0 of-few1 of-few2'
for (const [query, expected] of [
  ['subject:Patient.family=few', few],
  ['patient.family=few', few],
  ['subject.name=few', few],
  ['asserter:Practitioner.family=ann', 'of-few0'],
  ['subject:Patient.family=nobody', ''],
] as const) {
  t.test(`a chain to few resources reads only what refers to them: ${query}`, async t => {
    const lookedAt = rowsLookedAt(await stepsOf(query), 'condition')
    const matches = expected.split(' ').filter(id => id !== '').length
    t.ok(lookedAt <= 2 * matches, `${lookedAt} of ${others}`)
    t.equal(await found(`Condition?${query}`), expected)
  })
}

t.test('a chain to many resources reads them once, and not for each row', async t => {
  const query = 'patient.family=many'
  const lookedAt = rowsLookedAt(await stepsOf(query), 'patient')
  t.ok(lookedAt <= 3 * ids.length, `${lookedAt} of ${strangers}`)
  t.equal((await found(`Condition?${query}&_count=100`)).split(' ').length, people.many)
})

t.test('targets that were found before are still subject to what the caller may read', async t => {
  const search = parseSearch(registry, 'Condition', new URLSearchParams('patient.family=few'))
  const known = await chainsFollowed(database, asking, search)
  const one: Access = (_, type) => (type === 'Patient' ? { kind: 'identified', ids: ['few1'] } : { kind: 'all' })
  const gate = { ...asking, access: one }
  const keys = keysInOrder({ search: known, at: undefined }, sourceOf(gate, known, { inOwnOrder: true }))
  const rows = await database.any<{ id: string }>(sql.fragment`
    WITH ${keys} SELECT condition.id FROM page JOIN condition USING (pk)`)
  t.strictSame(rows, [{ id: 'of-few1' }])
})
