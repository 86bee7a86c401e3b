import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openInvited } from '../web/invited.ts'
import { openTenants } from '../web/tenants.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test('days that are asked for are those of the reader’s time zone', { skip: whyNoChromium() }, async t => {
  const { server, people } = await openTenants()
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const { context, page } = await openBrowser({ timezoneId: 'America/New_York' })
  const value = people.patient.cookies.get('sharewell-session') ?? ''
  await context.addCookies([{ name: 'sharewell-session', value, url: base }])
  const address = () => new URL(page.url()).search

  await page.goto(`${base}/account/disclosures`)
  t.equal(address(), '', 'nothing is asked for yet or reloaded')
  t.equal(await page.inputValue('#timezone'), 'America/New_York')
  await page.fill('#from', '2026-03-01')
  await page.press('#from', 'Enter')
  await page.waitForURL(/timezone=America%2FNew_York/)
  await page.goto(`${base}/account/disclosures?from=2026-03-01`)
  await page.waitForURL(/from=2026-03-01&timezone=America%2FNew_York/)
  await page.goto(`${base}/account/disclosures?from=2026-03-01&timezone=Europe/Berlin`)
  t.equal(await page.inputValue('#timezone'), 'Europe/Berlin', 'unless another one is chosen')
  t.equal(address(), '?from=2026-03-01&timezone=Europe/Berlin')

  for (const timezoneId of ['EST5EDT', 'GMT']) {
    const opened = await openBrowser({ timezoneId })
    await opened.context.addCookies([{ name: 'sharewell-session', value, url: base }])
    for (const query of ['', '?from=2026-03-01']) {
      await opened.page.goto(`${base}/account/disclosures${query}`)
      await opened.page.waitForLoadState('networkidle')
      t.equal(await opened.page.inputValue('#timezone'), 'UTC', `${timezoneId} names no place`)
      t.equal(new URL(opened.page.url()).search, query)
    }
  }
})

const webKit = 'Apple Computer, Inc.'

t.test('a button for a calendar is there where the browser opens one', { skip: whyNoChromium() }, async t => {
  const { server, people } = await openTenants()
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const value = people.patient.cookies.get('sharewell-session') ?? ''

  for (const [name, { vendor, platform, maxTouchPoints, lacks = '' }, buttons] of [
    ['Firefox', { vendor: '', platform: 'Linux x86_64', maxTouchPoints: 0 }, 2],
    ['Chromium on a phone', { vendor: 'Google Inc.', platform: 'Linux armv81', maxTouchPoints: 5 }, 2],
    ['Safari on a Mac', { vendor: webKit, platform: 'MacIntel', maxTouchPoints: 0 }, 2],
    ['Safari before 17.4', { vendor: webKit, platform: 'MacIntel', maxTouchPoints: 0, lacks: 'checkVisibility' }, 0],
    ['an iPhone', { vendor: webKit, platform: 'iPhone', maxTouchPoints: 5 }, 0],
    ['an iPad', { vendor: webKit, platform: 'MacIntel', maxTouchPoints: 5 }, 0],
    ['WebKit on Linux', { vendor: webKit, platform: 'Linux x86_64', maxTouchPoints: 0 }, 0],
  ] as const) {
    const { context, page } = await openBrowser()
    await context.addCookies([{ name: 'sharewell-session', value, url: base }])
    await context.addInitScript(`{
      const said = ${JSON.stringify({ vendor, platform, maxTouchPoints })}
      for (const [name, value] of Object.entries(said)) Object.defineProperty(navigator, name, { value })
      delete Element.prototype['${lacks}']
    }`)
    await page.goto(`${base}/account/disclosures`)
    t.equal(await page.locator('[data-calendar] + button').count(), buttons, name)
    t.equal(await page.locator('[data-calendar]').count(), 2, 'a day can be typed')
  }
})

