import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type GatewayRequest = {
  readonly method: string
  readonly path: string
  readonly body: string
  readonly header: (name: string) => string | undefined
}

/** A gateway that accepts everything, and hands messages out in the order of their arrival; or refuses with a given status. */
export const openSmsGateway = async () => {
  const requests: GatewayRequest[] = []
  const waiting: ((request: GatewayRequest) => void)[] = []
  let answer: { readonly status: number; readonly body: string } | undefined = { status: 201, body: '{"sid":"SM1"}' }
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const { method = '', url: path = '', headers } = request
    const received = {
      method,
      path,
      body: Buffer.concat(chunks).toString(),
      header: (name: string) => headers[name]?.toString(),
    }
    const waits = waiting.shift()
    if (waits === undefined) requests.push(received)
    else waits(received)
    if (answer === undefined) request.socket.destroy()
    else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body)
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const next = (): Promise<GatewayRequest> => {
    const request = requests.shift()
    return request === undefined ? new Promise(resolve => waiting.push(resolve)) : Promise.resolve(request)
  }
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** The next request, when it arrives. */
    next,
    /** The same, as a message in JSON. */
    nextMessage: async (): Promise<{ readonly to: string; readonly text: string }> => JSON.parse((await next()).body),
    answerWith: (status: number, body: string) => {
      answer = { status, body }
    },
    /** From now on it accepts everything, and does not answer. */
    hangUp: () => {
      answer = undefined
    },
    /** How many arrived that nobody has asked for. */
    waiting: () => requests.length,
    close: () => new Promise<void>(resolve => server.close(() => resolve())),
  }
}
