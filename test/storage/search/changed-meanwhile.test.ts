import { randomBytes } from 'node:crypto'
import type { AuditEvent, Basic, Group, Observation, Patient, Resource } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../../src/access/access.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import type { Search } from '../../../src/search/search.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { lastObservations } from '../../../src/storage/figures/lastn.ts'
import { searchPage } from '../../../src/storage/search/search.ts'
import { sql } from '../../../src/storage/sql.ts'
import type { Page, Stored } from '../../../src/storage/store.ts'
import { eventsIn } from '../../../src/storage/subscription/subscription-event.ts'
import { openFullStore } from '../../support/full-store.ts'

const { database, registry, classes, store, close, ...full } = await openFullStore()
t.teardown(close)
t.setTimeout(240_000)
const searching = full.searching()

type Kept = Resource & { readonly id: string }
const put = async (resources: readonly Kept[]) => {
  for (const one of await store.write(resources.map(resource => ({ kind: 'update', id: resource.id, resource }))))
    if (one.outcome === 'refused') throw one.error
}
const remove = async (type: Resource['resourceType'], ids: readonly string[]) => {
  await store.write(ids.map(id => ({ kind: 'delete', type, id })))
}

/** Half as long when stored, so whether it fits is not known before it is loaded. */
const longText = Array.from({ length: 120 }, () => randomBytes(750).toString('base64').repeat(2)).join('')
const long = { extension: [{ url: 'http://example.org/long', valueString: longText }] }
/** With everything there is room for in one answer. */
const longer = { extension: [{ url: 'http://example.org/long', valueString: longText.repeat(5) }] }
const basic = (id: string, text: string): Basic & Kept => ({ resourceType: 'Basic', id, code: { text }, ...long })
const room = 800_000
const asked = (path: string, more: Partial<Search> = {}): Search => {
  const [type = '', query] = path.split('?')
  const parsed = parseSearch(registry, type as Resource['resourceType'], new URLSearchParams(query))
  return { ...parsed, count: 10, room, ...more }
}

/** A connection that makes `change` just before the statement with this number. */
const before = (number: number, change: () => Promise<void>): Connection => {
  let statements = 0
  const next = async () => {
    statements += 1
    if (statements === number) await change()
  }
  return {
    ...database,
    any: async query => {
      await next()
      return database.any(query)
    },
    kept: async query => {
      await next()
      return database.kept(query)
    },
  }
}
const idsOf = ({ entries }: Page) => entries.map(({ id }) => id)
const versionsOf = (found: readonly Stored[]) => found.map(({ id, versionId }) => `${id} ${versionId}`)
/** What the content says of itself, which must be what was found. */
const versionsSaid = (found: readonly Stored[]) =>
  found.map(({ content }) => JSON.parse(content)).map(({ id, meta }) => `${id} ${meta.versionId}`)

t.test('a match that is deleted after it was found is left out, and does not end the page', async t => {
  await put(['m0', 'm1', 'm2', 'm3'].map(id => basic(id, 'moving')))
  const search = asked('Basic?code:text=moving')
  t.equal((await store.search(search)).entries.length, 3, 'there is room for three of four')
  const page = await searchPage(
    before(2, () => remove('Basic', ['m2'])),
    searching,
    search,
  )
  t.same([idsOf(page), page.next], [['m3', 'm1', 'm0'], undefined])
})

t.test('a total counts what is on the page, also if more is written or deleted before it is counted', async t => {
  const plain = (id: string): Basic & Kept => ({ resourceType: 'Basic', id, code: { text: 'counted' } })
  await put(['c0', 'c1', 'c2'].map(plain))
  const totals: unknown[] = []
  for (const [change, more] of [
    [() => put([plain('c3')]), {}],
    [() => remove('Basic', ['c3']), {}],
    [() => remove('Basic', ['c0', 'c1']), { count: 2 }],
  ] as const) {
    const search = asked('Basic?code:text=counted&_total=accurate', more)
    for (const statement of [1, 2, 3]) {
      const page = await searchPage(before(statement, change), searching, search)
      totals.push([page.entries.length, page.total, page.next !== undefined])
      await put(['c0', 'c1', 'c2'].map(plain))
      await remove('Basic', ['c3'])
    }
  }
  for (const [length, total, goesOn] of totals as readonly (readonly [number, number, boolean])[])
    t.ok(goesOn ? total > length : total === length, JSON.stringify(totals))
})

const kinds: Readonly<Record<string, (id: string) => Kept>> = {
  Basic: id => basic(id, 'updated'),
  Patient: (id): Patient & Kept => ({ resourceType: 'Patient', id, ...long }),
  // Not everything that is served of it is in its row.
  Group: (id): Group & Kept => ({ resourceType: 'Group', id, type: 'person', actual: true, ...long }),
  // Some of these are in no table of their own.
  AuditEvent: (id): AuditEvent & Kept => ({
    resourceType: 'AuditEvent',
    id,
    type: { code: 'rest' },
    recorded: '2026-01-01T08:00:00Z',
    agent: [{ requestor: true }],
    source: { observer: { display: 'here' } },
    ...long,
  }),
  Observation: (id): Observation & Kept => ({
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
    subject: { reference: 'Patient/p0' },
    effectiveDateTime: '2026-01-01T08:00:00Z',
    ...long,
  }),
}
const ids = ['p0', 'p1', 'p2']
await put(ids.map(id => kinds.Patient?.(id) as Kept))

