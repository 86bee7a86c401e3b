import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openTenants } from '../web/tenants.ts'
import { openChromium, whyNoChromium } from './chromium.ts'

t.test('days that are asked for are those of where the reader is', { skip: whyNoChromium() }, async t => {
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
  t.equal(address(), '', 'nothing is asked for yet, and shown anew')
  t.equal(await page.inputValue('#timezone'), 'America/New_York')
  await page.fill('#from', '2026-03-01')
  await page.press('#from', 'Enter')
  await page.waitForURL(/timezone=America%2FNew_York/)
  await page.goto(`${base}/account/disclosures?from=2026-03-01`)
  await page.waitForURL(/from=2026-03-01&timezone=America%2FNew_York/)
  await page.goto(`${base}/account/disclosures?from=2026-03-01&timezone=Europe/Berlin`)
  t.equal(await page.inputValue('#timezone'), 'Europe/Berlin', 'unless another is chosen')
  t.equal(address(), '?from=2026-03-01&timezone=Europe/Berlin')
})
