import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { sql } from '../../src/storage/sql.ts'
import { type Browser, openBrowser, type Shown } from '../support/browser.ts'
import { gatherPageRoutes } from '../web/page-routes.ts'
import { fromAbove, linkPages, openPages, openTable, pageTable } from '../web/page-table.ts'
import { openTenants } from '../web/tenants.ts'

const routes = gatherPageRoutes()
const world = await openTenants()
t.teardown(() => world.server.close())
t.setTimeout(280_000)
const { browsers, addressOf } = await openTable(world)

const rowOf = (path: string) => pageTable[path] ?? { may: [] }
/** All that a page has refused to somebody who is signed in. */
const refused: { readonly asked: string; readonly request: string }[] = []
const noteRefused = (asked: string, { status, headers }: Shown) => {
  if (status === 403 || status === 404) refused.push({ asked, request: String(headers['x-request-id']) })
}
const tokenOf = async (browser: Browser, page: string) =>
  /name="_csrf" value="([^"]*)"/.exec((await browser.get(page)).body)?.[1] ?? ''

t.test('who sees a page is said of every page, and of none that is not there', async t => {
  const paths = [...new Set(routes.filter(({ path }) => !path.startsWith('/sso')).map(({ path }) => path))]
  t.same(paths.toSorted(), [...Object.keys(pageTable), ...openPages, ...linkPages].toSorted())
})

t.test('a page is there for those who may see it, and for nobody else', async t => {
  for (const { path } of routes.filter(({ method, path }) => method === 'GET' && path in pageTable)) {
    const { may, isNothing } = rowOf(path)
    for (const [role, browser] of Object.entries(browsers)) {
      const shown = await browser.get(addressOf(path))
      noteRefused(`${role}: GET ${path}`, shown)
      const { status, location } = shown
      const isThere = status === 200 || (status === 303 && location?.startsWith('/account/second-factor'))
      t.equal(isThere, isNothing !== true && may.some(one => one === role), `${role}: ${path} ${status}`)
      if (!isThere) t.ok(status === 404 || (status === 303 && location === '/account'), `${role}: ${path} ${status}`)
    }
  }
})

t.test('whoever manages from above has the definition of a study, and no page of who is in it', async t => {
  const { manager } = browsers
  const { id } = await world.newStudy(world.lab.manager, world.ward, 'of the ward', ['omh:heart-rate'])
  const onPaper = { url: extensions.paperConsent, valueBoolean: true }
  const stored = JSON.parse((await world.send('everything', 'GET', `ResearchStudy/${id}`)).body)
  await world.update(world.lab.manager, { ...stored, extension: [...(stored.extension ?? []), onPaper] })
  const _csrf = await tokenOf(manager, '/account')
  for (const { method, path } of routes.filter(({ path }) => path.startsWith('/studies/:id'))) {
    if (rowOf(path).isNothing === true) continue
    const address = addressOf(path.replace(':id', id))
    if (method === 'GET')
      t.equal((await manager.get(address)).status, fromAbove.includes(path) ? 200 : 404, `${method} ${path}`)
    else if (!fromAbove.includes(path))
      t.equal((await manager.post(address, { _csrf })).status, 404, `${method} ${path}`)
  }
  t.equal((await manager.get(`/organizations/${world.ward}/studies/new`)).status, 200, 'and makes one there')
})

t.test('no form is taken from who does not see its page', async t => {
  for (const [role, browser] of Object.entries(browsers)) {
    const _csrf = await tokenOf(browser, '/account')
    for (const { path } of routes.filter(({ method, path }) => method === 'POST' && path in pageTable)) {
      if (rowOf(path).may.some(one => one === role)) continue
      const shown = await browser.post(addressOf(path), { _csrf })
      noteRefused(`${role}: POST ${path}`, shown)
      t.ok(shown.status === 404, `${role}: ${path} ${shown.status}`)
    }
  }
})

t.test('whoever is not signed in comes to sign-in, and does nothing', async t => {
  const nobody = openBrowser(world.server)
  const _csrf = await tokenOf(nobody, '/sign-in')
  for (const { method, path } of routes.filter(({ path }) => path in pageTable)) {
    const address = addressOf(path)
    const { status, location } = method === 'GET' ? await nobody.get(address) : await nobody.post(address, { _csrf })
    const isSignIn = path === '/sign-out' ? '/sign-in?signed-out' : `/sign-in?continue=${encodeURIComponent(address)}`
    t.same([status, location], [303, isSignIn], `${method} ${path}`)
  }
})

t.test('what is opened by a link or a cookie of its own is closed to whoever has neither', async t => {
  for (const { method, path } of routes.filter(({ path }) => linkPages.includes(path)))
    for (const browser of [browsers.patient, browsers.manager]) {
      const _csrf = await tokenOf(browser, '/account')
      const { status, location = '' } = await (method === 'GET' ? browser.get(path) : browser.post(path, { _csrf }))
      // What a launch brought says of itself that it is over.
      const isOver = status === 303 && location.startsWith('/launched/')
      t.ok((status >= 400 && status < 500) || isOver, `${method} ${path} ${status}`)
    }
})

t.test('whatever a page reads or writes is recorded within the request that it was done by', async t => {
  const found = await world.database.any<{ request: string; client: string }>(sql.fragment`
    SELECT DISTINCT client, request FROM audit_record WHERE client = 'pages' AND interaction <> 'sign-in'`)
  t.ok(found.length > 100)
  t.notOk(found.some(({ request }) => request === null))
})

t.test('whatever a page refuses is recorded once', async t => {
  const found = await world.database.any<{ request: string; outcome: number }>(sql.fragment`
    SELECT request, outcome FROM audit_record WHERE outcome IN (403, 404) AND client = 'pages'`)
  const outcomes = Map.groupBy(found, ({ request }) => request)
  t.ok(refused.length > 900, `${refused.length}`)
  t.same(
    refused.flatMap(({ asked, request }) => (outcomes.get(request)?.length === 1 ? [] : [asked])),
    [],
  )
})
