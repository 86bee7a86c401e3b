import { FhirError } from '../../fhir/error.ts'
import { maxCount } from '../../search/result-parameter.ts'
import { roomOfPage } from '../../search/room.ts'
import type { Search } from '../../search/search.ts'
import type { Page, Store, Stored } from '../../storage/store.ts'

/**
 * One page of several searches, which come one after another, each through the gate as if it were alone. The cursor says with which of them the
 * next page begins, and where in it. Of the searches that only lead elsewhere, which come last, what is included is answered, but no match.
 */
export const pageOfSeveral = (
  store: Pick<Store, 'asOne'>,
  searches: readonly Search[],
  cursor: string | undefined,
  leading: readonly Search[] = [],
): Promise<Page> => {
  const [first, ...others] = [...searches, ...leading]
  return store.asOne(
    async one => {
      if (first === undefined) return nothing
      if (first.summary === 'count') return { ...nothing, total: await countOf(one, searches) }
      const total = searches.every(search => search.total === 'none') ? {} : { total: await countOf(one, searches) }
      const page = await pageOf(one, [first, ...others], cursor)
      return { ...(leading.length === 0 ? page : await pageToShow(one, searches, leading, page)), ...total }
    },
    [...searches, ...leading],
  )
}

const nothing = { entries: [], included: [], leftOut: false }

/**
 * Goes on until there is something to show, if it does not take too long: many clients take a page without entries for the last one.
 */
const pageToShow = async (
  store: Pick<Store, 'search'>,
  searches: readonly Search[],
  leading: readonly Search[],
  found: Page,
): Promise<Page> => {
  const types = new Set(searches.map(({ type }) => type))
  const shown = (page: Page): Page => ({ ...page, entries: page.entries.filter(({ type }) => types.has(type)) })
  // If nothing is shown, only those that lead elsewhere are left, and no match of theirs counts.
  const long = [...searches, ...leading].map(one => ({ ...one, count: maxCount }))
  let page = shown(found)
  for (let further = 0; page.next !== undefined && isEmpty(page) && further < mostFurther; further += 1)
    page = shown(await pageOf(store, long, page.next))
  return page
}

/** Of `maxCount` resources each: about two seconds' work for the slowest, which are AuditEvents. */
const mostFurther = 5

/** That something was left out is shown as well. */
const isEmpty = ({ entries, included, leftOut }: Page): boolean => entries.length + included.length === 0 && !leftOut

const pageOf = async (
  store: Pick<Store, 'search'>,
  searches: readonly Search[],
  cursor: string | undefined,
): Promise<Page> => {
  const pages: Page[] = []
  let left: Left = { count: searches[0]?.count ?? 0, room: roomOfPage }
  let next: Position | undefined
  for (const { search, page } of behind(searches, cursor)) {
    const found = await store.search({ ...search, ...(isFull(left) ? oneMore : left), total: 'none', cursor: page })
    next = nextOf(search, found, left)
    if (!isFull(left)) pages.push(found)
    if (next !== undefined) break
    left = { count: left.count - found.entries.length, room: left.room - lettersOf(found) }
  }
  return { ...merged(pages), ...(next === undefined ? {} : { next: JSON.stringify(next) }) }
}

type Position = { readonly type: string; readonly page?: string }

/** How much of the page is left for the searches that follow. */
type Left = { readonly count: number; readonly room: number }

const isFull = ({ count, room }: Left): boolean => count === 0 || room <= 0

/** If the page is already full, one more match tells that there is another page. */
const oneMore = { count: 1, include: [], room: 0 }

const nextOf = ({ type }: Search, { entries, next }: Page, left: Left): Position | undefined => {
  if (isFull(left)) return entries.length > 0 ? { type } : undefined
  return next === undefined ? undefined : { type, page: next }
}

const behind = (
  searches: readonly Search[],
  cursor: string | undefined,
): readonly { readonly search: Search; readonly page: string | undefined }[] => {
  const { type, page }: Partial<Position> = cursor === undefined ? {} : JSON.parse(cursor)
  const start = type === undefined ? 0 : searches.findIndex(search => search.type === type)
  if (start < 0) throw new FhirError('invalid', 'This cursor does not belong to this search', { expression: '_cursor' })
  return searches.slice(start).map((search, index) => ({ search, page: index === 0 ? page : undefined }))
}

const countOf = async (store: Pick<Store, 'search'>, searches: readonly Search[]): Promise<number> => {
  let sum = 0
  for (const search of searches) sum += (await store.search({ ...search, summary: 'count' })).total ?? 0
  return sum
}

const lettersOf = ({ entries, included }: Page): number =>
  [...entries, ...included].reduce((sum, { content }) => sum + content.length, 0)

/** Each resource once, and as a match if it is one. */
const merged = (pages: readonly Page[]): Pick<Page, 'entries' | 'included' | 'leftOut'> => {
  const entries = pages.flatMap(page => page.entries)
  const seen = new Set(entries.map(keyOf))
  const included = pages.flatMap(page => page.included).filter(one => !seen.has(keyOf(one)) && seen.add(keyOf(one)))
  return { entries, included, leftOut: pages.some(page => page.leftOut) }
}

const keyOf = ({ type, id }: Stored): string => `${type}/${id}`
