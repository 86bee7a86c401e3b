import type { AddressInfo } from 'node:net'
import t from 'tap'
import { openInvited } from '../web/invited.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test('staff register patients, bring a list, and invite them', { skip: whyNoChromium() }, async t => {
  const world = await openInvited({ PORT: '0', SMTP_URL: 'none' }, 200)
  const { server, staff, study } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(world.close)
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const browser = await openBrowser()
  const { page } = browser
  const value = staff.cookies.get('sharewell-session') ?? ''
  await browser.context.addCookies([{ name: 'sharewell-session', value, url: base }])
  const { type, press } = byKeyboard(browser)
  const words = async () => (await page.textContent('main'))?.replace(/\s+/g, ' ') ?? ''
  const enter = async (fields: Readonly<Record<string, string>>) => {
    for (const [label, text] of Object.entries(fields)) await type(label, text)
  }
  const send = async (lines: readonly string[]) => {
    await page.goto(`${base}/patients/imports?study=${study.id}`)
    const content = ['family;given;birth_date;email;mobile', ...lines].join('\r\n')
    await page
      .getByLabel('File')
      .setInputFiles({ name: 'list.csv', mimeType: 'text/csv', buffer: Buffer.from(content) })
    await page.getByRole('button', { name: 'Check the file' }).click()
    await page.waitForURL(/imports\/[\w-]{36}/)
    await page.waitForSelector('[data-progress]', { state: 'detached' })
  }

  await page.goto(`${base}/patients`)
  await look(t, browser, 'patients-empty')
  await press('Register a patient')
  await look(t, browser, 'patient-new')
  await enter({ 'Given names': 'Ana', 'Birth date': '3.5.1970', 'Mobile number': '555' })
  await press('Register')
  await look(t, browser, 'patient-new-problem')
  await enter({ 'Family name': 'Castillo', 'Birth date': '1970-05-31', 'Mobile number': '+1 500 555 0006' })
  await press('Register')
  t.match(page.url(), /\/patients\/[\w-]{36}\?done=registered/)
  await page.emulateMedia({ media: 'print' })
  t.notOk(await page.isVisible('text=Edit the patient’s details'), 'paper leads nowhere')
  await page.emulateMedia({ media: 'screen' })
  await press('Edit the patient’s details')
  await look(t, browser, 'patient-change')

  await page.goto(`${base}/patients/new`)
  await enter({ 'Given names': 'ANA', 'Family name': 'castillo', 'Birth date': '1970-05-31' })
  await press('Register')
  t.match(await words(), /There may be a record of this patient already/)
  await look(t, browser, 'patient-new-duplicate')

  await page.goto(`${base}/patients/imports?study=${study.id}`)
  await look(t, browser, 'patient-imports')
  await send(['Ruiz;María;1980-02-30;maria@example;', 'Lee;Kim;1985-01-01;kim@example.org;'])
  t.match(await words(), /Of 2 lines, one has an error/)
  await look(t, browser, 'patient-import-problem')
  await send([
    'Ruiz;María;1980-02-28;maria@example.org;',
    'Lee;Kim;1985-01-01;;+15005550007',
    'Castillo;Ana;1970-05-31;;',
  ])
  t.match(await words(), /One patient may be registered already/)
  await look(t, browser, 'patient-import')
  await press('Register them')
  await page.waitForSelector('[data-progress]', { state: 'detached' })
  t.match(await words(), /2 patients are registered, and enrolled in the study/)
  await look(t, browser, 'patient-import-done')

  await press('Go to the study')
  await press('Enrol patients')
  await look(t, browser, 'study-enrolment')
  await page.getByLabel('Ana Castillo').check()
  await press('Enrol')
  await page.waitForSelector('[data-progress]', { state: 'detached' })
  await press('See the invitations')
  await look(t, browser, 'study-invitations')
  await page.getByLabel(/All 3 who are listed/).check()
  await press('Invite')
  await page.waitForSelector('[data-progress]', { state: 'detached' })
  t.match(await words(), /3 of 3 are invited/)
  await look(t, browser, 'study-action')

  await page.goto(`${base}/patients/new`)
  const family = 'Berg'.repeat(12)
  await enter({ 'Given names': 'Bo', 'Family name': family, 'Birth date': '1960-01-01' })
  await press('Register')
  await send([`${family};Bo;1960-01-01;;`])
  const choice = page.getByLabel(`What to do with line 2, Bo ${family}, born`)
  await page.setViewportSize({ width: 360, height: 800 })
  const right = (await choice.boundingBox()) ?? { x: 360, width: 0 }
  t.ok(right.x + right.width <= 360, 'on a phone the choice is seen beside a long name')
  await choice.selectOption({ label: `Enrol the one who is registered: Bo ${family}, born 1 January 1960` })
  await press('Register them')
  await page.waitForSelector('[data-progress]', { state: 'detached' })
  t.match(await words(), /Nobody new is registered\. Those of the list who were registered already are enrolled/)
  await look(t, browser, 'patient-import-enrolled')
  await press('See how far that is')
  await page.waitForSelector('[data-progress]', { state: 'detached' })
  t.match(await words(), /1 of 1 are enrolled/)

  for (let sent = 0; sent < 3; ) {
    await page.goto(`${base}/outbox`)
    sent = await page.locator('main li').count()
  }
  t.match(
    await words(),
    /Text message To \+15005550007.*lab invites you to a study\. Read what it is about, and decide: http/,
  )
  await look(t, browser, 'outbox')
  await page.locator('main li', { hasText: '+15005550007' }).locator('a').click()
  await look(t, browser, 'invitation-by-sms')
  await press('Send me the code')
  t.match(await words(), /If a text message can reach you, a code is on its way/)
})
