import { FhirError } from '../../fhir/error.ts'
import type { Search } from '../../search/search.ts'
import type { Page } from '../../storage/store.ts'
import type { Context, FhirResponse } from '../interaction.ts'

/**
 * All matches, one resource a line, in the order of the search. Pages are asked for one after another as the client takes them, each through the
 * gate anew, and no more than one is held in memory. If anything goes wrong after the first, the client sees the connection break.
 */
export const searchLines = async (asked: Search, { store }: Pick<Context, 'store'>): Promise<FhirResponse> => {
  refuseShapes(asked)
  const search = { ...asked, count: linesAtOnce }
  const first = await store.search(search)
  return {
    status: 200,
    body: { kind: 'lines', lines: linesFrom(first, cursor => store.search({ ...search, cursor })) },
  }
}

const linesAtOnce = 1000

const linesFrom = async function* (first: Page, more: (cursor: string) => Promise<Page>): AsyncGenerator<string> {
  for (let page = first; ; page = await more(page.next)) {
    if (page.entries.length > 0) yield page.entries.map(({ content }) => `${content}\n`).join('')
    if (page.next === undefined) return
  }
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