t.test('days from and until which somebody shares are those of their time zone', { skip: whyNoChromium() }, async t => {
  const world = await openInvited({ PORT: '0' })
  await world.server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(world.close)
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(world.server.server.address() as AddressInfo).port}`
  const at = `${base}/sharing/${world.study.id}`
  const periodsOf = async (patient: string) => {
    const { entry } = (await world.send('everything', 'GET', `Consent?patient=Patient/${patient}`)).json()
    return entry[0].resource.provision.provision.map(({ dataPeriod }: { dataPeriod: object }) => dataPeriod)
  }
  const says = 'measured from November 10, 2026, until November 12, 2026'

  for (const [name, timezoneId, offset, there] of [
    ['Lara', 'America/Los_Angeles', '-08:00', 'Pacific/Auckland'],
    ['Aroha', 'Pacific/Auckland', '+13:00', 'America/Los_Angeles'],
  ] as const)
    await t.test(timezoneId, async t => {
      const { browser, patient } = await world.arrived(name)
      const cookie = { name: 'sharewell-session', value: browser.cookies.get('sharewell-session') ?? '', url: base }
      const open = async (zone: string) => {
        const opened = await openBrowser({ locale: 'en-US', timezoneId: zone })
        await opened.context.addCookies([cookie])
        await opened.page.goto(at)
        return { ...opened, ...byKeyboard(opened), field: (id: string) => opened.page.locator(`input[id$="${id}"]`) }
      }
      const here = await open(timezoneId)
      t.equal(await here.page.inputValue('#timezone'), timezoneId)
      t.equal(here.page.url(), at, 'nothing is reloaded as long as there is no day')
      for (const radio of await here.page.locator('input[type=radio][value=yes]').all()) await radio.check()
      await here.field('-from').first().fill('2026-11-1O')
      await here.field('-until').first().fill('2026-11-12')
      await here.press('See what that means')
      t.match(await here.page.textContent('main'), /Enter a day that exists, with its month as a word/)
      t.equal(await here.field('-from').first().inputValue(), '2026-11-1O', 'what was typed is kept')
      await here.field('-from').first().fill('')
      await here.page.getByRole('button', { name: 'Choose in a calendar: Measured from' }).first().click()
      await here.page.evaluate(`(() => {
        const [picker] = document.querySelectorAll('.calendar')
        picker.value = '2026-11-10'
        picker.dispatchEvent(new Event('change'))
      })()`)
      t.equal(await here.field('-from').first().inputValue(), '10 November 2026', 'a calendar writes it in words')
      await here.press('See what that means')
      t.match(await here.page.textContent('main'), says)
      await look(t, here, `sharing-days-${name}`)
      await here.type('Your name', name)
      await here.press('Sign')
      t.match(await here.page.textContent('main'), /It is signed/)
      t.equal(await here.field('-from').first().inputValue(), '10 November 2026')
      t.match(
        await here.field('-from').last().inputValue(),
        /^\d+ [A-Z][a-z]+ \d{4} \d\d:\d\d$/,
        'from now on is a moment',
      )
      await look(t, here, `sharing-days-signed-${name}`)
      const given = await periodsOf(patient.id)
      t.match(given[0], { start: `2026-11-10T00:00:00.000${offset}`, end: `2026-11-12T23:59:59.999${offset}` })
      for (const path of ['/copy', '/..'] as const) {
        await here.page.goto(`${at}${path}`.replace(/\/[^/]*\/\.\.$/, ''))
        t.match(await here.page.textContent('main'), says, path)
      }

      const elsewhere = await open(there)
      await elsewhere.page.waitForURL(/timezone=/)
      t.match(await elsewhere.field('-from').first().inputValue(), /^(?:9|10) November 2026 \d\d:00$/)
      await elsewhere.press('See what that means')
      t.notMatch(await elsewhere.page.textContent('main'), says)
      t.match(await elsewhere.page.textContent('main'), /measured from November (?:9|10), 2026 at \d/)
      await elsewhere.type('Your name', name)
      await elsewhere.press('Sign')
      t.match(await elsewhere.page.textContent('main'), /It is signed/)
      t.strictSame(await periodsOf(patient.id), given, 'continuing alone changes nothing')
    })

  for (const [name, timezone, offset] of [
    ['Nani', 'Pacific/Honolulu', '-10:00'],
    ['Keoni', 'Pacific/Auckland', '+13:00'],
  ] as const)
    await t.test(`the days are still there after going back in the browser: ${timezone}`, async t => {
      const { browser, patient } = await world.arrived(name)
      const opened = await openBrowser({ locale: 'en-US', timezoneId: 'Pacific/Honolulu' })
      const value = browser.cookies.get('sharewell-session') ?? ''
      await opened.context.addCookies([{ name: 'sharewell-session', value, url: base }])
      const { page } = opened
      const { press, type } = byKeyboard(opened)
      const until = page.locator('input[id$="-until"]').first()
      await page.goto(at)
      for (const radio of await page.locator('input[type=radio][value=yes]').all()) await radio.check()
      await until.fill('2050-12-31')
      await page.fill('#timezone', timezone)
      await press('See what that means')
      await page.goBack()
      t.equal(await page.locator('input[type=radio][value=yes]').first().isChecked(), true)
      t.equal(await until.inputValue(), '2050-12-31', 'what was to end does not continue')
      t.equal(await page.inputValue('#timezone'), timezone)
      await press('See what that means')
      await type('Your name', name)
      await press('Sign')
      t.match(await periodsOf(patient.id), [{ end: `2050-12-31T23:59:59.999${offset}` }, {}])
    })
})
