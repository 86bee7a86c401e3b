import type { ResourceType } from '@medplum/fhirtypes'
import { isGranted } from '../access/rules.ts'
import type { Issue } from '../fhir/error.ts'
import { toOperationOutcome } from '../fhir/operation-outcome.ts'
import type { Include } from '../search/include.ts'
import { selfQuery } from '../search/link.ts'
import { parseSearch } from '../search/parse.ts'
import type { Search } from '../search/search.ts'
import { mostIncluded } from '../storage/include.ts'
import type { Page, Stored } from '../storage/store.ts'
import { type BundleHead, bundleChunks, bundleEntry } from './bundle-text.ts'
import { explainedResponse, splitExplain } from './explain.ts'
import type { Context, FhirResponse, Handler, TypeRequest } from './interaction.ts'
import { cursorUrl, firstPage, openPage } from './paging.ts'
import { requireAccess } from './require-access.ts'
import { searchLines } from './search-lines.ts'

/** https://hl7.org/fhir/R4/http.html#search */
export const search: Handler<TypeRequest> = async ({ type, query, headers }, context) => {
  const explain = splitExplain(query, context)
  const { query: asked, page: cursor } = await openPage(explain.query, type, context)
  // A line is no place to say what was ignored.
  const handling = headers.lines ? 'strict' : headers.prefer.handling
  const search = { ...parseSearch(context.registry, type, asked, { base: context.base, handling }), cursor }
  for (const { named } of search.include) requireIncludable(named, context)
  if (explain.depth !== undefined) return explainedResponse(search, explain.depth, context)
  return headers.lines ? searchLines(search, context) : searchset(search, await context.store.search(search), context)
}

/**
 * Like a chain, an include that names a type of which the caller may search nothing is refused; one that leaves the type
 * open, or may lead to several, brings of each what the caller may search.
 */
const requireIncludable = (named: Include['named'], context: Context): void => {
  const [first, ...others] = named
  if (first === undefined || others.some(type => isGranted(context.access, 's', type))) return
  requireAccess(context, 's', first)
}

/** https://hl7.org/fhir/R4/bundle.html#searchset */
const searchset = async (search: Search, page: Page, context: Context): Promise<FhirResponse> => {
  const { base } = context
  const { type } = search
  const query = selfQuery(search)
  const chunks = bundleChunks(
    {
      type: 'searchset',
      ...(page.total === undefined ? {} : { total: page.total }),
      link: [
        { relation: 'self', url: query === '' ? `${base}/${type}` : `${base}/${type}?${query}` },
        ...(await linksAround(search, page, query, context)),
      ],
    },
    searchEntries(page, search, base),
  )
  return { status: 200, body: { kind: 'chunks', chunks } }
}

/** From any page but the first also back: to its beginning, and one page. */
const linksAround = async (
  { type, cursor }: Search,
  { previous, next }: Page,
  query: string,
  context: Context,
): Promise<BundleHead['link']> => {
  const pages = [
    ['first', cursor === undefined ? undefined : firstPage],
    ['previous', previous],
    ['next', next],
  ] as const
  const links = pages.map(async ([relation, page]) =>
    page === undefined ? [] : [{ relation, url: await cursorUrl({ path: type, query, page }, context) }],
  )
  return (await Promise.all(links)).flat()
}

const searchEntries = function* (page: Page, { type, ignored }: Search, base: string) {
  const entry = (mode: 'match' | 'include', { type, id, content }: Stored) =>
    bundleEntry(`${base}/${type}/${id}`, content, { search: { mode } })
  const told = [...ignored.map(name => ignoredIssue(name, type)), ...(page.leftOut ? [leftOut] : [])]
  const [first, ...others] = told
  if (first !== undefined) {
    const outcome = toOperationOutcome([first, ...others])
    yield bundleEntry(undefined, JSON.stringify(outcome), { search: { mode: 'outcome' } })
  }
  for (const one of page.entries) yield entry('match', one)
  for (const one of page.included) yield entry('include', one)
}

const ignoredIssue = (name: string, type: ResourceType): Issue => ({
  code: 'not-supported',
  severity: 'warning',
  message: `${name} is not a search parameter of ${type} here and was ignored`,
  expression: name,
})

const leftOut: Issue = {
  code: 'incomplete',
  severity: 'information',
  message: `A page includes ${mostIncluded} resources at most, and more than that are linked to its matches: ask for fewer by _count, or search for them`,
}
