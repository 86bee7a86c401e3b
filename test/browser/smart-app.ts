import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

type Options = { readonly clientId: string; readonly scope: string }

/**
 * An app on a site of its own, made with SMART's unmodified JavaScript client: /launch begins, /popup begins in a window of its own, /ready is where
 * it comes back, /post begins with a form, /link has a link to the address in its query.
 */
export const openSmartApp = async (t: Test) => {
  const library = await readFile(new URL('../../node_modules/fhirclient/build/fhir-client.js', import.meta.url))
  let options: Options | undefined
  const authorize = (more: object = {}) =>
    `FHIR.oauth2.authorize(${JSON.stringify({ ...options, redirectUri: '/ready', pkceMode: 'required', ...more })})`
  const pages: Readonly<Record<string, () => string | Buffer>> = {
    '/fhir-client.js': () => library,
    '/launch': () => page(authorize()),
    '/popup': () =>
      page(`const connect = () => ${authorize({ target: 'popup' })}`, '<button onclick="connect()">Connect</button>'),
    '/post': () => page('', postForm),
    '/link': () => page('', linkElsewhere),
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

const page = (script: string, body = ''): string =>
  `<!doctype html><title>App</title><link rel="icon" href="data:,"><script src="/fhir-client.js"></script>${body}<script>${script}</script>`

const linkElsewhere = `<a>There</a><script>
document.querySelector('a').href = new URLSearchParams(location.search).get('to')
</script>`

/** Sends the query of the page to us by POST. https://hl7.org/fhir/smart-app-launch/app-launch.html#obtain-authorization-code */
const postForm = `<form method="post"><button>Connect</button></form><script>
const query = new URLSearchParams(location.search)
const [form] = document.forms
form.action = query.get('to')
query.delete('to')
for (const [name, value] of query) form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }))
</script>`