for (const [type, make] of Object.entries(kinds)) {
  t.test(`a match that is updated after it was found is answered as it was found: ${type}`, async t => {
    const resources = ids.map(make)
    await put(resources)
    const search = asked(`${type}?_id=p0,p1,p2`)
    const found = (await store.search(search)).entries
    t.equal(found.length, 3)
    const update = () => put(resources.map(one => ({ ...one, language: 'de' })))
    const page = await searchPage(before(2, update), searching, search)
    t.same([versionsOf(page.entries), page.next], [versionsOf(found), undefined])
    t.same(versionsSaid(page.entries), versionsOf(found), 'with the content that it had then')
    t.not(
      versionsOf((await store.search(search)).entries).join(),
      versionsOf(found).join(),
      'and from then on as it is now',
    )
  })
}

t.test('if all of a page is deleted, what comes after it is answered', async t => {
  const all = ['d0', 'd1', 'd2', 'd3', 'd4', 'd5']
  const search = asked('Basic?code:text=vanishing', { count: 2 })
  await put(all.map(id => basic(id, 'vanishing')))
  const page = await searchPage(
    before(2, () => remove('Basic', ['d5', 'd4'])),
    searching,
    search,
  )
  t.same(idsOf(page), ['d3', 'd2'])
  t.same(idsOf(await store.search({ ...search, cursor: page.next })), ['d1', 'd0'])

  await put(all.map(id => basic(id, 'vanishing')))
  const last = await store.search({ ...search, cursor: (await store.search({ ...search, skip: 1 })).next })
  t.same(idsOf(last), ['d1', 'd0'])
  const back = await searchPage(
    before(2, () => remove('Basic', ['d3', 'd2'])),
    searching,
    { ...search, cursor: last.previous },
  )
  t.same([idsOf(back), back.previous], [['d5', 'd4'], undefined], 'and backwards, too')
  t.same(idsOf(await store.search({ ...search, cursor: back.next })), ['d1', 'd0'])

  const none = await searchPage(
    before(2, () => remove('Basic', all)),
    searching,
    { ...search, count: 10 },
  )
  t.same([idsOf(none), none.next], [[], undefined], 'nothing comes after everything')
})

t.test('an included resource is answered as it was found, and its deletion is not reported as left out', async t => {
  const observation = kinds.Observation?.('with-patient') as Kept
  const patient = kinds.Patient?.('p0') as Patient & Kept
  const { extension: _, ...short } = observation as Observation & Kept
  await put([patient, short])
  const search = asked('Observation?_id=with-patient&_include=Observation:patient')
  const found = await store.search(search)
  // The statements: the matches, what they refer to, the Patients without content, their content.
  const meanwhile = (change: () => Promise<void>) => searchPage(before(4, change), searching, search)
  const updated = await meanwhile(() => put([{ ...patient, active: true }]))
  t.same([versionsSaid(updated.included), updated.leftOut], [versionsOf(found.included), false])
  const deleted = await meanwhile(() => remove('Patient', ['p0']))
  t.same([idsOf(deleted), deleted.included, deleted.leftOut], [['with-patient'], [], false])
  await put([patient])
})

t.test('an update meanwhile does not make $lastn refuse its answer as too long', async t => {
  const observation: Observation & Kept = {
    ...(kinds.Observation?.('latest') as Observation & Kept),
    subject: { reference: 'Patient/p1' },
    ...longer,
  }
  const other = { ...observation, id: 'latest-too' }
  await put([observation, other])
  const latest = (connection: Connection) =>
    lastObservations(connection, searching, { where: { kind: 'all' }, patients: ['p1'], max: 1, applied: [] })
  const found = await latest(database)
  t.equal(found.length, 2)
  const update = () => put([observation, other].map(one => ({ ...one, language: 'de' })))
  t.same(versionsSaid(await latest(before(2, update))), versionsOf(found))
})

t.test('an event is not lost if its resource changes while its content is loaded', async t => {
  const told = ['e1', 'e2', 'e3', 'e4']
  const texts = told.map(id => ({ ...basic(id, 'told'), ...longer }))
  await put(texts)
  for (const [index, id] of told.entries())
    await database.run(sql.fragment`
      INSERT INTO subscription_event (subscription, number, patient_id, pk)
      SELECT 'told', ${index + 1}, patient_id, pk FROM basic WHERE id = ${id}`)
  const question = { type: 'Basic', where: { kind: 'all' }, access: fullAccess } as const
  const range = { after: 0, until: 10, limit: 3, whole: true }
  const events = await eventsIn(
    before(2, async () => {
      await put(texts.slice(0, 1).map(one => ({ ...one, language: 'de' })))
      await remove('Basic', ['e2', 'e4'])
    }),
    { registry, classes },
    question,
    'told',
    range,
  )
  t.same(
    events.map(({ number, focus }) => [number, focus && `${focus.id} ${focus.version}`]),
    [
      [1, 'e1 1'],
      [2, undefined],
      [3, 'e3 1'],
    ],
  )
})
