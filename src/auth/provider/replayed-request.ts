import type { IncomingMessage } from 'node:http'
import { Readable } from 'node:stream'

/**
 * A request whose body has been read, in the form that the library expects: with its path below the mount, the address that others use, and the
 * body, perhaps amended, to be read again.
 */
export const replayedRequest = (
  request: IncomingMessage,
  { issuer, path, authorization, body }: Replayed,
): IncomingMessage => {
  const { protocol, host, pathname } = new URL(issuer)
  const { 'transfer-encoding': _chunked, authorization: _sent, ...headers } = request.headers
  const stream = Readable.from(body.length === 0 ? [] : [body], { objectMode: false })
  return Object.create(request, {
    url: { value: path, writable: true },
    baseUrl: { value: pathname },
    // From the address as it was sent, the library would take a host that a request names before its path.
    originalUrl: { value: `${pathname}${path}` },
    headers: {
      value: {
        ...headers,
        ...(authorization === undefined ? {} : { authorization }),
        host,
        'x-forwarded-host': host,
        'x-forwarded-proto': protocol.slice(0, -1),
        ...(request.method === 'POST' ? { 'content-length': String(body.length) } : {}),
      },
    },
    received: { value: body },
    readable: { value: true },
    readableEncoding: { value: null },
    iterator: { value: () => stream[Symbol.asyncIterator]() },
  })
}

type Replayed = {
  readonly issuer: string
  /** With the query. */
  readonly path: string
  readonly authorization: string | undefined
  readonly body: Buffer
}
