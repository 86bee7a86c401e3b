import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type FormatOptionsWithLanguage, format } from 'sql-formatter'
import t from 'tap'
import { accessOf } from '../../../src/access/rules.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { parseCriteria, parseSearch } from '../../../src/search/parse.ts'
import type { Search } from '../../../src/search/search.ts'
import { openCallers } from '../../../src/storage/authorization/callers.ts'
import type { Database } from '../../../src/storage/database.ts'
import { openStores } from '../../../src/storage/open-stores.ts'
import type { SqlFragment } from '../../../src/storage/sql.ts'
import { at, point, upload } from '../../mhealth/upload.ts'
import { openStudies } from '../../support/study.ts'

const folder = join(import.meta.dirname, 'golden')

/** The hardest searches, each as a member of a study's staff asks it: their names are those of the files. */
const searches: Readonly<Record<string, string>> = {
  chain: 'Observation?subject:Patient.name=ann',
  'reverse-chain': 'Patient?_has:Observation:patient:code=2339-0',
  'consented-code-date-sort': 'Observation?code=2339-0&date=ge2026-01-01&_sort=-date',
  'include-iterate': 'Observation?_include=Observation:patient&_include:iterate=Patient:organization',
  composite: 'Observation?code-value-quantity=2339-0$gt90|http://unitsofmeasure.org|mg/dL',
  'in-value-set': 'Observation?code:in=https://sharewell.dev/fhir/ValueSet/kind-omh-blood-glucose',
  'sorted-by-two': 'Patient?organization.name=lab&_sort=family,-birthdate',
  filter: 'Patient?_filter=(name co "an" and birthdate ge 1970-01-01) or gender eq female',
  'several-patients': 'Observation?patient=ann,ben,cleo&code=2339-0,8867-4&date=ge2026-01-01',
  'page-after-cursor': 'Observation?code=2339-0&_sort=-date&_count=1',
}

const world = await openStudies()
const { server, database, institution, study, participant, patientToken, staffToken, send } = world
t.teardown(() => server.close())
const { organization, manager } = await institution('lab')
const sugar = await study(manager, organization, 'Sugar', ['omh:blood-glucose'])
for (const name of ['Ann', 'Ben']) {
  const patient = await participant(manager, organization, sugar.id, ['omh:blood-glucose'], name)
  const body = { blood_glucose: { value: 95, unit: 'mg/dL' }, effective_time_frame: at }
  const document = point('omh:blood-glucose:4.0', body)
  await send(
    await patientToken(patient, 'patient/*.cruds'),
    'POST',
    'Observation',
    upload(document, { subject: { reference: `Patient/${patient}` }, device: undefined }),
  )
}
const caller = await openCallers(database).find(await staffToken(sugar.researcher, 'user/*.rs'))
if (caller === undefined) throw new Error('the researcher has no token')

const registry = loadRegistry()
const asked: SqlFragment[] = []
/** Notes each statement that is asked of it. */
const noting = (database: Database): Database => ({
  ...database,
  any: query => database.any(noted(query)),
  kept: query => database.kept(noted(query)),
  one: query => database.one(noted(query)),
  maybeOne: query => database.maybeOne(noted(query)),
})
const noted = (query: SqlFragment): SqlFragment => {
  asked.push(query)
  return query
}
const storeOf = await openStores({
  database: noting(database),
  dictionaryConnection: database,
  registry,
  classes: openCodeClasses(),
})
const base = 'http://localhost:8080/fhir'
const store = storeOf({
  access: accessOf(caller, registry, (type, query) => parseCriteria(registry, type, query, { base, isOfItself: true })),
  author: caller.principal,
  organizations: caller.organizations,
  choosesIds: false,
  choosesOwner: false,
})

const searchOf = (query: string): Search => {
  const [type = '', criteria = ''] = query.split(/\?(.*)/s)
  if (!registry.isResourceType(type)) throw new Error(`${type} is no type`)
  return parseSearch(registry, type, new URLSearchParams(criteria))
}

const pageAfter = async (search: Search): Promise<Search> => {
  const { next: cursor } = await store.search(search)
  if (cursor === undefined) throw new Error('there is no other page')
  return { ...search, cursor }
}

const statementsOf = async (search: Search): Promise<readonly SqlFragment[]> => {
  // What is looked up once and then kept is not a part of the search.
  await store.search(search)
  asked.length = 0
  await store.search(search)
  return [...asked]
}

const layout: FormatOptionsWithLanguage = {
  language: 'postgresql',
  expressionWidth: 120,
  logicalOperatorNewline: 'before',
}

/** What is bound is only told by its type: it differs from run to run. */
const typeOf = (value: unknown): string => {
  if (Array.isArray(value)) return `${value.length === 0 ? 'nothing' : typeOf(value[0])}[]`
  if (value instanceof Uint8Array) return 'bytea'
  return value === null ? 'null' : typeof value
}

const shown = ({ sql, values }: SqlFragment): string =>
  `${format(sql, layout)};\n${values.map((value, place) => `-- $${place + 1}: ${typeOf(value)}\n`).join('')}`

for (const [name, query] of Object.entries(searches))
  t.test(`the SQL of ${query} is the reviewed one (run this file with --update to review another)`, async t => {
    const search = searchOf(query)
    const statements = await statementsOf(name === 'page-after-cursor' ? await pageAfter(search) : search)
    const text = `-- ${query}\n\n${statements.map(shown).join('\n')}`
    const file = join(folder, `${name}.sql`)
    if (process.argv.includes('--update')) writeFileSync(file, text)
    t.equal(text, readFileSync(file, 'utf8'))
  })

t.test('every file is that of a search', async t => {
  t.strictSame(
    readdirSync(folder).sort(),
    Object.keys(searches)
      .map(name => `${name}.sql`)
      .sort(),
  )
})
