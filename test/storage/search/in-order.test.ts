import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import type { Access } from '../../../src/access/access.ts'
import { systems } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { openManyPatients } from '../../../src/storage/search/many-patients.ts'
import { keysByPatient, keysInOrder } from '../../../src/storage/search/page-statement.ts'
import { searchPage } from '../../../src/storage/search/search.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Page } from '../../../src/storage/store.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, institution, study, participant, create, patientToken } = await openStudies()
t.teardown(() => server.close())

const kinds = ['omh:heart-rate', 'omh:body-weight'] as const
const { organization, manager } = await institution('lab')
const { id, researcher } = await study(manager, organization, 'all share', kinds)
const narrow = await study(manager, organization, 'one shares', kinds)
const coding = (code: string) => ({ system: systems.loinc, code })
const [pulse, weight] = [coding('8867-4'), coding('29463-7')]
for (const [name, of] of [
  ...['Ada', 'Bea', 'Cleo', 'Dora', 'Eva', 'Fay'].map(one => [one, id] as const),
  ['Gil', narrow.id] as const,
]) {
  const patient = await participant(manager, organization, of, kinds, name)
  const app = await patientToken(patient, 'patient/*.cruds')
  for (const [index, codings] of [[pulse], [pulse, weight], [weight], [pulse]].entries())
    await create(app, {
      resourceType: 'Observation',
      status: 'final',
      code: { coding: codings },
      subject: { reference: `Patient/${patient}` },
      effectiveDateTime: `2026-01-01T00:0${index}:00Z`,
      valueQuantity: { value: 60 + index, system: systems.ucum, code: '/min' },
    } satisfies Observation)
}
/** Each so many times, always an hour later. */
const times = 300
for (const table of [sql.fragment`observation`, sql.fragment`observation_code`])
  await database.run(sql.fragment`
    INSERT INTO ${table}
    SELECT (jsonb_populate_record(NULL::${table}, to_jsonb(row) || jsonb_build_object(
      'id', concat(to_jsonb(row) ->> 'id', '-', number), 'pk', pk + 100000 * number, 'effective_start', effective_start + number * interval '1 hour',
      'effective_end', effective_end + number * interval '1 hour'))).*
    FROM ${table} AS row, generate_series(1, ${times}) AS number`)
await database.run(sql.fragment`ANALYZE observation, observation_code`)
const perPatient = 4 * (times + 1)
const rows = 6 * perPatient

const registry = loadRegistry()
const access: Access = (action, type) =>
  type === 'Observation'
    ? { kind: 'consented', action, to: { kind: 'practitioner', id: researcher.practitioner }, study: id }
    : { kind: 'none' }
const asking = {
  registry,
  classes: openCodeClasses(),
  access,
  commonTokens: () => false,
  manyPatients: openManyPatients(),
  typeId: () => 0,
}
const searchOf = (query: string) => parseSearch(registry, 'Observation', new URLSearchParams(query))
const more = (count: number) => Array.from({ length: count }, (_, index) => `${systems.loinc}|none-${index}`).join(',')

for (const [of, query, most] of [
  ['without criteria', '', 1.2],
  ['of one code', 'code=omh:heart-rate', 1.2],
  // Rows with both codes are met twice. One in seven is not shared.
  ['of one of several codes', 'code=omh:heart-rate,omh:body-weight', 1.6],
  ['of one of many codes, few of which anybody has', `code=omh:heart-rate,omh:body-weight,${more(40)}`, 1.6],
  ['with several codes in each of two parameters', 'code=omh:heart-rate,omh:body-weight&code=29463-7,8867-4', 1.6],
] as const)
  t.test(`a page of what many share reads what it needs, and not everything: ${of}`, async t => {
    const search = searchOf(`${query}&_count=1000`)
    const keys = keysInOrder({ search, at: undefined }, sourceOf(asking, search, { inOwnOrder: true }))
    const steps = await planOf(database, sql.fragment`WITH ${keys} SELECT pk FROM page`, { analyze: true })
    const lookedAt = rowsLookedAt(steps, 'observation') + rowsLookedAt(steps, 'observation_code')
    t.ok(lookedAt > 1000 && lookedAt <= 1001 * most, `${lookedAt} of ${rows}`)
  })

t.test('if a single patient shares, only their data is read, whichever of several codes it has', async t => {
  const search = searchOf('code=omh:heart-rate,omh:body-weight&_count=20')
  const { practitioner } = narrow.researcher
  const consented: Access = action => ({
    kind: 'consented',
    action,
    to: { kind: 'practitioner', id: practitioner },
    study: narrow.id,
  })
  const source = sourceOf({ ...asking, access: consented }, search, { inOwnOrder: true })
  if (source.byPatient === undefined) throw new Error('it is not asked by patient')
  const keys = keysByPatient({ search, at: undefined }, source, source.byPatient)
  const steps = await planOf(database, sql.fragment`WITH ${keys} SELECT pk FROM page`, { analyze: true })
  const lookedAt = rowsLookedAt(steps, 'observation') + rowsLookedAt(steps, 'observation_code')
  t.ok(lookedAt >= 21 && lookedAt <= 2 * perPatient, `${lookedAt} of ${rows}`)
  const { entries } = await searchPage(database, { ...asking, access: consented }, search)
  t.equal(new Set(entries.map(one => one.id)).size, 20)
})

t.test('page by page each comes once, in order of time, whichever codes it has', async t => {
  const idsOf = async (query: string) => {
    const found: string[] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const page: Page = await searchPage(database, asking, { ...searchOf(query), ...(cursor && { cursor }) })
      found.push(...page.entries.map(({ id }) => id))
      cursor = page.next
    }
    return found
  }
  const all = await idsOf('_count=1000')
  t.equal(new Set(all).size, rows)
  t.strictSame(await idsOf('code=omh:heart-rate,omh:body-weight&_count=700'), all)
  t.strictSame(await idsOf(`code=omh:body-weight,omh:heart-rate,${more(40)}&_count=1000`), all)
})

t.test('the text of another kind of cursor, as an earlier version made it, is refused', async t => {
  for (const cursor of ['2:', '0:{"values":["2026-01-01 00:00:00+00"],"pk":"1"}', '7'])
    await t.rejects(
      searchPage(database, asking, { ...searchOf(''), cursor }),
      { name: 'FhirError', status: 400, message: 'This cursor does not belong to this search' },
      cursor,
    )
})
