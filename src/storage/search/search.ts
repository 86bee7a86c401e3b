import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../../fhir/error.ts'
import type { Registry } from '../../fhir/registry.ts'
import { type Mask, maskOf } from '../../fhir/subset.ts'
import type { Search } from '../../search/search.ts'
import { lookedUp } from '../compile/terminology.ts'
import type { Connection } from '../database.ts'
import { kindOf } from '../row.ts'
import { type SqlFragment, sql } from '../sql.ts'
import type { Match, Page } from '../store.ts'
import { withoutNames } from './by-name.ts'
import type { CommonTokens } from './common-tokens.ts'
import { includedWith } from './include.ts'
import type { Including, Placed } from './include-row.ts'
import { type Amount, type ManyPatients, ofFew } from './many-patients.ts'
import { type PageRow, pageRows } from './page-rows.ts'
import type { AskedPage } from './page-statement.ts'
import { totalBeside, totalFor } from './page-total.ts'
import { contentInShare, contentWithin, type Filled, fillRoom, type Room, versionStillThere } from './room.ts'
import { type Source, sourceOf } from './search-source.ts'
import { isStoredWhole, servedContent } from './served-content.ts'
import { type AskedSkip, skipByPatient, skipStatement } from './skip-statement.ts'
import { isOldestFirst, type Position, withoutDefaultSort } from './sort.ts'
import { partsFrom, type SortPart } from './sort-part.ts'

type Searching = Omit<Including, 'limit' | 'maskOf' | 'letters'> & {
  readonly registry: Registry
  readonly commonTokens: CommonTokens
  readonly manyPatients: ManyPatients
}

/** One page: one statement finds the keys, from the narrowest index, and then reads the bodies of just those keys. */
export const searchPage = async (connection: Connection, searching: Searching, asked: Search): Promise<Page> => {
  const search = withoutDefaultSort(asked)
  if (search.skip !== undefined && search.skip > 0 && search.count > 0) {
    const cursor = await cursorBehind(connection, searching, search, search.skip)
    return cursor === undefined ? nothing : searchPage(connection, searching, { ...search, skip: 0, cursor })
  }
  const source = sourceOf(searching, search, { inOwnOrder: isInOrderOfTime(search) })
  if (search.summary === 'count' || search.count === 0)
    return { ...nothing, ...(await totalFor(connection, searching, search)) }
  const from = search.cursor === undefined ? undefined : toPosition(search, search.cursor)
  const mask = matchMask(searching, search)
  const served = servedContent(search.type, 'body', { ...searching, mask })
  const room = roomFor(search)
  const content = guarded(served, { count: search.count, room: room.ofMatches, isPart: mask !== undefined })
  const { nearest, more, left } = await matchesFrom(connection, searching, { search, at: from, content }, source, {
    letters: room.ofMatches,
    takesFirst: true,
    typeOf: () => search.type,
    contentOf: () => (mask === undefined ? served : undefined),
    versionOf: versionStillThere,
  })
  const page = from?.before ? nearest.toReversed() : nearest
  const entries = page.map(row => toPlaced(search, row))
  const maskOf = summaryMask(searching, search)
  const letters = room.beside + left
  const around = { isFirst: from === undefined, isBefore: from?.before === true, more }
  return {
    entries,
    ...(await includedWith(connection, { ...searching, maskOf, letters }, search.include, entries)),
    ...cursorsAround(page, around),
    after: place => page[place] && cursorOf(page[place]),
    ...(await totalBeside(connection, searching, search, { ...around, length: page.length })),
  }
}

type Nearest = { readonly nearest: readonly Filled<PageRow>[]; readonly more: boolean; readonly left: number }

/** If all rows of a page are deleted before they are loaded, that is not the end: what follows them becomes the page. */
const matchesFrom = async (
  connection: Connection,
  searching: Searching,
  asked: AskedPage,
  source: Source,
  room: Room<PageRow>,
): Promise<Nearest> => {
  const found = await pageRows(connection, searching, asked, source)
  const { filled, passed, left } = await fillRoom(connection, found.slice(0, asked.search.count), room)
  const [last, more] = [found[passed - 1], found.length > passed]
  if (filled.length > 0 || !more || last === undefined) return { nearest: filled, more, left }
  const at = { ...positionOf(last), ...(asked.at?.before ? { before: true as const } : {}) }
  return matchesFrom(connection, searching, { ...asked, at }, source, room)
}

const nothing = { entries: [], included: [], leftOut: false }

/** The cursor after `skip` pages; undefined if there are not so many. From the first page on that might end early, pages are read to know where they end. */
const cursorBehind = async (
  connection: Connection,
  searching: Searching,
  search: Search,
  skip: number,
): Promise<string | undefined> => {
  let { cursor, left } = await cursorBehindWhole(connection, searching, search, skip)
  for (; left > 0; left -= 1) {
    const page = await searchPage(connection, searching, { ...search, skip: 0, cursor, total: 'none' })
    if (page.next === undefined) return undefined
    cursor = page.next
  }
  return cursor
}

/** The cursor after those of the pages that surely are full; `left`: how many pages are not. */
const cursorBehindWhole = async (
  connection: Connection,
  searching: Searching,
  search: Search,
  skip: number,
): Promise<{ readonly cursor: string | undefined; readonly left: number }> => {
  const { type, cursor, elements, summary } = search
  if (!isStoredWhole(type) || elements !== undefined || summary !== undefined) return { cursor, left: skip }
  const at = cursor === undefined ? undefined : toPosition(search, cursor)
  const letters = Math.min(roomFor(search).ofMatches, Number.MAX_SAFE_INTEGER)
  const { pages, ...last } = await skippedOf(connection, searching, {
    search,
    ...firstPart(search, at),
    pages: skip,
    letters,
  })
  return { cursor: pages === 0 ? cursor : cursorOf(last), left: skip - pages }
}

