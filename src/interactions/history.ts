import type { ResourceType } from '@medplum/fhirtypes'
import { FhirError } from '../fhir/error.ts'
import { refusal } from '../search/refusal.ts'
import { defaultCount, maxCount } from '../search/result-parameter.ts'
import { intervalIn, mostAsked, parseWholeNumber } from '../search/written-value.ts'
import type { HistoryAsked, Version, VersionPage } from '../storage/store.ts'
import { bundleChunks, bundleEntry } from './bundle/bundle-text.ts'
import { statusLine } from './bundle/entry.ts'
import type { Context, FhirResponse, Handler, InstanceRequest, SystemRequest, TypeRequest } from './interaction.ts'
import { cursorUrl, openPage } from './search/paging.ts'
import { searchableTypes } from './searchable-types.ts'
import { inPart, subsetAsked } from './subset.ts'
import { etagOf } from './version.ts'

/** https://hl7.org/fhir/R4/http.html#history */
export const history: Handler<InstanceRequest> = ({ type, id, ...request }, context) =>
  historyBundle({ path: `${type}/${id}/_history`, types: [type] }, request, context, asked =>
    context.store.history(type, id, asked),
  )

export const typeHistory: Handler<TypeRequest> = ({ type, ...request }, context) =>
  historyBundle({ path: `${type}/_history`, types: [type] }, request, context, asked =>
    context.store.historyOfTypes([type], asked),
  )

/** The history of all types that the caller may search. */
export const systemHistory: Handler<SystemRequest> = (request, context) => {
  const types = searchableTypes(context)
  if (types.length === 0) throw new FhirError('forbidden', 'This token does not allow it: a scope with s is needed')
  return historyBundle({ path: '_history', types }, request, context, asked =>
    context.store.historyOfTypes(types, asked),
  )
}

type Of = { readonly path: string; readonly types: readonly ResourceType[] }

const historyBundle = async (
  { path, types }: Of,
  { query, headers }: Pick<SystemRequest, 'query' | 'headers'>,
  context: Context,
  read: (asked: HistoryAsked) => Promise<VersionPage>,
): Promise<FhirResponse> => {
  const { query: said, page: cursor } = await openPage(query, path, context)
  const asked = headers.prefer.handling === 'lenient' ? knownAmong(said) : said
  const subset = subsetAsked(context.registry, types, asked)
  const page = await read({ ...parseHistory(asked), cursor })
  const entries = await inPart(context.store, page.entries, subset)
  const { base } = context
  const { next, total } = page
  const nextLink = next === undefined ? [] : [await cursorUrl({ path, query: asked.toString(), page: next }, context)]
  const chunks = bundleChunks(
    {
      type: 'history',
      ...(total === undefined ? {} : { total }),
      link: [
        { relation: 'self', url: asked.size === 0 ? `${base}/${path}` : `${base}/${path}?${asked}` },
        ...nextLink.map(url => ({ relation: 'next' as const, url })),
      ],
    },
    entries.map(version => historyEntry(version, base)),
  )
  return { status: 200, body: { kind: 'chunks', chunks } }
}

/** What a history may be asked for. */
export const historyNames = ['_count', '_since', '_at', '_summary', '_elements', '_format', '_pretty']

/** Parameters that are passed over are only left out of the self link: in a history no entry can say so, since each must have a request. */
const knownAmong = (query: URLSearchParams): URLSearchParams =>
  new URLSearchParams([...query].filter(([name]) => historyNames.includes(name)))

const parseHistory = (query: URLSearchParams): Omit<HistoryAsked, 'cursor'> => {
  const unknown = [...query.keys()].find(
    (name, index, all) => !historyNames.includes(name) || all.indexOf(name) !== index,
  )
  if (unknown !== undefined) {
    throw refusal(
      unknown,
      `"${unknown}" is no parameter of a history here, or not twice; supported: ${historyNames.join(', ')}`,
    )
  }
  const text = query.get('_count') ?? String(defaultCount)
  const [since, at] = [intervalNamed('_since', query), intervalNamed('_at', query)]
  return {
    count: parseWholeNumber('_count', text, { least: 1, most: mostAsked, cap: maxCount }),
    ...(since === undefined ? {} : { since: since.low }),
    ...(at === undefined ? {} : { at }),
  }
}

const intervalNamed = (name: string, query: URLSearchParams) => {
  const text = query.get(name)
  if (text === null) return undefined
  const interval = intervalIn(text)
  if (interval !== undefined) return interval
  throw refusal(name, `${name} is a date or an instant such as 2026-03-01T12:00:00Z, not "${text}"`)
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
