import type { AddressInfo } from 'node:net'
import t from 'tap'
import { startSession } from '../../src/storage/account/session.ts'
import { openSharers } from '../web/sharers/sharers-world.ts'
import { look, openChromium, whyNoChromium } from './chromium.ts'

t.test('a clinician without a study sees what a patient shares, until it ends', { skip: whyNoChromium() }, async t => {
  const world = await openSharers()
  const { server, database } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const { person, practitioner } = await world.clinician()
  const { give, change, measure } = await world.patient('Hidden')
  const given = { to: practitioner, kinds: ['omh:heart-rate', 'omh:body-weight'], display: 'Ada Lovelace' }
  const consent = await give(given)
  for (const day of ['01', '02', '03', '04']) {
    await measure('8867-4', `2026-03-${day}T12:00:00Z`, 60 + Number(day), '/min')
    await measure('29463-7', `2026-03-${day}T08:00:00Z`, 70 + Number(day), 'kg')
    await measure('2339-0', `2026-03-${day}T08:00:00Z`, 100, 'mg/dL')
  }
  const openBrowser = await openChromium(t)
  const browser = await openBrowser()
  const { page, context } = browser
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const value = await startSession(database, { person, methods: ['pwd'], device: 'Test' })
  await context.addCookies([{ name: 'sharewell-session', value, url: base }])
  const drawn = async () => {
    await page.waitForSelector('.chart canvas')
    return page.locator('figure.chart :is(h2, h3)').allTextContents()
  }

  await page.goto(`${base}/account`)
  await page.getByRole('link', { name: 'Shared with me', exact: true }).click()
  await look(t, browser, 'shared-with-me')
  await page.getByRole('link', { name: 'Ada Lovelace' }).click()
  t.match(await drawn(), [/Heart rate/, /Weight/])
  t.match(await page.textContent('main'), 'What you can see')
  await look(t, browser, 'shared')
  await page.getByRole('link', { name: '30 days' }).click()
  t.match(page.url(), `/shared/${consent.id}?`)
  t.match(await drawn(), [/Heart rate/, /Weight/])

  const { provision } = consent
  const first = provision?.provision?.slice(0, 1) ?? []
  await change(consent, { dateTime: new Date().toISOString(), provision: { ...provision, provision: first } })
  await page.reload()
  t.match(await drawn(), [/Heart rate/])
  t.equal(await page.locator('figure.chart').count(), 1)
  await page.getByRole('link', { name: 'Back to all who share with you' }).click()
  t.equal(await page.getByText('Body weight').count(), 0)
  t.same(browser.complaints, [])
})
