import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t from 'tap'
import { hashPassword } from '../../src/accounts/password/password.ts'
import { systems } from '../../src/fhir/canonical.ts'
import { addAccount } from '../../src/storage/account/user-account.ts'
import { sql } from '../../src/storage/sql.ts'
import { openTenants } from '../web/tenants.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test('a member makes a study in the browser, until it can ask patients', { skip: whyNoChromium() }, async t => {
  const world = await openTenants({ PORT: '0' })
  const { server, people } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const browser = await openBrowser()
  const { page } = browser
  const signIn = async (who: keyof typeof people) => {
    const value = people[who].cookies.get('sharewell-session') ?? ''
    await browser.context.addCookies([{ name: 'sharewell-session', value, url: base }])
  }
  await signIn('member')
  const { type, press, enter } = byKeyboard(browser)

  await page.goto(`${base}/studies`)
  await press('A new study of lab')
  await type('Title', 'Sleep in shifts')
  await type('First day', 'May')
  await enter()
  await look(t, browser, 'study-new-problem')
  await page.locator('textarea[name=purpose]').fill('How sleep and shifts go together')
  await type('First day', '2026-01-01')
  await page.locator('input[value=coded]').check()
  await page.locator('input[value=organization]').check()
  await press('Create the study')
  const settings = page.url().split('?')[0] ?? ''
  await look(t, browser, 'study-settings')

  await press('Data that the study asks for')
  await page.locator('select[name=kind]').selectOption('omh:sleep-duration')
  await page.locator('textarea[name=reason]').fill('To see how long people sleep after a night shift')
  await press('Add')
  await look(t, browser, 'study-data')

  await page.goto(`${settings}/text/draft/en`)
  await look(t, browser, 'study-text-draft')
  await page.locator('textarea[name=key-facts]').fill('It is your choice, and you can stop at any time.')
  await page.locator('textarea[name=who-and-why]').fill('The lab receives how long you sleep.\n\nNobody else does.')
  await press('Save the draft')
  await page.goto(`${settings}/text/draft/en`)
  for (const part of ['duration', 'withdrawal', 'contact'])
    await page.locator(`textarea[name=${part}]`).fill(`What is to be said about ${part}.`)
  await page.locator('select[name=promise]').selectOption('hide')
  await press('Save the draft')
  await press('Preview it as patients will see it, in English')
  await look(t, browser, 'study-text-preview')
  await press('Back to the text')
  await press('Publish')
  await press('What patients read and sign')
  await look(t, browser, 'study-text')

  await page.goto(`${settings}/status`)
  await look(t, browser, 'study-status')
  await page.locator('input[value=active]').check()
  await press('Save')
  t.match(await page.textContent('main'), /Active/)

  await signIn('manager')
  await page.goto(`${settings}/staff?name=member`)
  await page.locator('input[name=practitioner]').first().check()
  await page.locator('select[name=role]').selectOption('researcher')
  await press('Add to the staff')
  await look(t, browser, 'study-staff')
  await press(/^Change/)
  await look(t, browser, 'study-staff-entry')
})

t.test(
  'what was typed when the session ended is saved after signing in in another tab',
  { skip: whyNoChromium() },
  async t => {
    const world = await openTenants({ PORT: '0' })
    const { server, database, lab, newStudy, persons } = world
    await server.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => server.close())
    const [email, password] = ['member@example.org', 'a password of a member']
    const account = { person: persons.member, email, isVerified: true, administrator: false }
    await addAccount(database, { ...account, password: await hashPassword(password) })
    const { id } = await newStudy(lab.manager, lab.organization, 'of sleep', ['omh:heart-rate'])
    const openBrowser = await openChromium(t)
    const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
    const signIn = async (page: Page) => {
      await page.locator('#email').fill(email)
      await page.locator('#password').fill(password)
      await Promise.all([page.waitForEvent('load'), page.keyboard.press('Enter')])
    }
    for (const locale of ['en', 'es']) {
      const browser = await openBrowser({ locale })
      const { page, context } = browser
      await page.goto(`${base}/sign-in?continue=/studies/${id}/settings/text/draft/en`)
      await signIn(page)
      const text = `Who and why, ${locale}.\n\n${'A long text that nobody types twice. '.repeat(100)}`
      await page.locator('textarea[name=who-and-why]').fill(text)
      await context.clearCookies({ name: 'sharewell-session' })
      await page.getByRole('button', { name: 'Save the draft' }).click()
      await page.getByRole('heading', { level: 1, name: /^(You were signed out|Su sesión había)/ }).waitFor()
      await look(t, browser, `typed-again-${locale}`)
      t.notMatch(await page.textContent('main'), /nobody types twice/, 'nobody who passes by can read it')
      const [tab] = await Promise.all([context.waitForEvent('page'), page.locator('main a').click()])
      await signIn(tab)
      await look(t, { ...browser, page: tab }, `typed-again-signed-in-${locale}`)
      await tab.close()
      await page.locator('main button').click()
      await page.waitForURL(`${base}/studies/${id}/settings/text?done=draft`)
      await page.goto(`${base}/studies/${id}/settings/text/draft/en`)
      t.equal((await page.locator('textarea[name=who-and-why]').inputValue()).trim(), text.trim())
    }
  },
)

