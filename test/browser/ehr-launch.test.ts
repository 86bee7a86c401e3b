import type { AddressInfo } from 'node:net'
import type { Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { openHospitals, password } from '../auth/ehr/hospital.ts'
import { openTlsProxy, openTlsSite } from '../support/tls.ts'
import { type Browser, byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test('an EHR launches us in a browser', { skip: whyNoChromium() }, async t => {
  const proxy = await openTlsProxy('sharewell.test')
  /** What providers have in front of them all day: with `frame` in its address, an app inside it. */
  const desktop = await openTlsSite('ehr.test', (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'https://ehr.test')
    const frame = (searchParams.get('frame') ?? '').replaceAll('&', '&amp;')
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><title>EHR</title><link rel="icon" href="data:,"><h1>EHR</h1>
<iframe title="App" width="340" height="700" src="${frame}"></iframe>`)
  })
  const stranger = await openTlsSite('stranger.test', (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'https://stranger.test')
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><title>Stranger</title><link rel="icon" href="data:,">
<iframe src="${(searchParams.get('frame') ?? '').replaceAll('&', '&amp;')}"></iframe>`)
  })
  const base = proxy.origin
  const world = await openHospitals({ BASE_URL: base, TRUST_PROXY: '127.0.0.1' })
  const { server, ehr, otherEhr, hospital } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  proxy.forwardTo((server.server.address() as AddressInfo).port)
  t.teardown(async () => {
    for (const one of [proxy, desktop, stranger, ehr, otherEhr]) one.close()
    await server.close()
  })
  await world.configure(ehr, hospital, { frameOrigins: [desktop.origin] })
  const openSecurely = await openChromium(t, ['sharewell.test', 'ehr.test', 'stranger.test'])
  const openBrowser = () => openSecurely({ ignoreHTTPSErrors: true })

  ehr.addPatient({
    resourceType: 'Patient',
    id: 'p1',
    name: [{ family: 'Abara', given: ['Chidi'] }],
    gender: 'male',
    birthDate: '1984-05-06',
  })
  ehr.addPatient({ resourceType: 'Patient', id: 'p2', name: [{ text: 'Eleanor Shellstrop' }], birthDate: '1982-10-14' })
  await world.linked('lena', hospital)
  const launchUrl = (subject: string, patient: string | undefined, mock = ehr) =>
    `${base}/launch?${new URLSearchParams({ iss: mock.base, launch: mock.launch({ subject, ...(patient && { patient }) }) })}`
  const inFrame = (url: string, site = desktop) => `${site.origin}/?${new URLSearchParams({ frame: url })}`
  const frameOf = ({ page }: Browser) => {
    const [frame] = page.mainFrame().childFrames()
    if (frame === undefined) throw new Error('there is no frame')
    return frame
  }
  /** One of the cookies; a launch has one of sixty-four. */
  const names = async ({ context }: Browser) =>
    [...new Set((await context.cookies()).map(({ name }) => name.replace(/(?<=launch-).$/, '?')))].sort()

  await t.test('a provider links their account, registers the patient, and gets there at once next time', async t => {
    const mona = await world.colleague('mona', hospital)
    const browser = await openBrowser()
    const { page } = browser
    const { type, press, enter } = byKeyboard(browser)
    await page.goto(launchUrl('m-7', 'p1'))
    await look(t, browser, 'launched-sign-in')
    await press('Sign in')
    await type('E-mail address', mona.email)
    await type('Password', password)
    await enter()
    t.equal(await page.textContent('h1'), 'Link your EHR to your account')
    await look(t, browser, 'launched-link')
    await type('Your password here', password)
    await press('Link them')
    t.equal(await page.textContent('h1'), 'Register this patient?')
    await look(t, browser, 'launched-register')
    await press('Register')
    t.match(page.url(), `${base}/patients/`)
    await look(t, browser, 'patient')

    const later = await openBrowser()
    await later.page.goto(launchUrl('m-7', 'p1'))
    t.equal(later.page.url(), page.url())
    t.same(await names(later), ['__Host-sharewell-form', '__Host-sharewell-launch-?', '__Host-sharewell-session'])
    const { origin } = new URL(page.url())
    t.equal(origin, base)
  })

  await t.test('a provider says which of several similar patients the EHR means, with the keyboard', async t => {
    const human: Patient = {
      resourceType: 'Patient',
      name: [{ family: 'Al-Jamil', given: ['Tahani'] }],
      birthDate: '1985-11-21',
    }
    const made: string[] = []
    for (const value of ['4711', '4712']) {
      const identifier = [{ system: 'https://mrn.example.org', value }]
      const managingOrganization = { reference: `Organization/${hospital}` }
      made.push((await world.create('everything', { ...human, identifier, managingOrganization })).id ?? '')
    }
    ehr.addPatient({ ...human, id: 'p3' })
    const browser = await openBrowser()
    const { page } = browser
    await page.goto(launchUrl('lena', 'p3'))
    await look(t, browser, 'launched-alike')
    await page.getByRole('listitem').filter({ hasText: '4712' }).getByRole('button').focus()
    await byKeyboard(browser).enter()
    t.match(page.url(), new RegExp(`^${base}/patients/${made[1]}`))
    await page.goto(launchUrl('lena', 'p3'))
    t.match(page.url(), new RegExp(`^${base}/patients/${made[1]}`), 'then the patient is known')
  })

  await t.test(
    'in a frame of the EHR a provider is signed in, registers the patient, and is signed in only there',
    async t => {
      const browser = await openBrowser()
      const { page, context } = browser
      await page.goto(inFrame(launchUrl('lena', 'p2')))
      const frame = frameOf(browser)
      t.equal(await frame.textContent('h1'), 'Register this patient?')
      t.equal(await frame.locator('header a, header button').count(), 0, 'nothing leads out of it')
      await page.screenshot({ path: 'test-results/frame-register.png' })
      await frame.getByRole('button', { name: 'Register' }).press('Enter')
      await frame.waitForURL(`${base}/patients/*`)
      t.match(await frame.textContent('main'), /Eleanor Shellstrop/)
      t.same(browser.complaints, [])
      t.same(await names(browser), [
        '__Host-sharewell-frame-kept',
        '__Host-sharewell-frame-launch-?',
        '__Host-sharewell-frame-led-to',
        '__Host-sharewell-frame-session',
      ])
      for (const cookie of await context.cookies())
        t.match(cookie, { secure: true, httpOnly: true, sameSite: 'None', partitionKey: 'https://ehr.test', path: '/' })
      await page.goto(inFrame(launchUrl('lena', 'p2')))
      t.match(frameOf(browser).url(), `${base}/patients/`, 'then the patient is known')

      const patient = frameOf(browser).url()
      const tab = await context.newPage()
      await tab.goto(patient)
      t.match(tab.url(), `${base}/sign-in?continue=`, 'a tab of the same browser is not signed in')
    },
  )

  await t.test('going back in the frame does not show whom the EHR had open before', async t => {
    const browser = await openBrowser()
    const { page } = browser
    ehr.addPatient({ resourceType: 'Patient', id: 'p4', name: [{ text: 'Jason Mendoza' }], birthDate: '1989-01-02' })
    await page.goto(inFrame(launchUrl('lena', 'p2')))
    await frameOf(browser).waitForURL(/again=/)
    await frameOf(browser).getByRole('link', { name: 'Earlier' }).click()
    await frameOf(browser).waitForURL(/first=.*again=/)
    const frame = frameOf(browser)
    await page.evaluate('history.back()')
    await frame.waitForURL(/patients\/[^?]+\?again=$/)
    t.match(await frame.textContent('main'), /Eleanor Shellstrop/, 'going back works for the patient who is open')
    await page.evaluate(`document.querySelector('iframe').src = ${JSON.stringify(launchUrl('lena', 'p4'))}`)
    await frame.waitForURL(/launched.*again=/)
    t.match(await frame.textContent('main'), /Register this patient.*Jason Mendoza/s)
    await page.evaluate('history.back()')
    await frame.waitForURL(/patients\/.*again=/)
    t.equal(await frame.textContent('h1'), 'Another patient was opened since')
    t.notMatch(await frame.content(), /Eleanor/)
    await page.screenshot({ path: 'test-results/frame-older.png' })
    await page.evaluate('history.forward()')
    await frame.waitForURL(/launched.*again=/)
    t.match(await frame.textContent('main'), /Jason Mendoza/)
    t.same(browser.complaints, [])
  })

  await t.test('no other site can show it in a frame, and the EHR can show no other page', async t => {
    const browser = await openBrowser()
    const { page } = browser
    await page.goto(inFrame(launchUrl('lena', 'p2')))
    const patient = frameOf(browser).url()
    t.match(patient, `${base}/patients/`)
    for (const [site, url] of [
      [stranger, launchUrl('lena', 'p2')],
      [stranger, patient],
      [desktop, `${base}/account`],
      [desktop, `${base}/account/apps`],
      [desktop, `${base}/sign-in`],
    ] as const) {
      await page.goto(inFrame(url, site))
      t.notMatch(await frameOf(browser).content(), /Eleanor|Sharewell<\/title>/, url)
    }
    await page.goto(inFrame(`${base}/authorize/x`, desktop))
    t.match(await frameOf(browser).textContent('main'), /The app has to open this in a window of its own/)
  })

  await t.test('somebody not linked yet continues from the frame in a tab, and gets there the next time', async t => {
    const nora = await world.colleague('nora', hospital)
    const browser = await openBrowser()
    const { page, context, complaints } = browser
    await page.goto(inFrame(launchUrl('n-1', 'p2')))
    t.match(await frameOf(browser).textContent('main'), /Go on in a tab of its own, and sign in there/)
    await page.screenshot({ path: 'test-results/frame-sign-in.png' })
    const opened = context.waitForEvent('page')
    await frameOf(browser).getByRole('button', { name: 'Go on in a new tab' }).press('Enter')
    const tab = await opened
    await tab.waitForLoadState()
    const { type, press, enter } = byKeyboard({ page: tab })
    await press('Sign in')
    await type('E-mail address', nora.email)
    await type('Password', password)
    await enter()
    await type('Your password here', password)
    await press('Link them')
    t.match(tab.url(), `${base}/patients/`)
    await page.goto(inFrame(launchUrl('n-1', 'p2')))
    t.equal(new URL(frameOf(browser).url()).pathname, new URL(tab.url()).pathname)
    t.same(complaints, [])
  })

  await t.test('an EHR that may show no frame has its launch continue in a tab', async t => {
    const browser = await openBrowser()
    const { page, context } = browser
    await page.goto(inFrame(launchUrl('lena', undefined, otherEhr)))
    const opened = context.waitForEvent('page')
    await frameOf(browser).getByRole('link', { name: 'Open Sharewell in a new tab' }).press('Enter')
    const tab = await opened
    await tab.waitForLoadState()
    t.equal(await tab.textContent('h1'), 'Sign in to go on')
    t.same(browser.complaints, [])
  })

  await t.test('a provider is told why a launch cannot continue', async t => {
    const browser = await openBrowser()
    const { page } = browser
    const { type, press, enter } = byKeyboard(browser)
    await page.goto(`${base}/launch`)
    await look(t, browser, 'launch-incomplete')
    await page.goto(`${base}/launched/old`)
    await look(t, browser, 'launch-over')
    const nils = await world.colleague('nils', world.other)
    await page.goto(`${base}/sign-in`)
    await type('E-mail address', nils.email)
    await type('Password', password)
    await enter()
    await page.goto(launchUrl('nils', 'p1'))
    await look(t, browser, 'launch-not-staff')
    await press('Sign in with another account')
    await type('E-mail address', 'lena@example.org')
    await type('Password', password)
    await enter()
    t.equal(await page.textContent('h1'), 'Link your EHR to your account')
  })
})
