import type { Condition, Observation } from '@medplum/fhirtypes'
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

const code = { coding: [{ system: 'http://loinc.org', code: '8867-4' }] }
const observation = (id: string, subject?: string): Observation & { readonly id: string } => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code,
  ...(subject !== undefined && { subject: { reference: subject } }),
})
const condition = (id: string, subject: string): Condition & { readonly id: string } => ({
  resourceType: 'Condition',
  id,
  subject: { reference: subject },
})
await put(
  { resourceType: 'Patient', id: 'ann' },
  ...Array.from({ length: 200 }, (_, index) => observation(`theirs-${index}`, 'Patient/ann')),
  observation('nobody'),
  observation('group', 'Group/all'),
  observation('elsewhere', 'https://elsewhere.example/Patient/1'),
  condition('hers', 'Patient/ann'),
  condition('of-group', 'Group/all'),
)
await database.run(sql.fragment`VACUUM ANALYZE observation`)
const theirs = Array.from({ length: 200 }, (_, index) => `theirs-${index}`)
const sorted = (...ids: readonly string[]) => [...ids].sort().join(' ')

const cases: Readonly<Record<string, string>> = {
  'Observation?subject:missing=true': 'nobody',
  'Observation?subject:missing=false': sorted('group', 'elsewhere', ...theirs),
  'Observation?patient:missing=true': 'group nobody',
  'Observation?patient:missing=false': sorted('elsewhere', ...theirs),
  'Observation?code=8867-4&subject:missing=true': 'nobody',
  'Observation?_filter=not (subject pr true)': 'nobody',
  'Condition?subject:missing=true': '',
  'Condition?patient:missing=true': 'of-group',
}
for (const [query, expected] of Object.entries(cases))
  t.test(`${query} finds those without one, whatever stands in its place`, async t => {
    t.equal(await found(`${query}&_count=50`), expected)
  })

t.test('Observations without a subject are found without looking at those of patients', async t => {
  for (const query of ['subject:missing=true', 'patient:missing=true&_sort=-date']) {
    const search = parseSearch(loadRegistry(), 'Observation', new URLSearchParams(`${query}&_count=20`))
    const asking = { access: fullAccess, classes: openCodeClasses(), commonTokens: () => false }
    const keys = keysInOrder({ search, at: undefined }, sourceOf(asking, search, { inOwnOrder: true }))
    const steps = await planOf(database, sql.fragment`WITH ${keys} SELECT pk FROM page`, { analyze: true })
    t.equal(rowsLookedAt(steps, 'observation'), 3, query)
  }
})
