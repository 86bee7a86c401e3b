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

/** Where a list ends: after that many rows of the page to which the store's cursor leads. */
type Place = { readonly rows: number; readonly cursor: string | undefined }

type Found = { readonly text: string; readonly after: Place }

/** The documents in a page of rows; `next` is where the next page begins. */
type FoundPage = { readonly documents: readonly Found[]; readonly next: Place | undefined }

/** The first page is read at once, so that a refusal can still be answered as one. */
const openDataPoints = async (
  { search, schema }: DataPointsAsked,
  count: number,
  from: string | undefined,
  { registry, base, store, mhealth }: Context,
): Promise<AsyncIterable<FoundPage>> => {
  const start = from === undefined ? { rows: 0, cursor: undefined } : toPlace(from)
  // If few are asked for, and few rows match, many rows have to be skipped; a link may lead into a page of many.
  const query = new URLSearchParams([...search, ['_count', String(start.rows > 0 ? mostListed : count)]])
  const parsed = { ...parseSearch(registry, 'Observation', query, { base }), room: roomOfPage }
  const documentsIn = async (page: Page, { rows, cursor }: Place): Promise<readonly Found[]> => {
    const found: Found[] = []
    for (const [index, { content }] of page.entries.entries()) {
      const document = index < rows ? undefined : await inSteps(mhealth.measuredDocumentOf(JSON.parse(content)))
      if (document !== undefined && isOf(document, schema))
        found.push({ text: lineOf(document), after: { rows: index + 1, cursor } })
    }
    return found
  }
  const first = await store.search({ ...parsed, cursor: start.cursor })
  return (async function* () {
    let place = start
    for (let page = first; ; page = await store.search({ ...parsed, count: mostListed, cursor: place.cursor })) {
      const next = page.next === undefined ? undefined : { rows: 0, cursor: page.next }
      yield { documents: await documentsIn(page, place), next }
      if (next === undefined) return
      place = next
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
  let last: Place | undefined
  let passed = 0
  for await (const { documents, next } of pages) {
    for (const { text, after } of documents) {
      if (skipped < skip) {
        skipped += 1
        continue
      }
      if (listed.length === limit) return { ...listOf(listed), next: await linkTo(last, 0, query, context) }
      listed.push(text)
      last = after
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

/** Rows that were skipped come before the link, and are not skipped again. */
const linkTo = (
  place: Place | undefined,
  toSkip: number,
  query: URLSearchParams,
  context: Context,
): Promise<string> => {
  const rest = new URLSearchParams(query)
  rest.delete('skip')
  if (toSkip > 0) rest.set('skip', String(toSkip))
  return cursorUrl({ path, query: rest.toString(), page: `${place?.rows ?? 0}:${place?.cursor ?? ''}` }, context)
}

const toPlace = (text: string): Place => {
  const [rows = '', ...cursor] = text.split(':')
  return { rows: Number(rows), cursor: cursor.join(':') || undefined }
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
