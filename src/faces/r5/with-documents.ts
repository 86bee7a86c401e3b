import { standardExtensions } from '../../fhir/canonical.ts'
import { FhirError } from '../../fhir/error.ts'
import { type BundleText, bundleChunks } from '../../interactions/bundle/bundle-text.ts'
import type { Context, FhirResponse, Handler, TypeRequest } from '../../interactions/interaction.ts'
import { openPage } from '../../interactions/search/paging.ts'
import { cursorName, maxCount } from '../../search/result-parameter.ts'

/**
 * Today's clients read `valueAttachment` of every Observation that they find, and take a page without any for the last one. So Observations
 * without a document are left out, and if a page has nothing else, the next one is answered. A search that says which part of the resources it
 * wants finds all.
 */
export const withDocuments =
  (search: Handler<TypeRequest>): Handler<TypeRequest> =>
  async (request, context) => {
    const { query: asked } = await openPage(request.query, request.type, context)
    const found = await search(request, context)
    return asked.has('_summary') || asked.has('_elements') ? found : documentsIn(found, request, context, search)
  }

const documentsIn = async (
  first: FhirResponse,
  request: TypeRequest,
  context: Context,
  search: Handler<TypeRequest>,
): Promise<FhirResponse> => {
  const pageAt = async (cursor: string, count: Readonly<Record<string, string>>) =>
    toPage(await search({ ...request, query: new URLSearchParams({ [cursorName]: cursor, ...count }) }, context))
  let page = toPage(first)
  if (isTheOne(page)) return page.response
  // Reads many rows at once until a document is found, and from there on pages of the size that was asked for.
  let cursor = page.next ?? ''
  for (let wide = await pageAt(cursor, wideCount), passed = 0; !isTheOne(wide); passed += 1) {
    if (passed === mostPassed) throw tooFew
    cursor = wide.next ?? ''
    wide = await pageAt(cursor, wideCount)
  }
  page = await pageAt(cursor, {})
  while (!isTheOne(page)) page = await pageAt(page.next ?? '', {})
  return page.response
}

const wideCount = { _count: String(maxCount) }
const mostPassed = 300
const tooFew = new FhirError(
  'too-costly',
  'Too many Observations without a document stand before the next with one: ask by code or date, or at /fhir',
)

/** `count`: how many matches have a document. */
type DocumentPage = { readonly response: FhirResponse; readonly count: number; readonly next: string | undefined }

/** Whether it has a document, or is the last page. */
const isTheOne = ({ count, next }: DocumentPage): boolean => count > 0 || next === undefined

const toPage = (response: FhirResponse): DocumentPage => {
  if (response.body?.kind !== 'chunks') return { response, count: 0, next: undefined }
  const { head, entries } = response.body.chunks
  const kept = [...entries].filter(isForClients)
  const url = head.link?.find(({ relation }) => relation === 'next')?.url
  const next = url === undefined ? undefined : (new URL(url).searchParams.get(cursorName) ?? undefined)
  const body = { kind: 'chunks', chunks: bundleOf(head, kept) } as const
  return { response: { ...response, body }, count: kept.filter(isMatch).length, next }
}

const bundleOf = ({ link = [], ...head }: BundleText['head'], entries: readonly string[]): BundleText =>
  bundleChunks({ ...head, link }, entries)

const isForClients = (entry: string): boolean =>
  !isMatch(entry) || entry.includes(`"${standardExtensions.observationValue}"`)

/** Works on the text of an entry, which is ready. Included resources and outcomes are no matches. */
const isMatch = (entry: string): boolean => entry.endsWith('"search":{"mode":"match"}}')
