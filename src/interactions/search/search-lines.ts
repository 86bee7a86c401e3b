import { FhirError } from '../../fhir/error.ts'
import { roomOfPage } from '../../search/room.ts'
import type { Search } from '../../search/search.ts'
import type { Page, Store } from '../../storage/store.ts'
import type { Context, FhirResponse } from '../interaction.ts'
import { openSent, type Sent } from './still-seen.ts'

/**
 * All matches, one resource a line, in the order of the search. Pages are asked for one after another as the client takes them, each through the
 * gate anew, and no more than one is held in memory. If anything goes wrong after the first, the client sees the connection break; so it does if the
 * caller loses a right meanwhile. `search`: how a page is found, unless it is one of a single search.
 */
export const searchLines = async (
  asked: Search,
  context: Pick<Context, 'store'>,
  search?: Store['search'],
): Promise<FhirResponse> => {
  refuseShapes(asked)
  return { status: 200, body: { kind: 'lines', lines: linesOf(await searchPages(asked, context, search)) } }
}

/** The same matches, as the contents of one page after another. The first page has been read when this returns. */
export const searchPages = async (
  asked: Search,
  { store }: { readonly store: Pick<Store, 'search' | 'unseen'> },
  search: Store['search'] = store.search,
): Promise<AsyncIterable<readonly string[]>> => {
  const paged = { room: roomOfPage, ...asked, count: linesAtOnce }
  const first = await search(paged)
  return pagesFrom(first, cursor => search({ ...paged, cursor }), openSent(asked, store))
}

const linesAtOnce = 1000

const pagesFrom = async function* (
  first: Page,
  more: (cursor: string) => Promise<Page>,
  sent: Sent,
): AsyncGenerator<readonly string[]> {
  for (let page = first; ; page = await more(page.next)) {
    sent.note(page.entries)
    if (page.next === undefined && page !== first) await sent.requireSeen()
    yield page.entries.map(({ content }) => content)
    if (page.next === undefined) return
  }
}

/** One piece of text per page. */
export const linesOf = async function* (pages: AsyncIterable<readonly string[]>): AsyncGenerator<string> {
  for await (const contents of pages) if (contents.length > 0) yield contents.map(content => `${content}\n`).join('')
}

/** Only matches have lines. */
const refuseShapes = ({ include, summary, total }: Search): void => {
  const refused = [
    ...(include.length > 0 ? [include[0]?.kind === 'include' ? '_include' : '_revinclude'] : []),
    ...(total === 'none' || summary === 'count' ? [] : ['_total']),
    ...(summary === 'count' ? ['_summary=count or _count=0'] : []),
  ]
  const [first] = refused
  if (first === undefined) return
  throw new FhirError('invalid', `${refused.join(' and ')} cannot be answered as lines, which are the matches alone`, {
    expression: first.split('=')[0] ?? first,
  })
}
