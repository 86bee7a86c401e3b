import type { ResourceType } from '@medplum/fhirtypes'
import type { Answer, Call } from './world.ts'

/** A way in: the letter of the scope that it needs, and which of the ids come out. */
export type Door = {
  readonly name: string
  readonly letter: 'r' | 's'
  readonly seen: (call: Call, type: ResourceType, ids: readonly string[]) => Promise<readonly string[]>
}

/** The body if it was answered, undefined if the caller was refused. Anything else is a fault. */
const bodyOf = ({ status, body }: Answer) => {
  if (status === 200) return JSON.parse(body)
  if ([401, 403, 404, 410].includes(status)) return undefined
  throw new Error(`${status}: ${body}`)
}

type Bundle = {
  readonly total?: number
  readonly entry?: readonly {
    readonly fullUrl?: string
    readonly resource?: { readonly id: string; readonly resourceType: string; readonly total?: number }
    readonly response?: { readonly status: string }
  }[]
  readonly link?: readonly { readonly relation: string; readonly url: string }[]
}

const idsIn = (bundle: Bundle | undefined): readonly string[] =>
  bundle?.entry?.flatMap(({ resource }) => (resource === undefined ? [] : [resource.id])) ?? []

const among = (ids: readonly string[], seen: readonly string[]) => seen.filter(id => ids.includes(id))

const search =
  (query: string, method: 'GET' | 'POST' = 'GET'): Door['seen'] =>
  async (call, type, ids) => {
    const asked = query.replace('{ids}', ids.join(','))
    const answer =
      method === 'GET' ? await call('GET', `${type}?${asked}`) : await call('POST', `${type}/_search`, asked)
    return among(ids, idsIn(bodyOf(answer)))
  }

/** One question for each id: does the count, or the page, have it? */
const oneByOne =
  (isSeen: (call: Call, type: ResourceType, id: string) => Promise<boolean>): Door['seen'] =>
  async (call, type, ids) => {
    const seen: string[] = []
    for (const id of ids) if (await isSeen(call, type, id)) seen.push(id)
    return seen
  }

/** What a history shows, and what its deletions tell of, as `Patient/1`. */
const namesIn = (bundle: Bundle | undefined): readonly string[] =>
  bundle?.entry?.flatMap(({ fullUrl }) => fullUrl?.split('/').slice(-2).join('/') ?? []) ?? []

const typeHistory: Door['seen'] = async (call, type, ids) => {
  const names = new Set(namesIn(bodyOf(await call('GET', `${type}/_history?_count=1000`))))
  return ids.filter(id => names.has(`${type}/${id}`))
}

/** All pages, read once for each caller. */
const systemHistory: Door['seen'] = async (call, type, ids) => {
  const names = namesByCall.get(call) ?? new Set((await follow(call, '_history?_count=1000', 'next')).flatMap(namesIn))
  namesByCall.set(call, names)
  return ids.filter(id => names.has(`${type}/${id}`))
}
const namesByCall = new WeakMap<Call, ReadonlySet<string>>()

/** The pages from there on, following one of their links. */
const follow = async (call: Call, start: string, relation: string): Promise<readonly Bundle[]> => {
  const found: Bundle[] = []
  for (let path: string | undefined = start; path !== undefined; ) {
    const bundle: Bundle | undefined = bodyOf(await call('GET', path))
    if (bundle !== undefined) found.push(bundle)
    path = linkOf(bundle, relation)
  }
  return found
}

