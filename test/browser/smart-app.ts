import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

type Options = { readonly clientId: string; readonly scope: string }

/** An app on a site of its own, made of SMART's JavaScript client as it comes: /launch begins, /ready has come back. */
export const openSmartApp = async (t: Test) => {
  const library = await readFile(new URL('../../node_modules/fhirclient/build/fhir-client.js', import.meta.url))
  let options: Options | undefined
  const pages: Readonly<Record<string, () => string | Buffer>> = {
    '/fhir-client.js': () => library,
    '/launch': () =>
      page(`FHIR.oauth2.authorize(${JSON.stringify({ ...options, redirectUri: '/ready', pkceMode: 'required' })})`),
    '/ready': () => page('window.ready = FHIR.oauth2.ready()'),
  }
  const server = createServer(({ url = '' }, response) => {
    const path = url.split('?', 1)[0] ?? ''
    response.setHeader('content-type', path.endsWith('.js') ? 'text/javascript' : 'text/html; charset=utf-8')
    response.end(pages[path]?.() ?? page(''))
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    configure: (given: Options) => {
      options = given
    },
  }
}

const page = (script: string): string =>
  `<!doctype html><title>App</title><link rel="icon" href="data:,"><script src="/fhir-client.js"></script><script>${script}</script>`
