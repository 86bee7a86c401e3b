import type { Observation } from '@medplum/fhirtypes'
import t from 'tap'
import type { Access } from '../../../src/access/access.ts'
import { systems } from '../../../src/fhir/canonical.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { openManyPatients } from '../../../src/storage/search/many-patients.ts'
import { pageByPatient, pageStatement } from '../../../src/storage/search/page-statement.ts'
import { searchPage } from '../../../src/storage/search/search.ts'
import { sourceOf } from '../../../src/storage/search/search-source.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import { planOf, rowsLookedAt } from '../../support/plan.ts'
import { openStudies } from '../../support/study.ts'

const { server, database, institution, study, participant, staffToken, create, send, pages, patientToken } =
  await openStudies()
t.teardown(() => server.close())

const kinds = ['omh:heart-rate', 'omh:blood-pressure'] as const
/** Each in an institution of its own. */
const studyOf = async (title: string) => {
  const { organization, manager } = await institution(title)
  const { id, researcher } = await study(manager, organization, title, kinds)
  const join = (name: string, given: readonly string[] = kinds) => participant(manager, organization, id, given, name)
  return { id, researcher, join }
}
const wide = await studyOf('wide')
const narrow = await studyOf('narrow')
const silent = await studyOf('silent')

const coded = (code: string) => ({ coding: [{ system: systems.loinc, code }] })
const millimeters = (value: number) => ({ value, unit: 'mmHg', system: systems.ucum, code: 'mm[Hg]' })
/** Each patient has heart rates and blood pressures in turns, some at the same moment as those of others. */
const observationOf = (patient: string, index: number): Observation => ({
  resourceType: 'Observation',
  status: index % 3 === 0 ? 'amended' : 'final',
  subject: { reference: `Patient/${patient}` },
  effectiveDateTime: `2026-01-${10 + index}T0${index}:00:00Z`,
  ...(index % 2 === 0
    ? { code: coded('8867-4'), valueQuantity: { value: 60 + index, system: systems.ucum, code: '/min' } }
    : {
        code: coded('85354-9'),
        component: [
          { code: coded('8480-6'), valueQuantity: millimeters(110 + index) },
          { code: coded('8462-4'), valueQuantity: millimeters(70) },
        ],
      }),
})

const perPatient = 8
const patients: string[] = []
for (let number = 0; number < 30; number += 1) {
  const patient = await wide.join(`p${number}`)
  patients.push(patient)
  const app = await patientToken(patient, 'patient/*.cruds')
  for (let index = 0; index < perPatient; index += 1) await create(app, observationOf(patient, index))
}
const few = [await narrow.join('n0'), await narrow.join('n1', ['omh:blood-pressure'])]
for (const patient of few) {
  const app = await patientToken(patient, 'patient/*.cruds')
  for (let index = 0; index < perPatient; index += 1)
    await send(app, 'POST', 'Observation', observationOf(patient, index))
}
// What a patient does not share lies among what they do.
for (const index of [0, 2, 4, 6]) await create('everything', observationOf(few[1] ?? '', index))
/** Of two classes at once. */
const both = (patient: string, index: number): Observation => ({
  ...observationOf(patient, index),
  effectiveDateTime: `2026-01-${10 + index}T0${index}:00:00Z`,
  code: { coding: [...coded('8867-4').coding, ...coded('29463-7').coding] },
})
for (const [index, patient] of patients.slice(0, 3).entries()) await create('everything', both(patient, index))
const everybody = [...patients, ...few].join(',')
/** More classes than are merged; nobody has most of them. */
const manyCodes = ['8867-4', '85354-9', ...Array.from({ length: 40 }, (_, index) => `none-${index}`)]
  .map(code => `${systems.loinc}|${code}`)
  .join(',')

const queries = [
  '',
  `code=${systems.loinc}|8867-4`,
  'code=omh:heart-rate',
  `code=${systems.loinc}|85354-9&status=final`,
  `component-code-value-quantity=${systems.loinc}|8480-6$gt112`,
  `code=${systems.loinc}|8867-4&value-quantity=gt62`,
  'date=ge2026-01-12&date=lt2026-01-16',
  'status=amended',
  `code:not=${systems.loinc}|8867-4`,
  `code=${systems.loinc}|8867-4,${systems.loinc}|85354-9`,
  'code=omh:heart-rate,omh:body-weight',
  `code=omh:heart-rate,${systems.loinc}|8480-6`,
  'code=omh:heart-rate,omh:blood-pressure&status=final&date=ge2026-01-12',
  `code=omh:heart-rate,omh:blood-pressure&code=${systems.loinc}|8867-4,${systems.loinc}|29463-7`,
  `code=omh:heart-rate,${systems.loinc}|85354-9&value-quantity=gt62`,
  `code=${manyCodes}`,
  'code=8867-4,no-such-code,85354-9',
]

for (const [name, one] of Object.entries({ wide, narrow, silent }))
  for (const query of queries)
    t.test(`the ${name} study has the same in the same order as if all patients are named: ${query}`, async t => {
      const token = await staffToken(one.researcher, 'user/*.rs')
      const idsOf = async (asked: string) => (await pages(token, asked)).map(({ resource }) => resource.id)
      const named = await idsOf(`Observation?patient=${everybody}&${query}&_count=50`)
      t.equal(named.length > 0, name !== 'silent')
      for (const count of [3, 50]) t.strictSame(await idsOf(`Observation?${query}&_count=${count}`), named)
      for (const total of ['accurate', 'estimate'])
        t.equal((await send(token, 'GET', `Observation?${query}&_total=${total}`)).json().total, named.length, total)
    })

