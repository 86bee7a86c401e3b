import t from 'tap'
import { extensions } from '../../src/fhir/canonical.ts'
import { sql } from '../../src/storage/sql.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../support/browser.ts'
import { gatherPageRoutes } from '../web/page-routes.ts'
import { fromAbove, linkPages, openPages, openTable, pageTable } from '../web/page-table.ts'
import { openTenants } from '../web/tenants.ts'

const routes = gatherPageRoutes()
const world = await openTenants()
t.teardown(() => world.server.close())
t.setTimeout(280_000)
const { browsers, addressOf } = await openTable(world)

/** The nearest page at or above the path of a form. */
const pageAbove = (path: string): string =>
  routes.some(one => one.method === 'GET' && one.path === path) ? path : pageAbove(path.slice(0, path.lastIndexOf('/')))
const rowOf = (path: string) => pageTable[path] ?? { may: [] }
/** Everything that a page refused to somebody who is signed in. */
const refused: { readonly asked: string; readonly request: string }[] = []
const noteRefused = (asked: string, { status, headers }: Shown) => {
  if (status === 403 || status === 404) refused.push({ asked, request: String(headers['x-request-id']) })
}
const tokenOf = async (browser: Browser, page: string) =>
  /name="_csrf" value="([^"]*)"/.exec((await browser.get(page)).body)?.[1] ?? ''

t.test('the table says who can see a page for every page, and for none that does not exist', async t => {
  const paths = [...new Set(routes.filter(({ path }) => !path.startsWith('/sso')).map(({ path }) => path))]
  const listed = [...Object.keys(pageTable), ...openPages, ...linkPages]
  t.same(paths.toSorted(), listed.toSorted(), 'the table is in test/web/page-table.ts')
})

t.test('a page exists for those who may see it, and for nobody else', async t => {
  for (const { path } of routes.filter(({ method, path }) => method === 'GET' && path in pageTable)) {
    const { may, isNothing } = rowOf(path)
    for (const [role, browser] of Object.entries(browsers)) {
      const shown = await browser.get(addressOf(path))
      noteRefused(`${role}: GET ${path}`, shown)
      const { status, location } = shown
      const isThere = status === 200 || (status === 303 && location?.startsWith('/account/second-factor'))
      t.equal(isThere, isNothing !== true && may.some(one => one === role), `${role}: ${path} ${status}`)
      if (!isThere)
        t.ok(status === 404 || (status === 303 && location?.split('?')[0] === '/account'), `${role}: ${path} ${status}`)
    }
  }
})