const skippedOf = async (connection: Connection, searching: Searching, asked: AskedSkip): Promise<Skipped> => {
  const source = sourceOf(searching, asked.search, { inOwnOrder: isInOrderOfTime(asked.search) })
  const few = await ofFew<Skipped>(connection, searching, source.byPatient, one => skipByPatient(asked, source, one))
  return few?.[0] ?? connection.one<Skipped>(skipStatement(asked, source))
}

/** What is in the parts after it is read, page by page. */
const firstPart = (search: Search, at: Position | undefined): SortPart => partsFrom(search, at)[0] ?? { at }

const isInOrderOfTime = (search: Search): boolean => search.sort.length === 0 || isOldestFirst(search)

type Skipped = Amount & Pick<PageRow, 'pk' | 'keys'> & { readonly pages: number }

/** If anything comes along with the matches, it gets half of the room, and what the matches leave of theirs. */
const roomFor = ({ room = Number.POSITIVE_INFINITY, include }: Search) => {
  const ofMatches = include.length === 0 ? room : Math.ceil(room / 2)
  return { ofMatches, beside: ofMatches === room ? 0 : room - ofMatches }
}

/**
 * The content, or null if it might not fit into the room. Whole contents each get an equal share, which is cheaper to test; how long a part will
 * be is known only once it is made, so parts are added up in their order.
 */
const guarded = (
  content: SqlFragment,
  { count, room, isPart }: { readonly count: number; readonly room: number; readonly isPart: boolean },
): SqlFragment => {
  if (room === Number.POSITIVE_INFINITY) return content
  return isPart
    ? contentWithin(sql.fragment`${room}::bigint`, content, inPage)
    : contentInShare(sql.fragment`${Math.floor(room / (count + 1))}::integer`, content)
}

const inPage = { order: sql.fragment`ORDER BY page.position`, orElse: sql.fragment`page.position = 1` }

type Around = { readonly isFirst: boolean; readonly isBefore: boolean; readonly more: boolean }

/** Whoever came backwards has a next page, and whoever came forwards a previous one. */
const cursorsAround = (
  page: readonly PageRow[],
  { isFirst, isBefore, more }: Around,
): Pick<Page, 'next' | 'previous'> => {
  const [first, last] = [page[0], page.at(-1)]
  if (first === undefined || last === undefined) return {}
  return {
    ...(more || isBefore ? { next: cursorOf(last) } : {}),
    ...((isBefore ? more : !isFirst) ? { previous: cursorOf(first, { before: true }) } : {}),
  }
}

const cursorOf = (row: Pick<PageRow, 'keys' | 'pk'>, more: Pick<Position, 'before'> = {}): string =>
  JSON.stringify({ ...positionOf(row), ...more })

const positionOf = ({ keys, pk }: Pick<PageRow, 'keys' | 'pk'>): Position => ({
  values: JSON.parse(keys),
  pk,
  tiesAsIndexed: true,
})

/** Some matches, in no order. */
export const searchMatches = async (
  connection: Connection,
  searching: Searching,
  search: Search,
  limit: number,
): Promise<readonly Match[]> => {
  const asked = await lookedUp(connection, searching, search)
  const { from, where, row } = sourceOf(searching, asked, { body: true })
  const rows = await connection.any<{ id: string; patient_id: number; kind_id?: number }>(
    sql.fragment`SELECT ${kindOf(search.type, 'row')} ${row.row}.id, ${row.row}.patient_id FROM ${from} WHERE ${where} LIMIT ${limit}`,
  )
  return rows.map(({ id, patient_id, kind_id }) => ({ id, patientId: patient_id, kindId: kind_id }))
}

/** `_elements` is about the matches alone; `_summary` is about all resources in the answer. */
const matchMask = (searching: Searching, search: Search): Mask | undefined =>
  search.elements === undefined
    ? summaryMask(searching, search)(search.type)
    : maskOf(searching.registry.structures, search.type, { kind: 'elements', names: search.elements })

const summaryMask =
  ({ registry }: Searching, { summary: kind }: Search) =>
  (type: ResourceType): Mask | undefined =>
    kind === undefined || kind === 'count' ? undefined : maskOf(registry.structures, type, { kind })

const toPlaced = (
  { type }: Search,
  { patient_id, pk, id, version, last_updated, kind_id, content }: Filled<PageRow>,
): Placed => ({
  type,
  id,
  patientId: patient_id,
  pk,
  versionId: String(version),
  lastUpdated: last_updated,
  kindId: kind_id,
  content,
})

const toPosition = (search: Search, cursor: string): Position => {
  const parsed = parsedCursor(cursor)
  if (typeof parsed !== 'object' || parsed === null || !('values' in parsed) || !('pk' in parsed))
    throw new FhirError('invalid', 'This cursor does not belong to this search')
  return withoutNames(search, parsed as Position)
}

/** Undefined for the text of another kind of cursor, as an earlier version may have made it. */
const parsedCursor = (cursor: string): unknown => {
  try {
    return JSON.parse(cursor)
  } catch {
    return undefined
  }
}
