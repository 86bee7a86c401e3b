import { randomBytes } from 'node:crypto'
import type { Basic, Observation, Patient, Resource } from '@medplum/fhirtypes'
import fc from 'fast-check'
import t from 'tap'
import { pageOfSeveral } from '../../../src/interactions/search/several-pages.ts'
import { parseSearch } from '../../../src/search/parse.ts'
import { roomOfPage } from '../../../src/search/room.ts'
import type { Search } from '../../../src/search/search.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { searchPage } from '../../../src/storage/search/search.ts'
import type { SqlFragment } from '../../../src/storage/sql.ts'
import type { Page } from '../../../src/storage/store.ts'
import { openFullStore } from '../../support/full-store.ts'

const { database, registry, store, searching, close } = await openFullStore()
t.teardown(close)
t.setTimeout(240_000)
const put = async (resources: readonly (Resource & { readonly id: string })[]) => {
  for (const one of await store.write(resources.map(resource => ({ kind: 'update', id: resource.id, resource }))))
    if (one.outcome === 'refused') throw one.error
}

/** Compressed when stored: a hundred times shorter, or not at all. */
const textOf = (index: number): string => {
  const length = [10, 300, 2500, 9000, 40_000, 120_000][index % 6] ?? 0
  return index % 4 === 0 ? 'x'.repeat(length) : randomBytes(length).toString('base64').slice(0, length)
}
const ids = Array.from({ length: 48 }, (_, index) => index)
const basics = ids.map((index): Basic & { readonly id: string } => ({
  resourceType: 'Basic',
  id: `b${index}`,
  code: { text: textOf(index) },
  ...(index % 5 === 0 ? {} : { created: `2026-01-${String(1 + (index % 7)).padStart(2, '0')}` }),
}))
const patients = [0, 1, 2].map((index): Patient & { readonly id: string } => ({
  resourceType: 'Patient',
  id: `p${index}`,
  name: [{ family: 'Few', text: textOf(index + 2) }],
}))
const observations = ids.map((index): Observation & { readonly id: string } => ({
  resourceType: 'Observation',
  id: `o${index}`,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code: '8867-4' }] },
  subject: { reference: `Patient/p${index % 3}` },
  effectiveDateTime: `2026-01-${String(1 + (index % 9)).padStart(2, '0')}T08:00:00Z`,
  note: [{ text: textOf(index + 1) }],
}))
await put(patients)
await put([...basics, ...observations])

const asked = (path: string, more: Partial<Search> = {}): Search => {
  const [type = '', query] = path.split('?')
  return { ...parseSearch(registry, type as Resource['resourceType'], new URLSearchParams(query)), ...more }
}
const pagesOf = async (search: Search, back?: string): Promise<readonly Page[]> => {
  const pages: Page[] = []
  let cursor = back
  do {
    const page = await store.search({ ...search, cursor })
    pages.push(page)
    cursor = back === undefined ? page.next : page.previous
  } while (cursor !== undefined)
  return pages
}
const idsIn = (pages: readonly Page[]) => pages.flatMap(({ entries }) => entries.map(({ id }) => id))
/** With the cursor behind each entry. */
const asTold = ({ after, ...page }: Page) => ({ ...page, behind: page.entries.map((_, place) => after?.(place)) })
const lettersIn = ({ entries, included }: Page) =>
  [...entries, ...included].reduce((sum, { content }) => sum + content.length, 0)

/** The Patient of each match is included, or the page says that not all are. */
const isRight = (page: Page, room: number): boolean => {
  const named = new Set(page.entries.map(({ content }) => JSON.parse(content).subject.reference))
  const isAll = page.included.length === named.size
  const isWithin = page.included.length === 0 || page.entries.length === 1 || lettersIn(page) <= room
  return isAll !== page.leftOut && isWithin
}

const queries = [
  'Basic?',
  'Basic?_sort=created',
  'Basic?_sort=-created,_id',
  'Basic?code:text=x&_sort=_id',
  'Observation?code=8867-4',
  'Observation?code=8867-4&patient.family=Few',
  'Observation?patient=p1&_sort=date',
  'Observation?code=8867-4&patient.family=Few&_elements=status',
  'Observation?code=8867-4&_elements=subject',
  'Basic?_summary=true',
] as const
const rooms = fc.oneof(fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 2000, max: 600_000 }))

t.test('pages that end for lack of room have the whole list, each match once, forwards and backwards', async t => {
  const property = fc.asyncProperty(
    fc.constantFrom(...queries),
    fc.integer({ min: 1, max: 60 }),
    rooms,
    async (query, count, room) => {
      const whole = idsIn(await pagesOf(asked(query, { count: 1000 })))
      const pages = await pagesOf(asked(query, { count, room }))
      t.strictSame(idsIn(pages), whole)
      for (const page of pages) {
        if (
          page.entries.length === 0 ||
          page.entries.length > count ||
          (page.entries.length > 1 && lettersIn(page) > room)
        )
          t.fail(`${page.entries.length} of ${count}, ${lettersIn(page)} letters of ${room}`)
      }
      const last = pages.at(-1)
      if (last?.previous === undefined) return
      const before = await pagesOf(asked(query, { count, room }), last.previous)
      t.strictSame(idsIn(before.toReversed()), whole.slice(0, -last.entries.length))
    },
  )
  await fc.assert(property, { seed: 20261127, numRuns: 20 })
})

