import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openInvited } from '../web/invited.ts'
import { byKeyboard, openChromium, whyNoChromium } from './chromium.ts'

/** A browser of a patient who has just signed to share everything with the study. */
const openSigned = async (t: Test) => {
  const world = await openInvited({ PORT: '0' })
  await world.server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(world.close)
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(world.server.server.address() as AddressInfo).port}`
  const { browser } = await world.arrived('Nani')
  const opened = await openBrowser({ locale: 'en-US' })
  const value = browser.cookies.get('sharewell-session') ?? ''
  await opened.context.addCookies([{ name: 'sharewell-session', value, url: base }])
  const { page } = opened
  const { press, type } = byKeyboard(opened)
  await page.goto(`${base}/sharing/${world.study.id}`)
  for (const radio of await page.locator('input[type=radio][value=yes]').all()) await radio.check()
  await press('See what that means')
  await type('Your name', 'Nani')
  await press('Sign')
  return { base, opened, page, press }
}

t.test('after stopping something, going back shows nothing ticked', { skip: whyNoChromium() }, async t => {
  const { base, page, press } = await openSigned(t)
  await page.goto(`${base}/sharing`)
  const boxes = page.locator('input[name=stop]')
  t.equal(await boxes.count(), 2)
  await boxes.first().check()
  await press('Stop what I ticked')
  t.match(await page.textContent('main'), /It is stopped/)
  await page.goBack()
  t.equal(await boxes.count(), 1)
  t.equal(await boxes.isChecked(), false, 'what continues was never ticked')
})

t.test(
  'a page that the browser has kept is asked for again, but not while something is typed in it',
  { skip: whyNoChromium() },
  async t => {
    const { base, opened, page } = await openSigned(t)
    /** As when somebody goes back, since the browser of tests keeps no page: how it is asked for again, if it is. */
    const asked = () =>
      page.evaluate(`(() => {
        let asked
        const note = event => {
          asked = event.navigationType
          event.preventDefault()
        }
        navigation.addEventListener('navigate', note)
        dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))
        navigation.removeEventListener('navigate', note)
        return asked
      })()`)
    await page.goto(`${base}/sharing`)
    t.equal(await asked(), 'reload', 'what it says may have ended')
    await page.locator('input[name=stop]').first().check()
    t.equal(await asked(), undefined, 'a tick that was not sent stays')
    await page.evaluate(`addEventListener('submit', event => event.preventDefault())`)
    await page.getByRole('button', { name: 'Stop what I ticked' }).click()
    t.equal(await asked(), 'reload', 'what was sent is over')
    await page.getByRole('link', { name: 'Glucose' }).or(page.locator('main a[href^="/sharing/"]')).first().click()
    await page.waitForURL(/sharing\/[\w-]{36}/)
    await page.getByRole('button', { name: 'See what that means' }).click()
    await page.getByRole('heading', { name: 'Before you sign' }).waitFor()
    t.equal(await asked(), 'replace', 'the page of the answer to a form, which reloading would send again')
    await page.getByLabel('Your name').fill('Nani')
    t.equal(await asked(), undefined, 'a name that was not sent stays')
    await page.evaluate(`addEventListener('submit', event => event.preventDefault())`)
    await page.getByRole('button', { name: 'Sign', exact: true }).click()
    t.equal(await asked(), 'replace', 'what was sent is over')
    t.same(opened.complaints, [])
  },
)

t.test('what was just done is where the page begins to be read', { skip: whyNoChromium() }, async t => {
  const { base, page, press } = await openSigned(t)
  const focused = () => page.evaluate('document.activeElement.localName + " " + document.activeElement.innerText')
  t.match(await focused(), /^div It is signed\./)
  await page.goto(`${base}${new URL(page.url()).pathname}`)
  t.match(await page.textContent('main'), /You share data with this study now/)
  t.match(await focused(), /^body /, 'somebody who comes back begins at the top')
  await page.goto(`${base}/sharing`)
  await press('Stop what I ticked')
  t.equal(await page.title(), 'Problem: What you share – Sharewell')
  t.match(await focused(), /^div Nothing was ticked/)
})

t.test('after signing, going back leads to the page of the study', { skip: whyNoChromium() }, async t => {
  const { opened, page } = await openSigned(t)
  await page.goBack()
  t.match(await page.textContent('main'), /You share data with this study now/)
  t.same(opened.complaints, [])
})

t.test(
  'after signing at the second try, because no name was typed, going back leads to the page of the study as well',
  { skip: whyNoChromium() },
  async t => {
    const { base, opened, page, press } = await openSigned(t)
    await page.goto(`${base}${new URL(page.url()).pathname}`)
    await press('See what that means')
    await press('Sign')
    t.match(await page.textContent('[role=alert]'), /Type your name to sign/)
    await byKeyboard(opened).type('Your name', 'Nani')
    await press('Sign')
    t.match(await page.textContent('[role=status]'), /It is signed/)
    await page.goBack()
    t.match(await page.textContent('main'), /You share data with this study now/)
    t.same(opened.complaints, [])
  },
)

t.test(
  'from wherever a link on the answer to a form leads, going back leads to the page',
  { skip: whyNoChromium() },
  async t => {
    const { base, opened, page, press } = await openSigned(t)
    await page.goto(`${base}${new URL(page.url()).pathname}`)
    await press('See what that means')
    t.match(await page.textContent('h1'), /Before you sign/)
    await page.getByRole('link', { name: 'Account' }).click()
    await page.waitForURL(`${base}/account`)
    await page.goBack()
    t.match(await page.textContent('main'), /You share data with this study now/)
    t.same(opened.complaints, [])
  },
)

t.test(
  'in high contrast the browser draws what is ticked, in colours that are seen',
  { skip: whyNoChromium() },
  async t => {
    const { page } = await openSigned(t)
    await page.emulateMedia({ forcedColors: 'active' })
    const drawn = await page
      .locator('input[type=radio]:checked')
      .first()
      .evaluate(one => [getComputedStyle(one).appearance, getComputedStyle(one).backgroundImage])
    t.same(drawn, ['auto', 'none'])
  },
)

t.test(
  'on paper it says who shares and when that was so, without buttons and ways to other pages',
  { skip: whyNoChromium() },
  async t => {
    const { base, page } = await openSigned(t)
    await page.goto(`${base}/sharing`)
    await page.emulateMedia({ media: 'print' })
    const line = page.locator('main').getByText('Nani')
    t.match(await line.textContent(), /^Nani, \w+ \d+, \d{4} at /)
    t.ok(await line.isVisible())
    t.equal(await page.locator('.btn:visible, header:visible, a[href="/account"]:visible').count(), 0)
    t.equal(await page.locator('input[name=stop]:visible').count(), 0, 'no empty box looks as if nothing were shared')
    t.ok(await page.getByText('Heart rate, from ').first().isVisible())
    await page.emulateMedia({ media: 'screen' })
    t.notOk(await line.isVisible(), 'only on paper')
  },
)
