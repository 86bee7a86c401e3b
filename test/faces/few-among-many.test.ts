import t from 'tap'
import { listDataPoints } from '../../src/faces/omh/list.ts'
import { withDocuments } from '../../src/faces/r5/with-documents.ts'
import { standardExtensions } from '../../src/fhir/canonical.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { bundleChunks, bundleEntry } from '../../src/interactions/bundle/bundle-text.ts'
import type { Context, Handler, TypeRequest } from '../../src/interactions/interaction.ts'

const base = 'http://localhost:8080/fhir'
const asking = (query: string): TypeRequest => ({
  type: 'Observation',
  query: new URLSearchParams(query),
  body: undefined,
  headers: { prefer: { handling: 'strict' } },
})
const cursors = {
  open: (cursor: string) => ({ query: '_count=1', page: cursor }),
  seal: ({ page }: { readonly page: string }) => page,
}

/**
 * So many Observations, of which those at some places have a document, with what comes along on each page; `pages`: the size of each page that was
 * requested.
 */
const searchOver = (length: number, documents: ReadonlySet<number>, along: readonly string[] = []) => {
  const pages: number[] = []
  const search: Handler<TypeRequest> = async ({ query }) => {
    const [from, count] = [Number(query.get('_cursor') ?? 0), Number(query.get('_count') ?? 1)]
    pages.push(count)
    const to = Math.min(from + count, length)
    const entries = Array.from({ length: to - from }, (_, index) => {
      const extension = documents.has(from + index) ? [{ url: standardExtensions.observationValue }] : []
      const text = JSON.stringify({ resourceType: 'Observation', id: `${from + index}`, extension })
      return bundleEntry(undefined, text, { search: { mode: 'match' } })
    })
    for (const id of along)
      entries.push(bundleEntry(undefined, `{"resourceType":"Patient","id":"${id}"}`, { search: { mode: 'include' } }))
    const link = to < length ? [{ relation: 'next' as const, url: `${base}/Observation?_cursor=${to}` }] : []
    return { status: 200, body: { kind: 'chunks', chunks: bundleChunks({ type: 'searchset', link }, entries) } }
  }
  const found = async (query: string) => {
    const { body } = await withDocuments(search)(asking(query), { cursors } as unknown as Context)
    if (body?.kind !== 'chunks') throw new Error('no Bundle')
    return [...body.chunks.entries].map(text => JSON.parse(text).resource.id)
  }
  return { found, pages }
}

t.test('a document behind thousands without any is found in few steps, on a page as it was requested', async t => {
  const { found, pages } = searchOver(6000, new Set([5003, 5004]))
  t.same(await found('_count=1'), ['5003'])
  t.same(pages, [1, ...Array.from({ length: 6 }, () => 1000), 1, 1, 1])
})

t.test('a page that has only what comes along with Observations without a document is passed over, too', async t => {
  t.same(await searchOver(6, new Set([4]), ['ann']).found('_count=1'), ['4', 'ann'])
})

t.test('if none is left, the last page is empty', async t => {
  t.same(await searchOver(2500, new Set()).found('_count=1'), [])
})

t.test('a search that would skip without end is refused, and does not pretend that nothing is left', async t => {
  await t.rejects(searchOver(1_000_000, new Set()).found('_count=1'), /Too many Observations without a document/)
})

t.test('a list of data points ends after too many were skipped, and says where it continues', async t => {
  let searches = 0
  const search = async () => {
    searches += 1
    return { entries: [{ content: '{}' }], next: String(searches) }
  }
  const mhealth = { measuredDocumentOf: () => [].values() }
  const context = { cursors, base, registry: loadRegistry(), store: { search }, mhealth } as unknown as Context
  const { body, next } = await listDataPoints(asking('schema_namespace=omh&schema_name=step-count&skip=5'), context)
  t.same([body, next], [{ kind: 'text', text: '[]' }, `${base}/dataPoints?_cursor=100`])
  t.equal(searches, 100)
})
