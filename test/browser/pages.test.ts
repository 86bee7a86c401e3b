import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { auditKeyOf } from '../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../src/storage/audit/seal/seal.ts'
import { gatherPageRoutes } from '../web/page-routes.ts'
import { openPages, openTable, pageTable } from '../web/page-table.ts'
import { openTenants } from '../web/tenants.ts'
import { narrow, openChromium, spacedScript, whyNoChromium } from './chromium.ts'

// https://github.com/dequelabs/axe-core/blob/develop/doc/API.md
const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
/** Styles and media are not loaded once more: of the rules that are asked, none that is serious needs it. */
const wrongWith = `axe.run(document, { resultTypes: ['violations'], preload: false }).then(({ violations }) => [
  ...violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => id + ': ' + nodes.map(({ html }) => html.slice(0, 200)).slice(0, 3).join(' ')),
  ...(document.documentElement.scrollWidth > innerWidth ? ['it is wider than a phone'] : []),
  ...[...document.querySelectorAll('h1, h2, h3, h4, h5, h6, [role=heading]')].flatMap((one, at, all) => {
    const [above, level] = [all[at - 1], one].map(heading => Number(heading?.ariaLevel ?? heading?.localName[1] ?? 0))
    return level > above + 1 ? ['a heading of level ' + level + ' follows one of ' + above + ': ' + one.textContent] : []
  }),
  ...[...document.querySelectorAll('form :is([type=checkbox], [type=radio])')]
    .filter(one => one.closest('fieldset') === null && one.form.elements[one.name].length > 1)
    .map(one => 'it is one of several, in no group: ' + one.outerHTML),
  ...[...document.querySelectorAll('[lang=en] form[method=post]:has(.form-control[required]) .form-control:not([required])')].flatMap(one => {
    const hint = document.getElementById(one.id + '-hint')?.textContent
    return one.value !== '' || /optional|empty|needed if|only if|instead of|apps only|if there are none/i.test(hint) ? [] : ['it does not say that one need not fill in ' + one.name]
  }),
])`

t.test('no page has a serious accessibility problem', { skip: whyNoChromium() }, async t => {
  t.setTimeout(280_000)
  const routes = gatherPageRoutes()
  const world = await openTenants()
  const { server } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const refused: string[] = []
  server.server.on('request', ({ method, url }, response) =>
    response.on('finish', () => {
      if (response.statusCode >= 400) refused.push(`${method} ${url}: ${response.statusCode}`)
    }),
  )
  const { browsers, addressOf } = await openTable(world)
  // Only then do the pages that list what was done have any of it.
  await sealAudit(world.database, auditKeyOf(Buffer.alloc(32, 7)))
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const openBrowser = await openChromium(t)

  /** A tab of somebody, in a language; `undefined`: of nobody. */
  const tabs = new Map<string, Awaited<ReturnType<typeof openBrowser>>['page']>()
  const tabOf = async (role: keyof typeof browsers | undefined, locale: string) => {
    const name = `${role} ${locale}`
    const { context, page } = tabs.has(name)
      ? { page: tabs.get(name) }
      : await openBrowser({ locale, viewport: narrow })
    // Told once, it is compiled more cheaply than on each page.
    await context?.addInitScript({ content: axe })
    const value = role && browsers[role].cookies.get('sharewell-session')
    if (context && value) await context.addCookies([{ name: 'sharewell-session', value, url: base }])
    if (page === undefined) throw new Error(`there is no tab of ${name}`)
    tabs.set(name, page)
    return page
  }
  const check = async (path: string, role: keyof typeof browsers | undefined, locale: string) => {
    const page = await tabOf(role, locale)
    await page.goto(`${base}${addressOf(path)}`)
    t.same(
      [await page.evaluate(wrongWith), await page.evaluate(spacedScript)].flat(),
      [],
      `${path} for ${role ?? 'nobody'}, in ${locale}`,
    )
  }

  for (const path of openPages) for (const locale of ['en', 'es']) await check(path, undefined, locale)
  for (const { path } of routes.filter(({ method, path }) => method === 'GET' && path in pageTable)) {
    const { may = [], isFile, isNothing, ofPatients } = pageTable[path] ?? {}
    const [role] = may
    if (isFile || isNothing || role === undefined) continue
    await check(path, role, 'en')
    if (ofPatients) await check(path, role, 'es')
  }
  await t.test('nor have the pages to browse the API, whatever is opened there', async t => {
    // High, since only what is in the window is drawn.
    const { page, complaints } = await openBrowser({ viewport: { ...narrow, height: 20_000 } })
    const checkState = async (state: string) => t.same(await page.evaluate(wrongWith), [], state)
    await page.goto(`${base}/docs`)
    await page.getByRole('heading', { name: /^Observation Operations/ }).waitFor()
    await page.evaluate(axe)
    await checkState('the list')
    await page.getByRole('button', { name: 'Authorize', exact: true }).click()
    await page.getByRole('dialog', { name: 'Available authorizations' }).waitFor()
    await checkState('the token')
    await page.getByRole('dialog').getByRole('button', { name: 'Close' }).last().click()
    await page.getByRole('link', { name: 'Every type' }).click()
    await page.getByText('history-instance').waitFor()
    await checkState('a tag')
    for (const name of [/^GET .*read$/, /^PUT .*update$/, /^PATCH/, /^DELETE/, /^POST.*create$/])
      await page.getByRole('button', { name }).first().click()
    await page.getByRole('button', { name: 'Try it out' }).nth(4).waitFor()
    await checkState('operations')
    for (const one of await page.getByRole('button', { name: 'Try it out' }).elementHandles()) await one.click()
    await page.getByRole('button', { name: 'Execute' }).nth(4).waitFor()
    await checkState('what is tried')
    await page.getByRole('button', { name: 'Execute' }).first().click()
    await page.getByText('Required field is not provided').first().waitFor()
    await checkState('what is missing')
    await page.getByRole('textbox', { name: 'id' }).first().fill('nobody')
    const answer = page.waitForResponse(/nobody/)
    await page.getByRole('button', { name: 'Execute' }).first().click()
    await (await answer).finished()
    await page.getByText('Response body').first().waitFor()
    await checkState('an answer')
    await page.emulateMedia({ colorScheme: 'dark' })
    await checkState('by night')
    t.same(complaints, [])
    refused.splice(0)
  })
  t.same(refused, [], 'no page asks for something that does not exist')
})
