import t from 'tap'
import { fullAccess, restrict } from '../../src/access/access.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { parseSearch } from '../../src/search/parse.ts'
import { compile } from '../../src/storage/compile/compile.ts'
import { storedRow } from '../../src/storage/row.ts'
import { sql } from '../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../support/plan.ts'
import { openSearching } from '../support/searching.ts'

const { server, database, put, found, search } = await openSearching()
t.teardown(() => server.close())

const stored = (resourceType: string, id: string, more: object = {}) => ({ resourceType, id, ...more })
const list = (id: string, ...entry: readonly object[]) =>
  stored('List', id, { status: 'current', mode: 'changes', ...(entry.length === 0 ? {} : { entry }) })
const item = (reference: string, more: object = {}) => ({ ...more, item: { reference } })

await put(
  ...['a', 'b', 'c', 'd'].map(id => stored('Patient', id, { gender: id === 'a' ? 'male' : 'female' })),
  ...['a', 'd'].map(id => stored('Location', id)),
  list(
    '42',
    item('Patient/a'),
    item('Patient/b/_history/1'),
    item('Patient/c', { deleted: true }),
    ...['a', 'd'].map(id => item(`Location/${id}`)),
  ),
  list('43', item('Patient/c', { deleted: false }), { item: { display: 'somebody' } }),
  list('none'),
)

t.test('_list finds the items of the type that were not removed from the List', async t => {
  t.equal(await found('Patient?_list=42'), 'a b')
  t.equal(await found('Patient?_list=List/43'), 'c')
  t.equal(await found('Patient?_list=42,43'), 'a b c')
  t.equal(await found('Patient?_list=42&_list=43'), '')
  t.equal(await found('Location?_list=42'), 'a d')
  t.equal(await found('Observation?_list=42'), '')
})

t.test('a List without items, and one that does not exist, has none', async t => {
  t.equal(await found('Patient?_list=none'), '')
  t.equal(await found('Patient?_list=absent'), '')
})

t.test('_list is combined with other parameters, and counted', async t => {
  t.equal(await found('Patient?_list=42&gender=female'), 'b')
  t.match(await search('Patient?_list=42&_summary=count'), { total: 2 })
})

t.test('a deleted List has no items any more', async t => {
  await put(list('44', item('Patient/d')))
  t.equal(await found('Patient?_list=44'), 'd')
  await server.inject({ method: 'DELETE', url: '/fhir/List/44', headers: { authorization: 'Bearer everything' } })
  t.equal(await found('Patient?_list=44'), '')
})

t.test('only the items are looked at, however many other resources there are', async t => {
  const ids = Array.from({ length: 400 }, (_, index) => `o${index}`)
  const code = { text: 'x' }
  await put(...ids.map(id => stored('Observation', id, { status: 'final', code })))
  await put(list('few', item('Observation/o7'), item('Observation/o311'), item('Observation/absent')))
  t.equal(await found('Observation?_list=few'), 'o311 o7')
  await database.run(sql.fragment`ANALYZE`)
  const { where: asked } = parseSearch(loadRegistry(), 'Observation', new URLSearchParams('_list=few'))
  const question = restrict(fullAccess, 's', 'Observation', asked)
  const where = compile(question, storedRow('Observation', 'row'), openCodeClasses())
  const statement = sql.fragment`
    SELECT FROM observation AS row WHERE ${where} ORDER BY row.effective_start DESC, row.pk DESC LIMIT 21`
  t.ok(rowsLookedAt(await planOf(database, statement, { analyze: true }), 'observation') <= 2)
})
