/** The text of a Bundle, put together around resources that lie ready as JSON and are never parsed. */
export const bundleChunks = function* (head: BundleHead, entries: Iterable<string>): Generator<string> {
  const { link, ...rest } = head
  const opening = JSON.stringify({ resourceType: 'Bundle', ...rest, ...(link.length > 0 ? { link } : {}) })
  let text = opening.slice(0, -1)
  let separator = ',"entry":['
  for (const entry of entries) {
    text += separator + entry
    separator = ','
    if (text.length >= chunkLength) {
      yield text
      text = ''
    }
  }
  yield `${text}${separator === ',' ? ']' : ''}}`
}

export type BundleHead = {
  readonly type: 'searchset' | 'history' | 'batch-response' | 'transaction-response'
  readonly total?: number
  readonly link: readonly { readonly relation: 'self' | 'next'; readonly url: string }[]
}

/** Few enough writes to the socket, and never a page in one piece. */
const chunkLength = 64 * 1024

/** One entry: `resource` is JSON text, `rest` the elements after it. */
export const bundleEntry = (fullUrl: string | undefined, resource: string | undefined, rest: object): string => {
  const first = fullUrl === undefined ? '' : `"fullUrl":${JSON.stringify(fullUrl)},`
  const second = resource === undefined ? '' : `"resource":${resource},`
  return `{${first}${second}${JSON.stringify(rest).slice(1)}`
}
