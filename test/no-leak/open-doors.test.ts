import t from 'tap'
import { fhirWorld } from '../support/fhir-server.ts'

const { server } = await fhirWorld({}, { pauseMs: 60_000, retries: 0 })
t.teardown(() => server.close())

/** Every route that asks for no token, as the router names it, and why it needs none. Whoever adds one says so here. */
const open: Readonly<Record<string, string>> = {
  '/': 'leads to the account page, and there to sign-in',
  healthz: 'whether the process lives; it says nothing else',
  readyz: 'whether the database answers; it says nothing else',
  metadata: 'what the server can do',
  '.well-known/smart-configuration': 'where tokens come from',
  'openapi.json': 'what the server can do',
  docs: 'the same, to browse',
  ws: 'a websocket hears nothing before it is bound with a token',
  '*': 'styles of the pages, the same for all',
  'sign-in': 'where a session begins: it answers what nobody knows and what is wrong alike',
  'new-account': 'opened by a link alone, which is a secret of 256 bits that works once',
}

/** Those that ask for the cookie of a session instead: without one a page leads to sign-in, and no form is taken. */
const signedIn = ['account', 'sign-out']

/** `name (GET, POST)` at the first level of the router's tree. */
const routes = [...server.printRoutes({ commonPrefix: false }).matchAll(/^(?:[│ ] {3})?[├└]── (\S+) \(([A-Z, ]+)\)$/gm)]
  .map(([, name = '', methods = '']) => ({ name, methods: methods.split(', ') }))
  .filter(({ name, methods }) => name !== 'fhir' && methods.join() !== 'OPTIONS')

t.test('every route outside the FHIR API is known to be open, or asks who is there', async t => {
  t.same(routes.map(({ name }) => name).toSorted(), [...Object.keys(open), ...signedIn].toSorted())
})

t.test('a page of somebody leads whoever is not signed in to sign-in', async t => {
  for (const { name, methods } of routes.filter(({ name }) => signedIn.includes(name))) {
    if (methods.includes('GET')) {
      const { statusCode, headers, body } = await server.inject({ url: `/${name}` })
      t.same([statusCode, headers.location, body], [303, `/sign-in?continue=%2F${encodeURIComponent(name)}`, ''], name)
    }
    if (methods.includes('POST'))
      t.equal((await server.inject({ method: 'POST', url: `/${name}` })).statusCode, 403, name)
  }
})
