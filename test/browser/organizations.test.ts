import type { AddressInfo } from 'node:net'
import t from 'tap'
import { inviteFirstAdministrator } from '../../src/accounts/sign-up/new-account.ts'
import { openMockEhr } from '../auth/ehr/mock-ehr.ts'
import { fhirWorld } from '../support/fhir-server.ts'
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
    await type('Redirect URLs', 'http://desk.example.org/back')
    await press('Register')
    await look(t, first, 'app-problem')
    await type('Name', 'Study desk')
    await toggle(/^App without a secret/)
    await page.keyboard.press('ArrowDown')
    await type('Redirect URLs', 'https://desk.example.org/back')
    await type('Scopes that it may be given', 'user/Observation.rs')
    await press('Register')
    t.equal(await heading(), 'Save this client secret')
    await look(t, first, 'app-secret')
    await press('I have saved it')
    await look(t, first, 'app')
    await press('Disable')
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
    await press('Add EHR')
    await look(t, first, 'ehr-problem')
    await type('FHIR base of the EHR', ehr.base)
    await type('Client ID', 'sharewell')
    await press('Add EHR')
    await look(t, first, 'ehr')
    await press('Check the connection')
    t.match(await page.textContent('main'), /It answers, and offers what a launch needs/)
    await look(t, first, 'ehr-check')
    await press('Back to the EHRs')
    await look(t, first, 'ehrs')
    await press(ehr.base)
    await press('Remove this EHR')
    t.match(await page.textContent('main'), /None is set up for this organization itself/)
  })
})

t.test('the first administrator makes a tree, and a researcher joins it', { skip: whyNoChromium() }, async t => {
  const { server, database } = await fhirWorld({}, { pauseMs: 60_000, retries: 0 })
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const password = 'seven green umbrellas sing'
  const first = await openBrowser()
  const { page } = first
  const { type, toggle, press } = byKeyboard(first)
  await page.goto(`${base}/new-account?link=${await inviteFirstAdministrator(database)}`)
  await type('Your name', 'Ada Root')
  await type('E-mail address', 'ada@example.org')
  await type('Password', password)
  await press('Create account')
  await press('See your organizations')

  await t.test('they make a university, a department and a laboratory', async t => {
    await press('Add a top-level organization')
    await press('Add organization')
    await look(t, first, 'organization-problem')
    await type('Name', 'Riverside University')
    await press('Add organization')
    for (const name of ['Department of Cardiology', 'Laboratory of Sleep']) {
      await press('Add an organization below it')
      await type('Name', name)
      await page.getByRole('button', { name: 'Add organization' }).dblclick({ delay: 20 })
      await page.waitForURL('**?done=made')
      await page.click('text=Riverside University')
    }
    t.equal(await page.getByRole('link', { name: 'Department of Cardiology' }).count(), 1, 'each is made once')
    await press('Laboratory of Sleep')
    await press('Move')
    await page.selectOption('#parent', { label: 'Riverside University / Department of Cardiology' })
    await look(t, first, 'organization-move')
    await press('Move')
    await press('Close')
    await look(t, first, 'organization-close')
    await press('Leave it as it is')
    await press('Add an organization below it')
    await type('Name', 'W'.repeat(200))
    await press('Add organization')
    for (const link of ['Nobody has a role yet', 'Back to WW', 'Edit details', 'Back to the organization']) {
      await page.getByRole('link', { name: link }).click()
      await look(t, first, 'organization-of-a-long-word')
    }
    await press('All organizations')
    await look(t, first, 'organizations-tree')
  })

  await t.test('they say where data comes from, and see the system', async t => {
    await press('Devices')
    await press('Add a device or app')
    await look(t, first, 'device-new')
    await type('Name', 'Tidewell band')
    await toggle('Heart rate')
    await press('Add')
    await press('System')
    await look(t, first, 'system')
    await page.emulateMedia({ forcedColors: 'active' })
    const lined = await page.evaluate(
      `[...document.querySelectorAll('.ways a')].filter(one => getComputedStyle(one).borderBottomColor !== getComputedStyle(document.body).backgroundColor).map(one => one.textContent)`,
    )
    t.same(lined, ['System'], 'with colours of their own, too, only where they are has a line')
    await page.emulateMedia({ forcedColors: 'none' })
    await press('Organizations')
  })

  await t.test('they invite a researcher, who agrees with the letter and sees the organization', async t => {
    await press('Department of Cardiology')
    await press('Nobody has a role yet')
    await press('Invite somebody')
    await look(t, first, 'invite')
    await type('E-mail address', 'rosa@example.org')
    await toggle(/^Manager/)
    await page.keyboard.press('ArrowDown')
    await press('Invite')
    await look(t, first, 'people-invited')
    const second = await openBrowser()
    const researcher = byKeyboard(second)
    for (;;) {
      await second.page.goto(`${base}/outbox`)
      if (await second.page.isVisible('text=You are invited')) break
      await new Promise(resolve => setTimeout(resolve, 100))
    }
    await second.page.click('a[href*="/join"]')
    await look(t, second, 'join')
    await researcher.type('Your name', 'Rosa Diaz')
    await researcher.type('Password', password)
    await researcher.press('Create account and accept')
    t.match(await second.page.textContent('main'), /You have joined this organization/)
    await page.reload()
    await press('Rosa Diaz')
    await look(t, first, 'person')
    await press('Remove Rosa Diaz from Department of Cardiology')
    await press('Remove')
    await second.page.reload()
    t.equal(await second.page.textContent('h1'), 'There is no such page')
  })
})
