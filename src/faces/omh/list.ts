import { inSteps } from '../../fhir/give-way.ts'
import type { Context, FhirResponse, Handler, TypeRequest } from '../../interactions/interaction.ts'
import { cursorUrl, openPage } from '../../interactions/search/paging.ts'
import type { OmhDocument } from '../../mhealth/document.ts'
import { textOf } from '../../mhealth/document-text.ts'
import { parseSearch } from '../../search/parse.ts'
import { roomOfPage } from '../../search/room.ts'
import type { Page } from '../../storage/store.ts'
import { type DataPointsAsked, mostListed, parseAsked } from './asked.ts'

/** The data points as one list, with a link to the next ones if there are more; or as lines, all of them, sent as the client takes them. */
export const listDataPoints: Handler<TypeRequest> = async ({ query, headers }, context) => {
  const opened = await openPage(query, path, context)
  const asked = parseAsked(opened.query)
  const { lines = false } = headers
  const limit = asked.limit ?? (lines ? Number.POSITIVE_INFINITY : usuallyListed)
  const found = await openDataPoints(asked, Math.min(asked.skip + limit, mostListed), opened.page, context)
  return lines ? asLines(found, asked.skip, limit) : asList(found, { ...asked, limit }, opened.query, context)
}

const path = 'dataPoints'
const usuallyListed = 100

/** `after`: the store's cursor behind its row. A number of rows would mean others as soon as one comes in or goes. */
type Found = { readonly text: string; readonly after: () => string | undefined }

/** The documents in a page of rows; `next` is the cursor of the next page. */
type FoundPage = { readonly documents: readonly Found[]; readonly next: string | undefined }

/** The first page is read at once, so that a refusal can still be answered as one. */
const openDataPoints = async (
  { search, schema }: DataPointsAsked,
  count: number,
  from: string | undefined,
  { registry, base, store, mhealth }: Context,
): Promise<AsyncIterable<FoundPage>> => {
  const query = new URLSearchParams([...search, ['_count', String(count)]])
  const parsed = { ...parseSearch(registry, 'Observation', query, { base }), room: roomOfPage }
  const documentsIn = async (page: Page): Promise<readonly Found[]> => {
    const found: Found[] = []
    for (const [place, { content }] of page.entries.entries()) {
      const document = await inSteps(mhealth.measuredDocumentOf(JSON.parse(content)))
      if (document !== undefined && isOf(document, schema))
        found.push({ text: lineOf(document), after: () => page.after?.(place) })
    }
    return found
  }
  const first = await store.search({ ...parsed, cursor: from })
  return (async function* () {
    // If few are asked for, and few rows match, many rows have to be skipped.
    for (let page = first; ; page = await store.search({ ...parsed, count: mostListed, cursor: page.next })) {
      yield { documents: await documentsIn(page), next: page.next }
      if (page.next === undefined) return
    }
  })()
}

/** Whether the document is of the schema, since a search finds all of a kind: `4.x` means any minor version of 4. */
const isOf = ({ id }: OmhDocument, schema: DataPointsAsked['schema']): boolean => {
  if (schema === undefined) return true
  const { namespace, name, version = id.version } = schema
  const isVersion = version.endsWith('.x') ? id.version.startsWith(version.slice(0, -1)) : id.version === version
  return id.namespace === namespace && id.name === name && isVersion
}

/** In JSON, line breaks only occur between tokens, where a space means the same. */
const lineOf = ({ bytes }: OmhDocument): string => textOf(bytes).replaceAll(/[\r\n]/g, ' ')

/** A list also ends if too much was skipped for one answer. */
const asList = async (
  pages: AsyncIterable<FoundPage>,
  { skip, limit }: { readonly skip: number; readonly limit: number },
  query: URLSearchParams,
  context: Context,
): Promise<FhirResponse> => {
  const listed: string[] = []
  let skipped = 0
  let last: Found | undefined
  let passed = 0
  for await (const { documents, next } of pages) {
    for (const found of documents) {
      if (skipped < skip) {
        skipped += 1
        continue
      }
      if (listed.length === limit) return { ...listOf(listed), next: await linkTo(last?.after(), 0, query, context) }
      listed.push(found.text)
      last = found
    }
    passed += 1
    if (passed === mostPages && next !== undefined)
      return { ...listOf(listed), next: await linkTo(next, skip - skipped, query, context) }
  }
  return listOf(listed)
}

const mostPages = 100

const listOf = (documents: readonly string[]): FhirResponse => ({
  status: 200,
  body: { kind: 'text', text: `[${documents.join(',')}]` },
})

/** `place`: the store's cursor. Rows that were skipped come before it, and are not skipped again. */
const linkTo = (
  place: string | undefined,
  toSkip: number,
  query: URLSearchParams,
  context: Context,
): Promise<string> => {
  if (place === undefined) throw new Error('each row of a page has a cursor behind it')
  const rest = new URLSearchParams(query)
  rest.delete('skip')
  if (toSkip > 0) rest.set('skip', String(toSkip))
  return cursorUrl({ path, query: rest.toString(), page: place }, context)
}

const asLines = (pages: AsyncIterable<FoundPage>, skip: number, limit: number): FhirResponse => ({
  status: 200,
  body: { kind: 'lines', lines: linesIn(pages, skip, limit) },
})

const linesIn = async function* (pages: AsyncIterable<FoundPage>, skip: number, limit: number) {
  let seen = 0
  for await (const { documents: page } of pages) {
    const wanted = page.slice(Math.max(skip - seen, 0), Math.max(skip + limit - seen, 0))
    seen += page.length
    if (wanted.length > 0) yield wanted.map(({ text }) => `${text}\n`).join('')
    if (seen >= skip + limit) return
  }
}
