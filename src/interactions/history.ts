import { FhirError } from '../fhir/error.ts'
import { defaultCount, maxCount } from '../search/result-parameter.ts'
import type { Version } from '../storage/store.ts'
import { bundleChunks, bundleEntry } from './bundle-text.ts'
import { statusLine } from './entry.ts'
import type { Handler, InstanceRequest } from './interaction.ts'
import { cursorUrl, openPage } from './paging.ts'
import { etagOf } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#history */
export const history: Handler<InstanceRequest> = async ({ type, id, query }, context) => {
  const path = `${type}/${id}/_history`
  const { query: asked, page: cursor } = await openPage(query, path, context)
  const count = parseCount(asked)
  const page = await context.store.history(type, id, { count, cursor })
  const { base } = context
  const { next } = page
  const nextLink = next === undefined ? [] : [await cursorUrl({ path, query: asked.toString(), page: next }, context)]
  const chunks = bundleChunks(
    {
      type: 'history',
      total: page.total,
      link: [
        { relation: 'self', url: asked.size === 0 ? `${base}/${path}` : `${base}/${path}?${asked}` },
        ...nextLink.map(url => ({ relation: 'next' as const, url })),
      ],
    },
    page.entries.map(version => historyEntry(version, base)),
  )
  return { status: 200, body: { kind: 'chunks', chunks } }
}

const parseCount = (query: URLSearchParams): number => {
  const unknown = [...query.keys()].find(name => name !== '_count')
  if (unknown !== undefined) {
    throw new FhirError('invalid', `"${unknown}" is no parameter of a history here; supported: _count`, {
      expression: unknown,
    })
  }
  const text = query.get('_count') ?? String(defaultCount)
  if (!/^[1-9]\d{0,8}$/.test(text)) {
    throw new FhirError('invalid', `_count is a whole number from 1 to ${maxCount}, not "${text}"`, {
      expression: '_count',
    })
  }
  return Math.min(Number(text), maxCount)
}

/** https://hl7.org/fhir/R4/bundle.html#history */
const historyEntry = ({ type, id, versionId, lastUpdated, method, content }: Version, base: string): string =>
  bundleEntry(`${base}/${type}/${id}`, content, {
    request: { method, url: method === 'POST' ? type : `${type}/${id}` },
    response: {
      status: statusLine(statusOf(method, versionId)),
      etag: etagOf(versionId),
      lastModified: lastUpdated.toISOString(),
    },
  })

const statusOf = (method: Version['method'], versionId: string): number => {
  if (method === 'DELETE') return 204
  return versionId === '1' ? 201 : 200
}
