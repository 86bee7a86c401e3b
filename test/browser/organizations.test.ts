import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openMockEhr } from '../auth/ehr/mock-ehr.ts'
import { openTenants } from '../web/tenants.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test('a manager looks after their organization with a browser', { skip: whyNoChromium() }, async t => {
  const ehr = await openMockEhr()
  const world = await openTenants({ OUTBOUND_ORIGINS: new URL(ehr.base).origin })
  const { server, lab, people } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    await server.close()
    ehr.close()
  })
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const session = people.manager.cookies.get('sharewell-session') ?? ''
  const first = await openBrowser()
  await first.context.addCookies([{ name: 'sharewell-session', value: session, url: base }])
  const { page } = first
  const heading = () => page.textContent('h1')
  const { type, toggle, press } = byKeyboard(first)
  await page.goto(`${base}/account`)
  await press('See your organizations')
  await look(t, first, 'organizations')
  await press('lab')
  await look(t, first, 'organization')

  await t.test('they register an app, keep its secret, and disable it', async t => {
    await press('0 apps and backend services')
    await look(t, first, 'apps-none')
    await press('Register an app or a backend service')
    await look(t, first, 'app-new')
    await type('Redirect addresses', 'http://desk.example.org/back')
    await press('Register')
    await look(t, first, 'app-problem')
    await type('Name', 'Study desk')
    await toggle(/^App without a secret/)
    await page.keyboard.press('ArrowDown')
    await type('Redirect addresses', 'https://desk.example.org/back')
    await type('Scopes that it may have at most', 'user/Observation.rs')
    await press('Register')
    t.equal(await heading(), 'Keep this secret')
    await look(t, first, 'app-secret')
    await press('I have kept it')
    await look(t, first, 'app')
    await press('Disable it')
    await look(t, first, 'app-disabled')
    await press('Back to the apps')
    await look(t, first, 'apps')
  })

  await t.test('they set up an EHR, check it, and remove it', async t => {
    await page.goto(`${base}/organizations/${lab.organization}/ehrs`)
    await look(t, first, 'ehrs-none')
    await press('Add an EHR')
    await look(t, first, 'ehr-new')
    await type('FHIR base of the EHR', 'https://elsewhere.example/fhir')
    await press('Add it')
    await look(t, first, 'ehr-problem')
    await type('FHIR base of the EHR', ehr.base)
    await type('Client id', 'sharewell')
    await press('Add it')
    await look(t, first, 'ehr')
    await press('Check it')
    t.match(await page.textContent('main'), /It answers, and offers what a launch needs/)
    await look(t, first, 'ehr-check')
    await press('Back to the EHRs')
    await look(t, first, 'ehrs')
    await press(ehr.base)
    await press('Remove it')
    t.match(await page.textContent('main'), /None is set up for it itself/)
  })
})
