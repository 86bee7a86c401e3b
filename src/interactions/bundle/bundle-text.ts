/** A Bundle as JSON text in pieces, put together around entries that are JSON text already, and are never parsed. */
export type BundleText = Iterable<string> & {
  /** The elements before the entries, for presenting these in another way. Iterate either `entries` or the text, and only once. */
  readonly head: Omit<BundleHead, 'link'> & Partial<BundleHead>
  readonly entries: Iterable<string>
}

/** FHIR has no empty lists, but clients of another contract may expect them, and can have them. */
export const bundleChunks = (
  { link, ...rest }: BundleHead,
  entries: Iterable<string>,
  { emptyLists }: { readonly emptyLists: EmptyLists } = { emptyLists: 'left-out' },
): BundleText => {
  const head = { ...rest, ...(link.length > 0 || emptyLists === 'kept' ? { link } : {}) }
  return { head, entries, [Symbol.iterator]: () => chunksOf(head, entries, emptyLists) }
}

type EmptyLists = 'left-out' | 'kept'

const chunksOf = function* (head: object, entries: Iterable<string>, emptyLists: EmptyLists): Generator<string> {
  let text = JSON.stringify({ resourceType: 'Bundle', ...head }).slice(0, -1)
  let isEmpty = true
  for (const entry of entries) {
    text += (isEmpty ? ',"entry":[' : ',') + entry
    isEmpty = false
    if (text.length >= chunkLength) {
      yield text
      text = ''
    }
  }
  if (!isEmpty) yield `${text}]}`
  else yield emptyLists === 'kept' ? `${text},"entry":[]}` : `${text}}`
}

export type BundleHead = {
  readonly timestamp?: string
  readonly type: 'collection' | 'searchset' | 'history' | 'batch-response' | 'transaction-response'
  readonly total?: number
  readonly link: readonly { readonly relation: 'self' | 'first' | 'previous' | 'next'; readonly url: string }[]
}

/** Long enough for few writes to the socket, and short enough for a page not to be one piece. */
const chunkLength = 64 * 1024

/** One entry: `resource` is JSON text, `rest` the elements after it. */
export const bundleEntry = (fullUrl: string | undefined, resource: string | undefined, rest: object): string => {
  const first = fullUrl === undefined ? '' : `"fullUrl":${JSON.stringify(fullUrl)},`
  const second = resource === undefined ? '' : `"resource":${resource},`
  return `{${first}${second}${JSON.stringify(rest).slice(1)}`
}
