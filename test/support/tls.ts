import { type IncomingMessage, request as requestHttp, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { generate } from 'selfsigned'

/** A site with TLS on this machine, with a certificate for its name that is made when it starts. */
export const openTlsSite = async (
  name: string,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
) => {
  const { private: key, cert } = await generate([{ name: 'commonName', value: name }], {
    algorithm: 'sha256',
    keySize: 2048,
    extensions: [{ name: 'subjectAltName', altNames: [{ type: 2, value: name }] }],
  })
  const server = createServer({ key, cert }, answer)
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    origin: `https://${name}:${(server.address() as AddressInfo).port}`,
    certificate: cert,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** A proxy that ends TLS in front of a server, as operators have one. */
export const openTlsProxy = async (name: string) => {
  let target = 0
  const site = await openTlsSite(name, (request, response) => {
    const { method = 'GET', url = '/', headers } = request
    const forwarded = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https', ...headers }
    const onward = requestHttp({ host: '127.0.0.1', port: target, method, path: url, headers: forwarded }, answer => {
      response.writeHead(answer.statusCode ?? 502, answer.rawHeaders)
      answer.pipe(response)
    })
    request.pipe(onward)
  })
  return {
    ...site,
    /** Requests go to that port of this machine from now on. */
    forwardTo: (port: number) => {
      target = port
    },
  }
}
