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

const { server, database, put, found } = await openSearching()
t.teardown(() => server.close())

const observation = (id: string, device?: string) => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { text: 'x' },
  ...(device === undefined ? {} : { device: { reference: device } }),
})
await put(
  { resourceType: 'Device', id: 'a', manufacturer: 'Acme', identifier: [{ value: '1' }] } as never,
  { resourceType: 'Device', id: 'b', manufacturer: 'Bell' } as never,
  {
    resourceType: 'DeviceMetric',
    id: 'm',
    category: 'measurement',
    type: { text: 'x' },
    identifier: [{ value: '2' }],
  } as never,
)
await put(
  observation('of-a', 'Device/a'),
  observation('of-a-as-it-was', 'Device/a/_history/1'),
  observation('of-b', 'Device/b'),
  observation('of-m', 'DeviceMetric/m'),
  observation('of-none'),
)

const cases: Readonly<Record<string, string>> = {
  'device.manufacturer=acme': 'of-a of-a-as-it-was',
  'device.manufacturer=acme,bell': 'of-a of-a-as-it-was of-b',
  'device.manufacturer=nobody': '',
  'device.identifier=1': 'of-a of-a-as-it-was',
  'device.identifier=2': 'of-m',
  'device.identifier=1,2': 'of-a of-a-as-it-was of-m',
  'device.identifier=3': '',
  'device:DeviceMetric.identifier=1': '',
  'device.identifier=2&device.manufacturer=acme': '',
  'device.identifier:missing=true': 'of-b',
  'device.identifier:not=1': 'of-b of-m',
  '_filter=not (device.identifier eq 3)': 'of-a of-a-as-it-was of-b of-m of-none',
  '_filter=device.identifier eq 2 or device.manufacturer eq "Bell"': 'of-b of-m',
}
for (const [query, expected] of Object.entries(cases))
  t.test(`Observation?${query}`, async t =>
    t.equal(await found(`Observation?${query.replaceAll(' ', '%20')}`), expected),
  )

t.test('if a chain leads to nothing, no row is looked at', async t => {
  const lookedAt = async (query: string) => {
    const { where } = parseSearch(loadRegistry(), 'Observation', new URLSearchParams(query))
    const question = restrict(fullAccess, 's', 'Observation', where)
    const asked = compile(question, storedRow('Observation', 'row'), openCodeClasses())
    const steps = await planOf(database, sql.fragment`SELECT FROM observation AS row WHERE ${asked}`, { analyze: true })
    return rowsLookedAt(steps, 'observation')
  }
  t.equal(await lookedAt('device.manufacturer=nobody'), 0)
  t.equal(await lookedAt('device.identifier=3'), 0, 'whether it is a Device or a DeviceMetric')
  t.ok((await lookedAt('device.identifier=1')) > 0)
})
