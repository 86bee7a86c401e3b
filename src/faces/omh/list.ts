import type { Context, FhirResponse, Handler, TypeRequest } from '../../interactions/interaction.ts'
import { cursorUrl, openPage } from '../../interactions/paging.ts'
import type { OmhDocument } from '../../mhealth/document.ts'
import { parseSearch } from '../../search/parse.ts'
import type { Page } from '../../storage/store.ts'
import { type DataPointsAsked, mostListed, parseAsked } from './asked.ts'

/** As one list, and where there are more, with a link to them; or as lines, all of them while the client takes them. */
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

/** Where a list ends: behind so many rows of the page that the store's cursor leads to. */
type Place = { readonly rows: number; readonly cursor: string | undefined }

type Found = { readonly text: string; readonly after: Place }

/** The first page is read at once, so that what is refused is answered so. */
const openDataPoints = async (
  { search, schema }: DataPointsAsked,
  count: number,
  from: string | undefined,
  { registry, base, store, mhealth }: Context,
): Promise<AsyncIterable<readonly Found[]>> => {
  const query = new URLSearchParams([...search, ['_count', String(count)]])
  const parsed = parseSearch(registry, 'Observation', query, { base })
  const start = from === undefined ? { rows: 0, cursor: undefined } : toPlace(from)
  const documentsIn = (page: Page, { rows, cursor }: Place): readonly Found[] =>
    page.entries.flatMap(({ content }, index) => {
      const document = index < rows ? undefined : mhealth.documentOf(JSON.parse(content))
      if (document === undefined || !isOf(document, schema)) return []
      return [{ text: lineOf(document), after: { rows: index + 1, cursor } }]
    })
  const first = await store.search({ ...parsed, cursor: start.cursor })
  return (async function* () {
    let place = start
    for (let page = first; ; page = await store.search({ ...parsed, cursor: place.cursor })) {
      yield documentsIn(page, place)
      if (page.next === undefined) return
      place = { rows: 0, cursor: page.next }
    }
  })()
}

/** A search is for all of a kind, and a list for documents of one schema: `4.x` is any of 4. */
const isOf = ({ id }: OmhDocument, schema: DataPointsAsked['schema']): boolean => {
  if (schema === undefined) return true
  const { namespace, name, version = id.version } = schema
  const isVersion = version.endsWith('.x') ? id.version.startsWith(version.slice(0, -1)) : id.version === version
  return id.namespace === namespace && id.name === name && isVersion
}

/** JSON has line breaks between its tokens alone, where a space means the same. */
const lineOf = ({ bytes }: OmhDocument): string =>
  bytes
    .toString()
    .replace(/^\uFEFF/, '')
    .replaceAll(/[\r\n]/g, ' ')

const asList = async (
  pages: AsyncIterable<readonly Found[]>,
  { skip, limit }: { readonly skip: number; readonly limit: number },
  query: URLSearchParams,
  context: Context,
): Promise<FhirResponse> => {
  const listed: string[] = []
  let skipped = 0
  let last: Place | undefined
  for await (const { text, after } of each(pages)) {
    if (skipped < skip) {
      skipped += 1
      continue
    }
    if (listed.length === limit) return { ...listOf(listed), next: await linkTo(last, query, context) }
    listed.push(text)
    last = after
  }
  return listOf(listed)
}

const each = async function* (pages: AsyncIterable<readonly Found[]>): AsyncGenerator<Found> {
  for await (const page of pages) yield* page
}

const listOf = (documents: readonly string[]): FhirResponse => ({
  status: 200,
  body: { kind: 'text', text: `[${documents.join(',')}]` },
})

/** What was skipped once is behind the link. */
const linkTo = (place: Place | undefined, query: URLSearchParams, context: Context): Promise<string> => {
  const rest = new URLSearchParams(query)
  rest.delete('skip')
  return cursorUrl({ path, query: rest.toString(), page: `${place?.rows ?? 0}:${place?.cursor ?? ''}` }, context)
}

const toPlace = (text: string): Place => {
  const [rows = '', ...cursor] = text.split(':')
  return { rows: Number(rows), cursor: cursor.join(':') || undefined }
}

const asLines = (pages: AsyncIterable<readonly Found[]>, skip: number, limit: number): FhirResponse => ({
  status: 200,
  body: { kind: 'lines', lines: linesIn(pages, skip, limit) },
})

const linesIn = async function* (pages: AsyncIterable<readonly Found[]>, skip: number, limit: number) {
  let seen = 0
  for await (const page of pages) {
    const wanted = page.slice(Math.max(skip - seen, 0), Math.max(skip + limit - seen, 0))
    seen += page.length
    if (wanted.length > 0) yield wanted.map(({ text }) => `${text}\n`).join('')
    if (seen >= skip + limit) return
  }
}
