import type { Observation } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { openApps } from './world.ts'

/**
 * What tokens with random scopes find, compared with SMART's rules in plain JavaScript: scopes are a union, criteria within one are an intersection.
 */
const world = await openApps()
const { server, ann, bob, create, send, token } = world
t.teardown(() => server.close())

const seed = 20260401
const runs = 120
const system = 'http://example.org/codes'
const [codes, categories, statuses] = [
  ['a', 'b', 'c'],
  ['lab', 'vital'],
  ['final', 'preliminary'],
] as const

type Row = { readonly id: string; readonly code: string; readonly category: string; readonly status: string }

const annsRows: Row[] = []
const bobsIds: string[] = []
for (const code of codes)
  for (const category of categories)
    for (const status of statuses)
      for (const patient of [ann, bob]) {
        const observation: Observation = {
          resourceType: 'Observation',
          status,
          subject: { reference: `Patient/${patient}` },
          code: { coding: [{ system, code }] },
          category: [{ coding: [{ system, code: category }] }],
        }
        const { id } = await create('everything', observation)
        if (patient === ann) annsRows.push({ id, code, category, status })
        else bobsIds.push(id)
      }

/** `code=a,b&status=final`: any of the values, and all of the parameters. */
type Query = readonly (readonly [name: 'code' | 'category' | 'status', values: readonly string[]])[]
type ScopeAsked = { readonly letters: string; readonly type: 'Observation' | '*'; readonly query: Query }

const values = { code: codes, category: categories, status: statuses }
const condition = fc
  .constantFrom('code', 'category', 'status')
  .chain(name => fc.tuple(fc.constant(name), fc.subarray([...values[name]], { minLength: 1, maxLength: 2 })))
const query = fc.array(condition, { maxLength: 3 })
const scope = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      letters: fc.constantFrom('rs', 'r', 's', 'cud', 'crs'),
      type: fc.constant('Observation' as const),
      query,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      letters: fc.constantFrom('rs', 'r', 'u'),
      type: fc.constant('*' as const),
      query: fc.constant([]),
    }),
  },
)
const scopes = fc.array(scope, { minLength: 1, maxLength: 4 })

const printQuery = (asked: Query): string =>
  asked
    .map(([name, of]) => `${name}=${of.map(one => (name === 'status' ? one : `${system}|${one}`)).join(',')}`)
    .join('&')
const printScope = ({ letters, type, query }: ScopeAsked): string =>
  `patient/${type}.${letters}${query.length === 0 ? '' : `?${printQuery(query)}`}`
const holds = (asked: Query, row: Row): boolean => asked.every(([name, of]) => of.includes(row[name]))
const allowed = (letter: string, granted: readonly ScopeAsked[], row: Row): boolean =>
  granted.some(({ letters, query }) => letters.includes(letter) && holds(query, row))

const tokenFor = (granted: readonly ScopeAsked[], more = '') =>
  token({ subject: { kind: 'patient', patient: ann }, scope: `${granted.map(printScope).join(' ')}${more}` })
const idsIn = (body: { entry?: { resource: { resourceType: string; id: string } }[] }): readonly string[] =>
  (body.entry ?? []).flatMap(({ resource }) => (resource.resourceType === 'Observation' ? [resource.id] : [])).sort()

/** The ids, or the status of a refusal. */
const search = async (bearer: string, asked: Query): Promise<readonly string[] | number> => {
  const answer = await send(bearer, 'GET', `Observation?_count=100&${printQuery(asked)}`)
  return answer.statusCode === 200 ? idsIn(answer.json()) : answer.statusCode
}
const expected = (granted: readonly ScopeAsked[], asked: Query): readonly string[] | number =>
  granted.some(({ letters }) => letters.includes('s'))
    ? annsRows.flatMap(row => (holds(asked, row) && allowed('s', granted, row) ? [row.id] : [])).sort()
    : 403

t.test('a search finds what belongs to the patient, matches the search, and is in any of the scopes', async t => {
  await fc.assert(
    fc.asyncProperty(scopes, query, async (granted, asked) => {
      t.strictSame(
        await search(await tokenFor(granted), asked),
        expected(granted, asked),
        granted.map(printScope).join(' '),
      )
    }),
    { seed, numRuns: runs },
  )
})

t.test('scopes in another order, or repeated, change nothing; more of them never give less', async t => {
  await fc.assert(
    fc.asyncProperty(scopes, scopes, query, async (granted, more, asked) => {
      const found = await search(await tokenFor(granted), asked)
      t.strictSame(await search(await tokenFor([...granted].reverse()), asked), found)
      t.strictSame(await search(await tokenFor([...granted, ...granted]), asked), found)
      const wider = await search(await tokenFor([...more, ...granted]), asked)
      if (typeof found === 'number') return
      t.ok(typeof wider !== 'number' && found.every(id => wider.includes(id)))
    }),
    { seed, numRuns: runs / 2 },
  )
})

t.test('a read is answered if a scope with r covers it, else 404, or 403 if no scope has r', async t => {
  await fc.assert(
    fc.asyncProperty(scopes, fc.constantFrom(...annsRows), async (granted, row) => {
      const bearer = await tokenFor(granted)
      const any = granted.some(({ letters }) => letters.includes('r'))
      const status = async (id: string) => (await send(bearer, 'GET', `Observation/${id}`)).statusCode
      t.equal(await status(row.id), any ? (allowed('r', granted, row) ? 200 : 404) : 403)
      t.equal(await status(bobsIds[0] ?? ''), any ? 404 : 403, 'another patient’s')
    }),
    { seed, numRuns: runs },
  )
})

t.test('included resources, _has and totals stay within the same scopes', async t => {
  await fc.assert(
    fc.asyncProperty(scopes, query, async (granted, asked) => {
      const bearer = await tokenFor(granted, ' patient/Patient.rs')
      const within = expected(granted, [])
      const along = await send(bearer, 'GET', 'Patient?_revinclude=Observation:subject')
      t.strictSame(idsIn(along.json()), typeof within === 'number' ? [] : within)
      const counted = await send(bearer, 'GET', `Observation?_summary=count&${printQuery(asked)}`)
      const found = expected(granted, asked)
      if (typeof found === 'number') t.equal(counted.statusCode, 403)
      else t.equal(counted.json().total, found.length)
      const has = await send(bearer, 'GET', `Patient?_has:Observation:subject:code=${system}|a`)
      const known = expected(granted, [['code', ['a']]])
      if (typeof known === 'number') t.equal(has.statusCode, 403)
      else t.equal((has.json().entry ?? []).length, known.length === 0 ? 0 : 1)
    }),
    { seed, numRuns: runs / 2 },
  )
})

t.test('a write must be within a scope before and after', async t => {
  const bearer = await token({
    subject: { kind: 'patient', patient: ann },
    scope: `patient/Observation.cruds?code=${system}|a`,
  })
  const row = annsRows.find(({ code }) => code === 'a')
  const other = annsRows.find(({ code }) => code === 'b')
  const observation = (code: string, id?: string) => ({
    resourceType: 'Observation',
    ...(id === undefined ? {} : { id }),
    status: 'final',
    subject: { reference: `Patient/${ann}` },
    code: { coding: [{ system, code }] },
  })
  const put = async (id: string | undefined, code: string) =>
    (await send(bearer, 'PUT', `Observation/${id}`, observation(code, id))).statusCode
  t.equal((await send(bearer, 'POST', 'Observation', observation('b'))).statusCode, 403)
  t.equal(await put(row?.id, 'b'), 403, 'out of the scope')
  t.equal(await put(other?.id, 'a'), 404, 'into it')
})