t.test('a manager from above names staff of a study, and sees nobody in it', { skip: whyNoChromium() }, async t => {
  const world = await openTenants({ PORT: '0' })
  const { server, people, lab, ward, newStudy } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const { id } = await newStudy(lab.manager, ward, 'sleep on the ward', ['omh:heart-rate'])
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const browser = await openBrowser()
  const { page } = browser
  const value = people.manager.cookies.get('sharewell-session') ?? ''
  await browser.context.addCookies([{ name: 'sharewell-session', value, url: base }])
  const { press, type } = byKeyboard(browser)
  await page.goto(`${base}/studies`)
  await look(t, browser, 'studies-from-above')
  await press('sleep on the ward')
  await look(t, browser, 'study-from-above')
  t.match(
    await page.textContent('main'),
    /Who takes part in it, and what they share, is shown only to its own organization and its staff/,
  )
  await press('Staff')
  await type('Find a colleague by part of their name', 'member')
  await press('Find')
  await page.locator('input[name=practitioner]').first().check()
  await page.locator('select[name=role]').selectOption('researcher')
  await press('Add to the staff')
  await look(t, browser, 'study-staff-from-above')
  t.match(await page.textContent('main'), /member/)
  await page.goto(`${base}/studies/${id}/settings`)
  await look(t, browser, 'study-settings-from-above')
})

t.test(
  'staff see who is in a study, what arrived when, and take it into a notebook',
  { skip: whyNoChromium() },
  async t => {
    const world = await openTenants({ PORT: '0' })
    const { server, database, people, study, ann, bob, create } = world
    await server.listen({ port: 0, host: '127.0.0.1' })
    t.teardown(() => server.close())
    for (let days = 0; days < 60; days += 1)
      for (let hour = 0; hour < (days % 4) * 3; hour += 1)
        await create('everything', {
          resourceType: 'Observation',
          status: 'final',
          code: { coding: [{ system: systems.loinc, code: '8867-4' }] },
          subject: { reference: `Patient/${days % 2 === 0 ? ann : bob}` },
          effectiveDateTime: new Date(Date.now() - days * 86_400_000 - hour * 3_600_000).toISOString(),
          valueQuantity: { value: 60 + hour, unit: '/min', system: systems.ucum, code: '/min' },
        })
    // Mail servers answer with long addresses of what explains it.
    const reason = `550 See https://mail.example.org/?${'answer'.repeat(50)}`
    await database.run(sql.fragment`
      INSERT INTO study_message (id, kind, patient, subject, study_id, channel, address, state, reason, tries)
      SELECT id, 'reminder', patient, id, study_id, 'email', 'ann@example.org', 'failed', ${reason}, 5
      FROM enrolment WHERE study_id = ${study.id}`)
    const openBrowser = await openChromium(t)
    const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
    const browser = await openBrowser()
    const { page } = browser
    const value = people.member.cookies.get('sharewell-session') ?? ''
    await browser.context.addCookies([{ name: 'sharewell-session', value, url: base }])
    const { press } = byKeyboard(browser)
    await page.goto(`${base}/studies/${study.id}`)
    t.match(await page.textContent('main'), reason)
    await look(t, browser, 'study-people')
    await press('Completeness')
    await look(t, browser, 'study-completeness')
    await press('90 days')
    const last = page.locator('.completeness .day').last()
    t.ok(await last.evaluate(day => day.getBoundingClientRect().right <= innerWidth), 'the newest day is in sight')
    const who = page.locator('.completeness th[scope=row]').first()
    t.ok(await who.evaluate(one => one.getBoundingClientRect().left >= 0), 'and whose day it is')
    await page.emulateMedia({ media: 'print' })
    t.equal(
      await page.locator('.table-responsive').evaluate(table => getComputedStyle(table).overflowX),
      'visible',
      'on paper no day is cut off',
    )
    // A4, on its side, with a margin of a centimetre.
    await page.setViewportSize({ width: 1046, height: 718 })
    t.ok(
      await last.evaluate(day => day.getBoundingClientRect().right <= innerWidth),
      'since there is room for all of them on one sheet',
    )
    await page.emulateMedia({ media: 'screen' })
    await press('Newest data')
    await look(t, browser, 'study-arrivals')
    await press('Notebook')
    await press('Create a snippet')
    await look(t, browser, 'study-notebook-problem')
    await page.locator('input[name=kind]').first().check()
    await press('Create a snippet')
    await look(t, browser, 'study-notebook-snippet')
    t.match(await page.textContent('main'), /urllib\.request/)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy the snippet in Python' }).click()
    await page.getByText('Copied.').waitFor()
    t.equal(
      await page.evaluate(() => navigator.clipboard.readText()),
      await page.locator('#snippet-python').textContent(),
    )
  },
)
