import type { Bundle, ResourceType } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { openCodeClasses } from '../../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../../src/fhir/registry.ts'
import { inCompartment } from '../../../src/search/compartment.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import type { Search } from '../../../src/search/search.ts'
import { sparingMatchless } from '../../../src/storage/search/matchless.ts'
import { load } from '../../oracle/loading.ts'
import { makeLeast, makeReferring } from '../../oracle/made.ts'
import { fhirWorld } from '../../support/fhir-server.ts'

const registry = loadRegistry()
const { server, database, token } = await fhirWorld()
t.teardown(() => server.close())
t.setTimeout(240_000)

// The record of these requests grows while they are made.
const types = registry.resourceTypes.filter(
  type => type !== 'AuditEvent' && registry.compartmentParameters('Patient', type).length > 0,
)
const linked = types.flatMap(type =>
  registry
    .compartmentParameters('Patient', type)
    .flatMap((code, index) => makeReferring(type, code, { id: `by-${code}-${index}`, to: 'Patient/ann' })),
)
await load(server, [
  ...['ann', 'bob', 'eve'].map(id => makeLeast('Patient', id)),
  ...types.filter(type => type !== 'Patient').map(type => makeLeast(type, 'of-nobody')),
])
const { stored, refused } = await load(server, linked)
await load(server, [
  ...makeReferring('Flag', 'subject', { id: 'bobs', to: 'Patient/bob' }),
  ...makeReferring('Observation', 'performer', { id: 'bobs', to: 'Patient/bob' }),
])

const send = (bearer: string, url: string) =>
  server.inject({ url: `/fhir/${url}`, headers: { authorization: `Bearer ${bearer}` } })
const matchesIn = (bundle: Bundle): readonly string[] =>
  (bundle.entry ?? []).flatMap(({ resource, search }) =>
    search?.mode === 'match' && resource?.resourceType !== 'AuditEvent'
      ? `${resource?.resourceType}/${resource?.id}`
      : [],
  )
/** Each type searched alone, which must find the same. */
const oneByOne = async (bearer: string, patient: string): Promise<readonly string[]> => {
  const found: string[] = []
  for (const type of types) {
    const answer = await send(bearer, `Patient/${patient}/${type}?_count=1000`)
    if (answer.statusCode !== 403) found.push(...matchesIn(answer.json()))
  }
  return found.sort()
}

t.test('nothing in a compartment is left out, whichever link puts it there', async t => {
  const callers = {
    'who may see all': 'everything',
    'a patient': await token({ subject: { kind: 'patient', patient: 'ann' }, scope: 'patient/*.rs' }),
    'an app of theirs for some types': await token({
      subject: { kind: 'patient', patient: 'ann' },
      scope: 'patient/Patient.rs patient/Goal.rs patient/Observation.rs patient/Group.rs',
    }),
    'an administrator': await token({ subject: { kind: 'administrator' }, scope: 'user/*.rs' }),
  }
  for (const [who, bearer] of Object.entries(callers))
    for (const patient of ['ann', 'bob', 'eve']) {
      const each = await oneByOne(bearer, patient)
      const everything = await send(bearer, `Patient/${patient}/$everything`)
      const isSeen = everything.statusCode === 200
      t.strictSame(isSeen ? matchesIn(everything.json()).toSorted() : [], each, `${who}: ${patient}`)
      const whole = await send(bearer, `Patient/${patient}/*?_count=1000`)
      if (whole.statusCode === 200) t.strictSame(matchesIn(whole.json()).toSorted(), each, `${who}: ${patient}/*`)
    }
  const all = new Set(await oneByOne('everything', 'ann'))
  t.strictSame(
    stored.map(({ resourceType, id }) => `${resourceType}/${id}`).filter(one => !all.has(one)),
    [],
    'each link leads into the compartment',
  )
  t.strictSame(Object.keys(refused), ['Patient/by-_id-0', 'RequestGroup/by-participant-1'], 'these are invalid')
  t.strictSame(await oneByOne('everything', 'bob'), ['Flag/bobs', 'Observation/bobs', 'Patient/bob'])
})

t.test('pages contain the same, and their total counts it', async t => {
  const paged: string[] = []
  for (let url: string | undefined = 'Patient/ann/*?_count=7&_total=accurate'; url !== undefined; ) {
    const bundle: Bundle = (await send('everything', url)).json()
    paged.push(...matchesIn(bundle))
    url = bundle.link?.find(({ relation }) => relation === 'next')?.url.split('/fhir/')[1]
  }
  t.strictSame(paged.toSorted(), await oneByOne('everything', 'ann'))
  const among = 'Flag,Goal,Observation,Patient'
  t.match((await send('everything', `Patient/bob/*?_type=${among}&_total=accurate&_count=1`)).json(), { total: 3 })
  t.match((await send('everything', `Patient/eve/*?_type=${among}&_summary=count`)).json(), { total: 1 })
})

t.test('what is refused is refused even if nothing would be found', async t => {
  const scopes = 'patient/Flag.rs patient/Goal.rs'
  const narrow = await token({ subject: { kind: 'patient', patient: 'eve' }, scope: scopes })
  t.equal((await send(narrow, 'Patient/eve/*')).statusCode, 403, 'it would tell whether the Patient exists')
  const unknown = 'code:in=http://nowhere.example/ValueSet/x'
  const [alone, among] = [
    await send('everything', `Patient/eve/Condition?${unknown}`),
    await send('everything', `Patient/eve/*?_type=Condition,Procedure&${unknown}`),
  ]
  t.equal(alone.statusCode >= 400, true)
  t.strictSame(among.json().issue[0].diagnostics, alone.json().issue[0].diagnostics)
})

t.test('only types that may have matches are searched', async t => {
  const searched = async (patient: string, asked: readonly ResourceType[]): Promise<readonly string[]> => {
    const searches = asked.map((type): Search => {
      const where = inCompartment(registry, { compartment: 'Patient', id: patient }, type) ?? { kind: 'none' }
      return { ...parseSearch(registry, type, new URLSearchParams({ _total: 'accurate' })), where }
    })
    const found: string[] = []
    const search = async ({ type }: Search) => {
      found.push(type)
      return { entries: [], included: [], leftOut: false }
    }
    const asking = { access: fullAccess, classes: openCodeClasses() }
    const sparing = sparingMatchless(database, asking, searches, { search })
    for (const one of searches) await sparing.search(one)
    const other = parseSearch(registry, 'Goal', new URLSearchParams({ _id: 'x' }))
    await sparing.search(other)
    return found
  }
  const asked = ['Condition', 'Flag', 'Goal', 'Group', 'Observation', 'Patient', 'Procedure'] as const
  const always = ['Group', 'Observation', 'Patient', 'Goal']
  t.strictSame(
    await searched('eve', asked),
    always,
    'Groups have members by studies as well; and what was not told ahead',
  )
  t.strictSame(await searched('bob', asked), ['Flag', ...always])
  t.strictSame(await searched('bob', ['Goal']), ['Goal', 'Goal'], 'a single type is searched at once')
})
