import { isGranted } from '../../access/rules.ts'
import { FhirError, type Issue } from '../../fhir/error.ts'
import { toOperationOutcome } from '../../fhir/operation-outcome.ts'
import { inCompartment } from '../../search/compartment.ts'
import { all, and, type Expression } from '../../search/expression.ts'
import type { Include } from '../../search/include.ts'
import { parseSearch } from '../../search/parse.ts'
import { roomOfPage } from '../../search/room.ts'
import { type Search, selfQuery } from '../../search/search.ts'
import { mostIncluded } from '../../storage/search/include.ts'
import type { Page, Stored } from '../../storage/store.ts'
import { type BundleHead, bundleChunks, bundleEntry } from '../bundle/bundle-text.ts'
import type {
  CompartmentTypeRequest,
  Context,
  FhirResponse,
  Handler,
  RequestHeaders,
  TypeRequest,
} from '../interaction.ts'
import { requireAccess } from '../require-access.ts'
import { explainedResponse, splitExplain } from './explain.ts'
import { cursorUrl, firstPage, openPage } from './paging.ts'
import { searchLines } from './search-lines.ts'

/** https://hl7.org/fhir/R4/http.html#search */
export const search: Handler<TypeRequest> = (request, context) => searchWithin(request, { path: request.type }, context)

/** https://hl7.org/fhir/R4/http.html#vsearch: searches in the compartment of one resource. */
export const searchCompartment: Handler<CompartmentTypeRequest> = (request, context) => {
  const { compartment, id, type } = request
  const within = inCompartment(context.registry, request, type)
  const path = `${compartment}/${id}/${type}`
  if (within === undefined) {
    throw new FhirError(
      'not-found',
      `There is nothing at /${path}: no ${type} is in the compartment of a ${compartment}`,
    )
  }
  return searchWithin(request, { path, within }, context)
}

const searchWithin = async (
  { type, query, headers, skip = 0 }: TypeRequest,
  { path, within = all }: { readonly path: string; readonly within?: Expression },
  context: Context,
): Promise<FhirResponse> => {
  const explain = splitExplain(query, context)
  const { query: asked, page: cursor } = await openPage(explain.query, path, context)
  const parsed = parseSearch(context.registry, type, asked, { base: context.base, handling: handlingOf(headers) })
  const search = { ...parsed, where: and(within, parsed.where), cursor, room: roomOfPage, skip }
  for (const { named } of search.include) requireIncludable(named, context)
  if (explain.depth !== undefined) return explainedResponse(search, explain.depth, context)
  if (headers.lines) return searchLines(search, context)
  return searchset({ ...search, path, of: type }, await context.store.search(search), context)
}

/** An answer in lines has no place to say what was ignored, so nothing is. */
export const handlingOf = ({ lines, prefer }: RequestHeaders) => (lines ? 'strict' : prefer.handling)

/**
 * Like a chain, an include that names a type of which the caller may search nothing is refused. One that leaves the type open, or may lead to
 * several types, brings along what the caller may search of each.
 */
export const requireIncludable = (named: Include['named'], context: Context): void => {
  const [first, ...others] = named
  if (first === undefined || others.some(type => isGranted(context.access, 's', type))) return
  requireAccess(context, 's', first)
}

/** The search that a page answers: the path where it was asked, and the type to name in messages. */
export type Answered = Pick<Search, 'applied' | 'ignored' | 'cursor'> & { readonly path: string; readonly of: string }

/** https://hl7.org/fhir/R4/bundle.html#searchset */
export const searchset = async (answered: Answered, page: Page, context: Context): Promise<FhirResponse> => {
  const { base } = context
  const self = answered.path === '' ? base : `${base}/${answered.path}`
  const query = selfQuery(answered)
  const chunks = bundleChunks(
    {
      type: 'searchset',
      ...(page.total === undefined ? {} : { total: page.total }),
      link: [
        { relation: 'self', url: query === '' ? self : `${self}?${query}` },
        ...(await linksAround(answered, page, query, context)),
      ],
    },
    searchEntries(page, answered, base),
  )
  return { status: 200, body: { kind: 'chunks', chunks } }
}

/** Links to the next page, and from any page but the first also to the first and the previous one. */
const linksAround = async (
  { path, cursor }: Answered,
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
    page === undefined ? [] : [{ relation, url: await cursorUrl({ path, query, page }, context) }],
  )
  return (await Promise.all(links)).flat()
}

const searchEntries = function* (page: Page, { of, ignored }: Answered, base: string) {
  const entry = (mode: 'match' | 'include', { type, id, content }: Stored) =>
    bundleEntry(`${base}/${type}/${id}`, content, { search: { mode } })
  const told = [...ignored.map(name => ignoredIssue(name, of)), ...(page.leftOut ? [leftOut] : [])]
  const [first, ...others] = told
  if (first !== undefined) {
    const outcome = toOperationOutcome([first, ...others])
    yield bundleEntry(undefined, JSON.stringify(outcome), { search: { mode: 'outcome' } })
  }
  for (const one of page.entries) yield entry('match', one)
  for (const one of page.included) yield entry('include', one)
}

const ignoredIssue = (name: string, of: string): Issue => ({
  code: 'not-supported',
  severity: 'warning',
  message: `${name} is not a search parameter of ${of} here, or has no value, and was ignored`,
  expression: name,
})

const leftOut: Issue = {
  code: 'incomplete',
  severity: 'information',
  message: `A page includes ${mostIncluded} resources at most, of about ${roomOfPage / 1_048_576} megabytes with its matches, and more than that are linked to these: ask for fewer by _count, or search for them`,
}