const linkOf = (bundle: Bundle | undefined, relation: string) =>
  bundle?.link?.find(link => link.relation === relation)?.url.replace(/^.*\/(?:fhir|FHIR\/R5)\//, '')

const pages: Door['seen'] = async (call, type, ids) =>
  among(ids, (await follow(call, `${type}?_count=3&_total=accurate`, 'next')).flatMap(idsIn))

const pagesBackwards: Door['seen'] = async (call, type, ids) => {
  const [last, before] = (await follow(call, `${type}?_count=9`, 'next')).toReversed()
  const back = linkOf(last, 'previous')
  if (before === undefined || back === undefined) return among(ids, idsIn(last))
  return among(ids, [...idsIn(last), ...(await follow(call, back, 'previous')).flatMap(idsIn)])
}

/** Each id as an entry of one batch. */
const batch =
  (
    pathOf: (type: ResourceType, id: string) => string,
    isSeen: (entry: NonNullable<Bundle['entry']>[number]) => boolean,
  ): Door['seen'] =>
  async (call, type, ids) => {
    const entry = ids.map(id => ({ request: { method: 'GET', url: pathOf(type, id) } }))
    const bundle: Bundle | undefined = bodyOf(await call('POST', '', { resourceType: 'Bundle', type: 'batch', entry }))
    return ids.filter((_, index) => {
      const answer = bundle?.entry?.[index]
      return answer?.response?.status.startsWith('200') === true && isSeen(answer)
    })
  }

const transaction: Door['seen'] = async (call, type, ids) => {
  const entry = [{ request: { method: 'GET', url: `${type}?_count=1000` } }]
  const bundle = bodyOf(await call('POST', '', { resourceType: 'Bundle', type: 'transaction', entry }))
  return among(ids, idsIn(bundle?.entry[0].resource))
}

const lines: Door['seen'] = async (call, type, ids) => {
  const { status, body, ...rest } = await call('GET', type, undefined, { accept: 'application/fhir+ndjson' })
  if (status !== 200) return among(ids, idsIn(bodyOf({ status, body, ...rest })))
  const resources = body.split('\n').filter(line => line !== '')
  return among(
    ids,
    resources.map(line => JSON.parse(line).id),
  )
}

export const doors: readonly Door[] = [
  { name: 'search', letter: 's', seen: search('_count=1000') },
  { name: 'search by POST', letter: 's', seen: search('_id={ids}&_count=1000', 'POST') },
  { name: 'search in another order', letter: 's', seen: search('_sort=-_id&_count=1000') },
  { name: 'search by a filter', letter: 's', seen: search('_filter=not (_id eq nothing)&_count=1000') },
  { name: 'search by its words', letter: 's', seen: search('_content={ids}&_count=1000') },
  {
    name: 'search of several types',
    letter: 's',
    seen: async (call, type, ids) =>
      among(ids, idsIn(bodyOf(await call('GET', `?_type=${type}&_id=${ids.join()}&_count=1000`)))),
  },
  { name: 'pages', letter: 's', seen: pages },
  { name: 'pages backwards', letter: 's', seen: pagesBackwards },
  {
    name: 'batch of searches',
    letter: 's',
    seen: batch(
      (type, id) => `${type}?_id=${id}`,
      one => (one.resource as Bundle | undefined)?.entry !== undefined,
    ),
  },
  {
    name: 'batch of counts',
    letter: 's',
    seen: batch(
      (type, id) => `${type}?_id=${id}&_summary=count`,
      one => one.resource?.total === 1,
    ),
  },
  {
    name: 'batch of estimates',
    letter: 's',
    seen: batch(
      (type, id) => `${type}?_id=${id}&_summary=count&_total=estimate`,
      one => one.resource?.total === 1,
    ),
  },
  { name: 'search for lines', letter: 's', seen: lines },
  { name: 'transaction', letter: 's', seen: transaction },
  { name: 'history of the type', letter: 's', seen: typeHistory },
  { name: 'history of all', letter: 's', seen: systemHistory },
  {
    name: 'read',
    letter: 'r',
    seen: oneByOne(async (call, type, id) => bodyOf(await call('GET', `${type}/${id}`)) !== undefined),
  },
  {
    name: 'batch of $meta',
    letter: 'r',
    seen: batch(
      (type, id) => `${type}/${id}/$meta`,
      one => one.resource !== undefined,
    ),
  },
  {
    name: '$validate',
    letter: 'r',
    seen: oneByOne(async (call, type, id) => bodyOf(await call('GET', `${type}/${id}/$validate`)) !== undefined),
  },
  {
    name: 'batch of reads',
    letter: 'r',
    seen: batch(
      (type, id) => `${type}/${id}`,
      one => one.resource !== undefined,
    ),
  },
  {
    name: 'vread',
    letter: 'r',
    seen: batch(
      (type, id) => `${type}/${id}/_history/1`,
      one => one.resource !== undefined,
    ),
  },
  {
    name: 'history',
    letter: 'r',
    seen: batch(
      (type, id) => `${type}/${id}/_history`,
      one => Number(one.resource?.total ?? 0) > 0,
    ),
  },
]
