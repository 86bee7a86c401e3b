import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'

type Received = {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** A server that keeps what it receives, and answers with the status that the test sets, once `meanwhile` is done. */
export const openReceiver = async () => {
  const received: Received[] = []
  const answer = { status: 200, meanwhile: async () => {} }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url = '', headers } = request
    received.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() })
    await answer.meanwhile()
    response.writeHead(answer.status).end()
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise(resolve => server.close(resolve))
  }
  return { origin: `http://127.0.0.1:${port}`, received, answer, close }
}

/** Runs while the next request is answered, and not for later ones. */
export const duringNext = (answer: { meanwhile: () => Promise<void> }, happen: () => Promise<unknown>): void => {
  answer.meanwhile = async () => {
    answer.meanwhile = async () => {}
    await happen()
  }
}

/** What is found, once it is there; if it never is, the test itself times out. */
export const until = async <T>(find: () => Promise<T | undefined | false> | T | undefined | false): Promise<T> => {
  for (;;) {
    const found = await find()
    if (found !== undefined && found !== false) return found
    await sleep(50)
  }
}