t.test('a manager from above has the definition of a study, and no page about the people in it', async t => {
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

t.test('no form is accepted from somebody who does not see its page', async t => {
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

t.test('somebody who is not signed in is sent to sign-in, and can do nothing', async t => {
  const nobody = openBrowser(world.server)
  const _csrf = await tokenOf(nobody, '/sign-in')
  for (const { method, path } of routes.filter(({ path }) => path in pageTable && path !== '/sign-out')) {
    const address = addressOf(path)
    const { status, location, headers } =
      method === 'GET' ? await nobody.get(address) : await nobody.post(address, { _csrf })
    const back = method === 'GET' ? address : addressOf(pageAbove(path))
    const unsaved = method === 'GET' ? '' : '&unsaved'
    t.same([status, location], [303, `/sign-in?continue=${encodeURIComponent(back)}${unsaved}`], `${method} ${path}`)
    t.equal(headers['cache-control'], 'no-store', `${method} ${path}`)
  }
  t.match(await nobody.post('/sign-out', { _csrf }), { status: 303, location: '/sign-in?signed-out' })
})

t.test('sending a form after the session has ended leads back to a page that exists', async t => {
  const posts = routes.filter(({ method, path }) => method === 'POST' && path in pageTable && path !== '/sign-out')
  t.ok(posts.length > 60)
  for (const { path } of posts) {
    const browser = browsers[rowOf(path).may[0] ?? 'administrator']
    const _csrf = await tokenOf(browser, '/account')
    const session = browser.cookies.get('sharewell-session') ?? ''
    browser.cookies.delete('sharewell-session')
    // With a secret among them, the fields do not come back in the answer.
    const { location = '' } = await browser.post(addressOf(path), { _csrf, secret: 'typed unseen' })
    t.match(wordsOf(await browser.get(location)), /nothing that you sent was saved or done/, path)
    browser.cookies.set('sharewell-session', session)
    if (rowOf(path).isNothing === true) continue
    const back = new URL(location, 'http://here.invalid').searchParams.get('continue') ?? ''
    t.match(await browser.get(back), { status: 200, headers: { 'content-type': /^text\/html/ } }, path)
  }
})

/** The forms of a page with what is typed into them, except those with a password or file, and the one whose choices a cookie keeps. */
const typedForms = ({ body }: Pick<Shown, 'body'>) =>
  [...body.matchAll(/<form(?: class="[^"]*")? method="post" action="([^"]*)"[^>]*>([\s\S]*?)<\/form>/g)].flatMap(
    ([, action = '', inner = '']) => {
      const fields = inner.matchAll(/<textarea [^>]*name="([^"]+)"|<input [^>]*?name="([^"]+)" type="(?:text|email)"/g)
      const names = [...fields].map(([, lines, line]) => lines ?? line ?? '')
      const isHeld = /type="(password|file)"|one-time-code/.test(inner) && !names.includes('client_id')
      const _csrf = /name="_csrf" value="([^"]*)"/.exec(inner)?.[1] ?? ''
      return names.length === 0 || isHeld || /^\/sharing\/(?:[^/]+|with\/.*\/[^/]+)$/.test(action)
        ? []
        : [{ action, names, _csrf }]
    },
  )

t.test('what is typed into any form is in the answer once the session has ended, and in no other', async t => {
  const actions: string[] = []
  for (const { path } of routes.filter(({ method, path }) => method === 'GET' && path in pageTable)) {
    const { may, isFile, isNothing } = rowOf(path)
    if (isFile || isNothing) continue
    const browser = openBrowser(world.server, { remoteAddress: `10.8.0.${actions.length}` })
    for (const [name, value] of browsers[may[0] ?? 'administrator'].cookies) browser.cookies.set(name, value)
    const session = browser.cookies.get('sharewell-session') ?? ''
    for (const { action, names, _csrf } of typedForms(await browser.get(addressOf(path)))) {
      actions.push(action)
      browser.cookies.delete('sharewell-session')
      const typed = Object.fromEntries(names.map(name => [name, 'What <was> typed here']))
      const late = await browser.post(action, { ...typed, _csrf })
      t.match(late, { status: 401, headers: { 'cache-control': 'no-store' } }, `${path}: ${action}`)
      const given = (name: string) => `<input type="hidden" name="${name}" value="What &lt;was&gt; typed here">`
      t.same(
        names.filter(name => !late.body.includes(given(name))),
        [],
        `${path}: ${action}`,
      )
      t.notMatch(await browser.get('/sign-in'), { body: 'typed here' })
      browser.cookies.set('sharewell-session', session)
      t.notMatch(await browser.get(addressOf(path)), { body: 'typed here' })
    }
  }
  t.ok(actions.length > 15, actions.join(' '))
})

t.test('a form that was made for one person does nothing for another with the same browser', async t => {
  const forAnybody = ['/authorize/:id', '/invitation/account', '/join', '/second-factor', '/sign-in']
  // What a link opens is for whoever has it, and a letter goes to the address that was typed.
  const byLetter = [
    '/email-change',
    '/invitation',
    '/invitation/code',
    '/new-account',
    '/new-password',
    '/not-my-account',
    '/verification',
  ]
  const forLetter = ['/forgotten-password', '/sign-up']
  // Opens a tab that has no cookies yet.
  const tab = '/launched/:arrival/tab'
  const { patient, ...others } = browsers
  const _csrf = await tokenOf(patient, '/account')
  const posts = routes.filter(({ method, path }) => method === 'POST' && !/^\/(sso|sign-out)/.test(path))
  for (const { path } of posts) {
    const other = others[rowOf(path).may.find(role => role !== 'patient') ?? 'administrator'] ?? patient
    const shared = openBrowser(world.server, { remoteAddress: '10.9.0.1' })
    for (const [name, value] of patient.cookies) shared.cookies.set(name, value)
    shared.cookies.set('sharewell-session', other.cookies.get('sharewell-session') ?? '')
    const answer = await shared.post(addressOf(path), { _csrf })
    const isOfAnother = answer.status === 409 && /Somebody else has signed in.*Nothing was done/.test(wordsOf(answer))
    // Somebody without a password is told that first.
    const isRefused = isOfAnother || (answer.status === 403 && /your password, and you have none/.test(wordsOf(answer)))
    t.equal(isRefused, ![...forAnybody, ...byLetter, ...forLetter, tab].includes(path), `${path} ${answer.status}`)
  }
})

t.test('what a link or a cookie of its own opens is closed to everybody without it', async t => {
  const opened = routes.filter(({ path }) => linkPages.includes(path))
  t.ok(opened.length >= linkPages.length && linkPages.length > 0)
  for (const { method, path } of opened)
    for (const browser of [browsers.patient, browsers.manager]) {
      const _csrf = await tokenOf(browser, '/account')
      const { status, location = '' } = await (method === 'GET' ? browser.get(path) : browser.post(path, { _csrf }))
      // What a launch brought answers that it is over.
      const isOver = status === 303 && location.startsWith('/launched/')
      t.ok((status >= 400 && status < 500) || isOver, `${method} ${path} ${status}`)
    }
})

t.test('everything that a page reads or writes is recorded within the request that did it', async t => {
  const found = await world.database.any<{ request: string; client: string }>(sql.fragment`
    SELECT DISTINCT client, request FROM audit_record WHERE client = 'pages' AND interaction <> 'sign-in'`)
  t.ok(found.length > 100)
  t.notOk(found.some(({ request }) => request === null))
})

t.test('everything that a page refuses is recorded once', async t => {
  const found = await world.database.any<{ request: string; outcome: number }>(sql.fragment`
    SELECT request, outcome FROM audit_record WHERE outcome IN (403, 404) AND client = 'pages'`)
  const outcomes = Map.groupBy(found, ({ request }) => request)
  t.ok(refused.length > 900, `${refused.length}`)
  t.same(
    refused.flatMap(({ asked, request }) => (outcomes.get(request)?.length === 1 ? [] : [asked])),
    [],
  )
})