type Page = {
  readonly entry: readonly { readonly resource: Observation }[]
  readonly link: readonly { readonly relation: string; readonly url: string }[]
}

for (const [of, { researcher }, query] of [
  ['few', narrow, ''],
  ['many', wide, ''],
  ['several codes', wide, 'code=omh:heart-rate,omh:body-weight&'],
] as const)
  t.test(`going back from the last page shows the same pages: ${of}`, async t => {
    const token = await staffToken(researcher, 'user/*.rs')
    const seen: Record<'next' | 'previous', string[]> = { next: [], previous: [] }
    let url: string | undefined = `Observation?${query}_count=3`
    for (const relation of ['next', 'previous'] as const) {
      for (let at: string | undefined = url; at !== undefined; ) {
        url = at
        const bundle: Page = (await send(token, 'GET', at)).json()
        seen[relation].push(bundle.entry.map(({ resource }) => resource.id).join())
        at = bundle.link.find(link => link.relation === relation)?.url
      }
    }
    t.ok(seen.next.length > 3)
    t.strictSame(seen.previous.toReversed(), seen.next)
    const first: Page = (await send(token, 'GET', url ?? '')).json()
    t.ok(
      first.link.some(({ relation }) => relation === 'next'),
      'and forward again',
    )
  })

const registry = loadRegistry()
const classes = openCodeClasses()
const asking = (one: typeof wide) => {
  const access: Access = (action, type) =>
    type === 'Observation'
      ? { kind: 'consented', action, to: { kind: 'practitioner', id: one.researcher.practitioner }, study: one.id }
      : { kind: 'none' }
  return { registry, classes, access, commonTokens: () => false, manyPatients: openManyPatients(), typeId: () => 0 }
}
const searchOf = (query: string) => parseSearch(registry, 'Observation', new URLSearchParams(query))

t.test('somebody with few patients is answered without looking at the rows of other patients', async t => {
  const search = searchOf(`code=${systems.loinc}|85354-9&_count=2`)
  const source = sourceOf(asking(narrow), search, { inOwnOrder: true })
  const page = { search, at: undefined, content: sql.fragment`'{}'` }
  const lookedAt = async (statement: SqlFragment) =>
    rowsLookedAt(await planOf(database, statement, { analyze: true }), 'observation_code')
  const { byPatient } = source
  const rows = byPatient === undefined ? 0 : await lookedAt(pageByPatient(page, source, byPatient))
  t.ok(rows > 0 && rows <= few.length * perPatient, `${rows}`)
  t.ok((await lookedAt(pageStatement(page, source))) > patients.length, 'the page in order of time does look at them')
})

t.test('a search goes patient by patient only if nothing else finds the rows sooner', async t => {
  const isByPatient = (query: string) =>
    sourceOf(asking(narrow), searchOf(query), { inOwnOrder: true }).byPatient !== undefined
  for (const query of queries.filter(one => !one.includes('status='))) t.ok(isByPatient(query), query)
  for (const query of [
    `patient=${few[0]}`,
    `subject=Patient/${few[0]}&code=8867-4`,
    `patient=${everybody}`,
    'status=final',
    'identifier=https://numbers.example|1',
    `_id=${few[0]}`,
  ])
    t.notOk(isByPatient(query), query)
})

/** A connection that keeps the statements. */
const noting = () => {
  const statements: string[] = []
  const noted = (query: Parameters<typeof database.any>[0]) => {
    statements.push(query.sql)
    return query
  }
  const connection = {
    ...database,
    any: <Row>(query: Parameters<typeof database.any>[0]) => database.any<Row>(noted(query)),
    kept: <Row>(query: Parameters<typeof database.kept>[0]) => database.kept<Row>(noted(query)),
  }
  return { connection, statements }
}

t.test('latest first is the order that Observations have anyway, and uses the same statement', async t => {
  const [own, asked] = [noting(), noting()]
  const found = await searchPage(own.connection, asking(narrow), searchOf('code=omh:blood-pressure'))
  const sorted = await searchPage(asked.connection, asking(narrow), searchOf('code=omh:blood-pressure&_sort=-date'))
  const [one, other] = [sorted, found].map(({ after: _, ...page }) => page)
  t.strictSame(one, other)
  t.strictSame(asked.statements, own.statements)
})

t.test('that there are many patients is remembered for a minute, and then counted again', async t => {
  let now = 1
  const searching = { ...asking(wide), manyPatients: openManyPatients({ now: () => now }) }
  const statements: number[] = []
  for (const at of [1, 60_001, 60_002, 60_003]) {
    now = at
    const { connection, statements: asked } = noting()
    const { entries } = await searchPage(connection, searching, searchOf('code=omh:heart-rate&_count=5'))
    t.equal(entries.length, 5)
    statements.push(asked.length)
  }
  t.strictSame(statements, [2, 1, 2, 1])
})

t.test('of too many names, the one that was noted first is forgotten', async t => {
  const many = openManyPatients({ now: () => 1, mostNames: 2 })
  for (const name of ['a', 'b', 'c']) many.note(name)
  t.strictSame(['a', 'b', 'c'].map(many.has), [false, true, true])
})

t.test('many patients are read one by one if all their data is less than a page', async t => {
  await database.run(sql.fragment`ANALYZE observation`)
  const statementsFor = async (count: number) => {
    const { connection, statements } = noting()
    await searchPage(connection, asking(wide), searchOf(`_count=${count}`))
    return statements.length
  }
  t.strictSame([await statementsFor(5), await statementsFor(1000)], [2, 1])
})
