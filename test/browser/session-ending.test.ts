import { readFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { type SqlFragment, sql } from '../../src/storage/sql.ts'
import { openPeople } from '../web/people.ts'
import { openChromium, whyNoChromium } from './chromium.ts'

const axe = await readFile(new URL(import.meta.resolve('axe-core/axe.min.js')), 'utf8')
const barriers = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe)
  return page.evaluate('axe.run(document).then(({ violations }) => violations.map(({ id }) => id))')
}

t.test('before a session ends, its pages say so, and one press keeps it', { skip: whyNoChromium() }, async t => {
  const { server, database, newAccount, close } = await openPeople()
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(close)
  const { person } = await newAccount('ana')
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const change = (to: SqlFragment) => database.run(sql.fragment`UPDATE user_session SET ${to}`)
  const almostIdle = sql.fragment`seen_at = now() - interval '118 minutes 30 seconds'`
  const over = sql.fragment`seen_at = now() - interval '121 minutes'`
  const { context, page, complaints } = await (await openChromium(t))({ locale: 'es' })
  const signIn = async () => {
    const value = await startSession(database, { person, methods: ['pwd'], device: 'Test' })
    await context.addCookies([{ name: 'sharewell-session', value, url: base }])
  }
  const open = async (one: Page) => {
    await one.clock.install()
    await one.goto(`${base}/account/name`)
    await one.fill('#name', 'What was typed')
    return one
  }
  /** As if the time had passed, for the page; its clock is asked every ten seconds. */
  const later = (one: Page) => one.clock.fastForward('01:58:20').then(() => one.clock.runFor(11_000))
  const dialogOf = (one: Page) => one.getByRole('dialog')
  const soon = { name: 'Su sesión está a punto de terminar' }
  const stay = { name: 'Seguir en la sesión' }
  await signIn()
  await open(page)
  const otherTab = await open(await context.newPage())

  await t.test('if it was used in another tab, nothing is said', async t => {
    const answered = page.waitForResponse(/ending$/)
    await later(page)
    await (await answered).finished()
    t.equal(await dialogOf(page).count(), 0)
  })

  await t.test('it is said with two minutes left, in a dialog that has the focus', async t => {
    await change(almostIdle)
    await later(page)
    await page.getByRole('dialog', soon).waitFor()
    t.match(await dialogOf(page).ariaSnapshot(), /Hace casi dos horas .* menos de dos minutos/)
    t.equal(await page.evaluate('document.activeElement.textContent'), stay.name)
    t.same(await barriers(page), [])
  })

  await t.test('one press keeps it as often as is wanted, and what was typed and the focus are as before', async t => {
    await page.getByRole('button', stay).click()
    await dialogOf(page).waitFor({ state: 'detached' })
    for (let count = 0; count < 10; count += 1) {
      await change(almostIdle)
      await later(page)
      await page.getByRole('dialog', soon).waitFor()
      await page.keyboard.press(count % 2 === 0 ? 'Enter' : 'Escape')
      await dialogOf(page).waitFor({ state: 'detached' })
    }
    t.equal(await page.inputValue('#name'), 'What was typed')
    t.equal(await page.evaluate('document.activeElement.id'), 'name')
  })

  await t.test('what was said in one tab is taken back in another', async t => {
    await change(almostIdle)
    for (const one of [page, otherTab]) {
      await later(one)
      await one.getByRole('dialog', soon).waitFor()
    }
    await page.getByRole('button', stay).click()
    await otherTab.clock.runFor(11_000)
    await dialogOf(otherTab).waitFor({ state: 'detached' })
    t.pass()
  })

  await t.test('that it is over is said as well, and what was typed can be sent after signing in', async t => {
    await change(almostIdle)
    await later(page)
    await page.getByRole('dialog', soon).waitFor()
    await change(over)
    await page.clock.runFor(11_000)
    await page.getByRole('dialog', { name: 'Su sesión ha terminado' }).waitFor()
    t.match(await dialogOf(page).ariaSnapshot(), /no se ha enviado, y sigue en esta página/)
    t.same(await barriers(page), [])
    const [signing] = await Promise.all([
      context.waitForEvent('page'),
      dialogOf(page).getByRole('link', { name: 'Iniciar sesión (pestaña nueva)' }).click(),
    ])
    await signing.waitForURL(/\/sign-in\?continue=%2Faccount%3Fdone%3Dagain$/)
    await signIn()
    await page.evaluate(`dispatchEvent(new Event('focus'))`)
    await dialogOf(page).waitFor({ state: 'detached' })
    t.equal(await page.inputValue('#name'), 'What was typed')
  })

  await t.test('an end that nothing puts off is said once, with a way to sign in again', async t => {
    await change(sql.fragment`expires_at = now() + interval '200 seconds'`)
    await open(page)
    const early = page.waitForResponse(/ending$/)
    await page.clock.runFor(11_000)
    await (await early).finished()
    t.equal(await dialogOf(page).count(), 0)
    await change(sql.fragment`expires_at = now() + interval '90 seconds'`)
    await later(page)
    await page.getByRole('dialog', soon).waitFor()
    t.match(await dialogOf(page).ariaSnapshot(), /doce horas/)
    await page.getByRole('button', { name: 'Volver a la página' }).click()
    const answered = page.waitForResponse(/ending$/)
    await page.clock.runFor(11_000)
    await (await answered).finished()
    t.equal(await dialogOf(page).count(), 0)
  })
  t.same(complaints, [])
})