t.test('a page ends only if the next match does not fit, however it is stored', async t => {
  const property = fc.asyncProperty(fc.constantFrom('Basic?', 'Basic?_sort=created'), rooms, async (query, room) => {
    const [whole] = await pagesOf(asked(query, { count: 1000 }))
    const [page] = await pagesOf(asked(query, { count: 1000, room }))
    if (whole === undefined || page === undefined) throw new Error('no page')
    const next = whole.entries[page.entries.length]
    if (next !== undefined && lettersIn(page) + next.content.length <= room)
      t.fail(`${lettersIn(page)} and ${next.content.length} letters fit into ${room}`)
  })
  await fc.assert(property, { seed: 20261127, numRuns: 12 })
  t.pass()
})

t.test('included resources get the room that is left, and the page says if that is too little', async t => {
  const query = 'Observation?code=8867-4&_include=Observation:patient&_revinclude=Basic:subject'
  const property = fc.asyncProperty(fc.integer({ min: 1, max: 20 }), rooms, async (count, room) => {
    const pages = await pagesOf(asked(query, { count, room }))
    t.strictSame(idsIn(pages), idsIn(await pagesOf(asked('Observation?code=8867-4', { count: 1000 }))))
    for (const page of pages) t.ok(isRight(page, room), `${page.entries.length} of ${count} in ${room}`)
  })
  await fc.assert(property, { seed: 20261127, numRuns: 10 })
})

t.test('several types share one page, and its room', async t => {
  const many = Array.from({ length: 5 }, (_, index): Basic & { readonly id: string } => ({
    resourceType: 'Basic',
    id: `long-${index}`,
    code: { text: 'long', coding: [{ code: 'y'.repeat(roomOfPage / 4) }] },
  }))
  await put(many)
  const searches = [asked('Basic?code:text=long', { count: 100 }), asked('Patient?', { count: 100 })]
  const found: string[] = []
  const sizes: number[] = []
  let cursor: string | undefined
  do {
    const page: Page = await pageOfSeveral({ asOne: run => run(store) }, searches, cursor)
    found.push(...page.entries.map(({ id }) => id))
    sizes.push(page.entries.length)
    cursor = page.next
  } while (cursor !== undefined)
  t.strictSame(sizes, [3, 5])
  t.strictSame(found, [...many.map(({ id }) => id).reverse(), 'p2', 'p1', 'p0'])
})

t.test('skipping pages leads to the same page as following links', async t => {
  const property = fc.asyncProperty(
    fc.constantFrom(...queries, 'Observation?code=8867-4&_include=Observation:patient'),
    fc.integer({ min: 3, max: 12 }),
    fc.option(rooms, { nil: undefined }),
    fc.integer({ min: 1, max: 3 }),
    async (query, count, room, start) => {
      const search = asked(query, { count, ...(room === undefined ? {} : { room }) })
      const pages = await pagesOf(search)
      for (const skip of [1, 4, pages.length - 1, pages.length].filter(one => one > 0)) {
        const page = await store.search({ ...search, skip, total: 'accurate' })
        const { total, ...shown } = page
        const none = { entries: [], included: [], leftOut: false }
        t.strictSame(asTold(shown), asTold(pages[skip] ?? none), `${query} ${skip}`)
        if (shown.entries.length > 0) t.equal(total, idsIn(pages).length)
      }
      const cursor = pages[start - 1]?.next
      const further = pages[start + 2]
      if (cursor === undefined || further === undefined) return
      const skipped = await store.search({ ...search, cursor, skip: 2 })
      t.strictSame(asTold(skipped), asTold(further), `${query} from ${start}`)
    },
  )
  await fc.assert(property, { seed: 20261128, numRuns: 8 })
})

t.test('pages that are certain to be full are skipped without reading them', async t => {
  const search = asked('Observation?code=8867-4', { count: 3, room: roomOfPage })
  const statements: string[] = []
  const note = (query: SqlFragment): SqlFragment => {
    statements.push(query.sql)
    return query
  }
  const noting: Connection = {
    ...database,
    any: query => database.any(note(query)),
    kept: query => database.kept(note(query)),
    one: query => database.one(note(query)),
  }
  const page = await searchPage(noting, searching(), { ...search, skip: 9 })
  t.strictSame([page].map(asTold), (await pagesOf(search)).slice(9, 10).map(asTold))
  t.equal(statements.length, 2)
})
