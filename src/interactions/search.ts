import type { ResourceType } from '@medplum/fhirtypes'
import { toOperationOutcome } from '../fhir/operation-outcome.ts'
import { selfQuery } from '../search/link.ts'
import { parseSearch } from '../search/parse.ts'
import type { Search } from '../search/search.ts'
import type { Page } from '../storage/store.ts'
import { bundleChunks, bundleEntry } from './bundle-text.ts'
import type { Context, FhirResponse, Handler, TypeRequest } from './interaction.ts'
import { cursorUrl, openPage } from './paging.ts'

/** https://hl7.org/fhir/R4/http.html#search */
export const search: Handler<TypeRequest> = async ({ type, query, headers }, context) => {
  const { query: asked, page: cursor } = await openPage(query, type, context)
  const { handling } = headers.prefer
  const search = { ...parseSearch(context.registry, type, asked, { base: context.base, handling }), cursor }
  return searchset(search, await context.store.search(search), context)
}

/** https://hl7.org/fhir/R4/bundle.html#searchset */
const searchset = async (search: Search, page: Page, context: Context): Promise<FhirResponse> => {
  const { base } = context
  const { type, ignored } = search
  const query = selfQuery(search)
  const next = page.next === undefined ? [] : [await cursorUrl({ path: type, query, page: page.next }, context)]
  const chunks = bundleChunks(
    {
      type: 'searchset',
      ...(page.total === undefined ? {} : { total: page.total }),
      link: [
        { relation: 'self', url: query === '' ? `${base}/${type}` : `${base}/${type}?${query}` },
        ...next.map(url => ({ relation: 'next' as const, url })),
      ],
    },
    searchEntries(page, type, ignored, base),
  )
  return { status: 200, body: { kind: 'chunks', chunks } }
}

const searchEntries = function* (page: Page, type: ResourceType, ignored: readonly string[], base: string) {
  const [first, ...others] = ignored
  if (first !== undefined) {
    const outcome = toOperationOutcome([ignoredIssue(first, type), ...others.map(name => ignoredIssue(name, type))])
    yield bundleEntry(undefined, JSON.stringify(outcome), { search: { mode: 'outcome' } })
  }
  for (const { type, id, content } of page.entries) {
    yield bundleEntry(`${base}/${type}/${id}`, content, { search: { mode: 'match' } })
  }
}

const ignoredIssue = (name: string, type: ResourceType) => ({
  code: 'not-supported' as const,
  severity: 'warning' as const,
  message: `${name} is not a search parameter of ${type} here and was ignored`,
  expression: name,
})
