import type { AddressInfo } from 'node:net'
import t from 'tap'
import { hashPassword } from '../../src/accounts/password/password.ts'
import { addAccount } from '../../src/storage/account/user-account.ts'
import { authorizeQuery, openApps, pkce, tokenRequest } from '../auth/world.ts'
import { type Browser, byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'
import { openSmartApp } from './smart-app.ts'

t.test('people decide in a browser what apps may do', { skip: whyNoChromium() }, async t => {
  const world = await openApps({ PORT: '0' })
  const { server, database, ann, bob, lab, study, account, client, create, send } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  t.teardown(() => server.close())
  const app = await openSmartApp(t)
  const back = `${app.origin}/back`
  const openBrowser = await openChromium(t)

  const password = 'seven green umbrellas sing'
  const hash = await hashPassword(password)
  const withAccount = async (person: string, email: string) => {
    await addAccount(database, { person, email, isVerified: true, administrator: false, password: hash })
    return email
  }
  const emails = {
    ann: await withAccount(await account(ann), 'ann@example.org'),
    researcher: await withAccount(study.researcher.person, study.researcher.email),
    nobody: await withAccount(await account(), 'nobody@example.org'),
  }
  const metadata = { redirect_uris: [back, `${app.origin}/ready`], launch_uris: [`${app.origin}/launch`] }
  const diary = await client({ name: 'Heart diary', metadata })
  const desk = await client({
    name: 'Study desk',
    organization: lab.organization,
    scope: 'user/*.rs',
    metadata: {
      ...metadata,
      client_uri: 'https://desk.example.org/',
      policy_uri: 'https://desk.example.org/privacy',
      tos_uri: 'http://desk.example.org/terms',
    },
  })
  const unknown = await client({ name: 'Unknown app', selfRegistered: true, metadata })
  const observe = async (patient: string, code: string) => {
    const subject = { reference: `Patient/${patient}` }
    const coding = [{ system: 'http://loinc.org', code }]
    const { id } = await create('everything', {
      resourceType: 'Observation',
      status: 'final',
      subject,
      code: { coding },
    })
    return id
  }
  const [heart, weight] = [await observe(ann, '8867-4'), await observe(ann, '29463-7')]

  /** The app sends the browser to us; somebody who is not signed in signs in. */
  const begin = async (browser: Browser, id: string, scope: string, email: string) => {
    const { verifier, challenge } = pkce()
    const query = authorizeQuery(id, scope, challenge, { redirect_uri: back, aud: `${base}/fhir` })
    await browser.page.goto(`${base}/oauth/authorize?${query}`)
    if (new URL(browser.page.url()).pathname === '/sign-in') await signIn(browser, email)
    const redeem = async () => {
      const { searchParams } = new URL(browser.page.url())
      const code = searchParams.get('code') ?? ''
      const form = {
        grant_type: 'authorization_code',
        code,
        redirect_uri: back,
        code_verifier: verifier,
        client_id: id,
      }
      return (await tokenRequest(server, form)).body
    }
    return { ...byKeyboard(browser), redeem }
  }
  const signIn = async (browser: Browser, email: string) => {
    const { type, enter } = byKeyboard(browser)
    await type('E-mail address', email)
    await type('Password', password)
    await enter()
  }
  const idsOf = async (token: string): Promise<string[]> =>
    (await send(token, 'GET', 'Observation'))
      .json()
      .entry?.map(({ resource }: { resource: { id: string } }) => resource.id) ?? []

  await t.test('a person narrows measurements to a kind, and the app gets no other until they end it', async t => {
    const browser = await openBrowser()
    const { page } = browser
    const asked = 'launch/patient openid offline_access patient/Observation.rs patient/*.cud'
    const { toggle, press, redeem } = await begin(browser, diary.id, asked, emails.ann)
    t.equal(await page.textContent('h1'), 'Allow Heart diary?')
    await look(t, browser, 'authorize')
    await toggle(/^Add, change and delete all of your health data/)
    await toggle(/^Stay connected while you are away/)
    await press('Choose kinds of measurements')
    await look(t, browser, 'authorize-kinds')
    await toggle('Heart rate')
    await press('Allow')
    t.match(page.url(), `${back}?code=`)
    const { access_token: token, ...answer } = await redeem()
    t.match(answer, {
      patient: ann,
      scope: /^launch\/patient openid patient\/Observation\.rs\?code=\S*omh:heart-rate\S*$/,
    })
    t.same(await idsOf(token), [heart])
    t.equal((await send(token, 'GET', `Observation/${weight}`)).statusCode, 404)

    await page.goto(`${base}/account`)
    await press('See which apps you have allowed')
    await look(t, browser, 'account-apps')
    t.match(await page.textContent('main'), /Heart diary.*Read your heart rate/s)
    await press(/^End it: what Heart diary may do/)
    await look(t, browser, 'account-apps-none')
    t.equal((await send(token, 'GET', 'Observation')).statusCode, 401)
  })

  await t.test('somebody who sees several patients chooses one of them', async t => {
    const browser = await openBrowser()
    const { page } = browser
    const asked = 'launch/patient patient/Patient.rs'
    const { toggle, press, redeem } = await begin(browser, desk.id, asked, emails.researcher)
    await look(t, browser, 'authorize-patient')
    await press('Allow')
    t.equal((await page.textContent('[role=alert]'))?.trim(), 'Choose the patient whose data it is about.')
    await look(t, browser, 'authorize-patient-missing')
    await toggle('Ann')
    await page.keyboard.press('ArrowDown')
    await press('Allow')
    const { access_token: token, ...answer } = await redeem()
    t.match(answer, { patient: bob, scope: asked })
    t.equal((await send(token, 'GET', `Patient/${bob}`)).statusCode, 200)
    t.equal((await send(token, 'GET', `Patient/${ann}`)).statusCode, 404)
  })

  await t.test('among many patients, one is found by name', async t => {
    const managingOrganization = { reference: `Organization/${lab.organization}` }
    for (let count = 0; count < 51; count++)
      await create(lab.manager, { resourceType: 'Patient', name: [{ family: `Other ${count}` }], managingOrganization })
    const browser = await openBrowser()
    const { page } = browser
    const scope = 'launch/patient patient/Patient.rs'
    const { type, enter, toggle, press, redeem } = await begin(browser, desk.id, scope, emails.researcher)
    await look(t, browser, 'authorize-patients')
    await type('Find a patient by name', 'xyz')
    await enter()
    t.match(await page.textContent('fieldset'), /There is no such patient/)
    await look(t, browser, 'authorize-patients-none')
    await type('Find a patient by name', 'bo')
    await enter()
    await toggle('Bob')
    await press('Allow')
    t.match(await redeem(), { patient: bob })
  })

  await t.test('an app that nobody has reviewed says so, and denying it goes back to the app', async t => {
    const browser = await openBrowser()
    const { page } = browser
    const { press } = await begin(browser, unknown.id, 'patient/*.rs', emails.ann)
    await look(t, browser, 'authorize-unknown')
    await press('Deny')
    t.match(page.url(), `${back}?error=access_denied`)
  })

  await t.test('somebody who has no patient to give can only deny', async t => {
    const browser = await openBrowser()
    const { press } = await begin(browser, diary.id, 'patient/Patient.rs', emails.nobody)
    t.match(await browser.page.textContent('form[action^="/authorize/"]'), /You cannot allow this/)
    t.same(await browser.page.locator('main button').allTextContents(), ['Go back to the app'])
    await look(t, browser, 'authorize-nobody')
    await press('Go back to the app')
    t.match(browser.page.url(), `${back}?error=access_denied`)
  })

  await t.test(
    'an app of another site begins with a POST, and whoever is signed in need not sign in again',
    async t => {
      const browser = await openBrowser()
      const { page } = browser
      await page.goto(`${base}/sign-in`)
      await signIn(browser, emails.ann)
      const { challenge } = pkce()
      const query = authorizeQuery(diary.id, 'patient/Patient.rs', challenge, {
        redirect_uri: back,
        aud: `${base}/fhir`,
      })
      await page.goto(`${app.origin}/post?${new URLSearchParams({ to: `${base}/oauth/authorize` })}&${query}`)
      await byKeyboard(browser).press('Connect')
      t.equal(await page.textContent('h1'), 'Allow Heart diary?')
      await byKeyboard(browser).press('Allow')
      t.match(page.url(), `${back}?code=`)
      t.same(browser.complaints, [])
    },
  )

  await t.test('errors that cannot be sent to the app are shown on a page', async t => {
    const browser = await openBrowser()
    const { page } = browser
    await page.goto(`${base}/authorize/none`)
    t.equal(await page.textContent('h1'), 'This request is over')
    await look(t, browser, 'authorize-over')
    const { challenge } = pkce()
    await page.goto(`${base}/oauth/authorize?${authorizeQuery('nobody', 'patient/*.rs', challenge)}`)
    await look(t, browser, 'authorize-refused')
    await page.goto(`${base}/sign-up`)
    await look(t, browser, 'sign-up-by-invitation')
    await page.goto(`${base}/forgotten-password`)
    await look(t, browser, 'forgotten-password-without-mail')
  })

  await t.test('somebody who reads a patient opens apps for them', async t => {
    const browser = await openBrowser()
    const { page } = browser
    app.configure({ clientId: desk.id, scope: 'launch patient/Patient.rs' })
    await page.goto(`${base}/sign-in?continue=/patients/${bob}`)
    await signIn(browser, emails.researcher)
    await look(t, browser, 'patient-apps')
    await byKeyboard(browser).press('Study desk')
    await page.waitForURL(`${base}/authorize/*`)
    await page.goto(`${base}/patients/nobody`)
    await look(t, browser, 'no-such-page')
  })

  /** A browser in which Ann has signed in and allowed the app everything that it asked for. */
  const launchedByAnn = async (scope: string) => {
    app.configure({ clientId: diary.id, scope })
    const browser = await openBrowser()
    const { page } = browser
    await page.goto(`${app.origin}/launch?iss=${encodeURIComponent(`${base}/fhir`)}`)
    await page.waitForURL(`${base}/sign-in?**`)
    await signIn(browser, emails.ann)
    await byKeyboard(browser).press('Allow')
    await page.waitForURL(`${app.origin}/ready?**`)
    return browser
  }

  await t.test('fhirclient launches an app standalone in a browser, and reads what the person allowed', async t => {
    const browser = await launchedByAnn('openid fhirUser launch/patient patient/*.rs offline_access')
    const { page } = browser
    t.equal(await page.evaluate('ready.then(client => client.patient.id)'), ann)
    t.match(await page.evaluate('ready.then(client => client.patient.read())'), { resourceType: 'Patient', id: ann })
    t.match(await page.evaluate('ready.then(client => client.user.read())'), { resourceType: 'Patient', id: ann })
    const found = 'ready.then(client => client.request("Observation", { pageLimit: 0, flat: true }))'
    t.same(new Set((await page.evaluate<{ id: string }[]>(found)).map(({ id }) => id)), new Set([heart, weight]))
    const token = () => page.evaluate<string>('ready.then(client => client.state.tokenResponse.access_token)')
    const before = await token()
    await page.evaluate('ready.then(client => client.refresh())')
    t.not(await token(), before)
    await page.reload()
    t.equal(await page.evaluate('ready.then(client => client.patient.id)'), ann, 'also after a reload')
    t.same(browser.complaints, [])
  })

  await t.test('going back from an app that was allowed shows that the request is over', async t => {
    const browser = await launchedByAnn('launch/patient patient/Patient.rs')
    const { page } = browser
    await page.evaluate('ready')
    for (const from of ['the app', 'the question, to where they had signed in']) {
      await page.goBack()
      t.match(await page.textContent('main'), /This request is over/, from)
    }
  })

  await t.test('after following a link from elsewhere and signing in, going back leads there', async t => {
    const browser = await openBrowser()
    const { page } = browser
    await page.goto(`${app.origin}/link?to=${encodeURIComponent(`${base}/sharing`)}`)
    await page.getByRole('link').click()
    await page.waitForURL(`${base}/sign-in?**`)
    await signIn(browser, emails.ann)
    await page.goBack()
    t.equal(page.url(), `${base}/sharing`)
    t.match(await page.textContent('h1'), /What you share/)
    t.same(browser.complaints, [])
  })

  await t.test('fhirclient launches an app in a window of its own, and continues where it was', async t => {
    app.configure({ clientId: diary.id, scope: 'launch/patient patient/Patient.rs' })
    const browser = await openBrowser()
    const { page } = browser
    await page.goto(`${app.origin}/popup?iss=${encodeURIComponent(`${base}/fhir`)}`)
    const opened = page.waitForEvent('popup')
    await page.getByRole('button', { name: 'Connect' }).click()
    const window = { ...browser, page: await opened }
    await window.page.waitForURL(`${base}/sign-in?**`)
    await signIn(window, emails.ann)
    await window.page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${app.origin}/ready?**`)
    t.equal(await page.evaluate('ready.then(client => client.patient.id)'), ann)
    t.ok(window.page.isClosed())
    t.same(browser.complaints, [])
  })

  await t.test('fhirclient is launched in a browser for the patient for whom it was opened', async t => {
    app.configure({ clientId: desk.id, scope: 'launch openid fhirUser patient/Patient.rs user/Patient.rs' })
    const browser = await openBrowser()
    const { page } = browser
    await page.goto(`${base}/sign-in`)
    await signIn(browser, emails.researcher)
    await page.goto(await server.authorization.launches.open(study.researcher.person, desk.id, { patient: bob }))
    await page.waitForURL(`${base}/authorize/*`)
    t.match(await page.textContent('main'), /Whose data is it about\?\s*Bob.*Read the patient’s name/s)
    await look(t, browser, 'authorize-for-patient')
    await byKeyboard(browser).press('Allow')
    await page.waitForURL(`${app.origin}/ready?**`)
    t.match(await page.evaluate('ready.then(client => client.patient.read())'), { resourceType: 'Patient', id: bob })
    t.equal(
      await page.evaluate('ready.then(client => client.user.fhirUser)'),
      `Practitioner/${study.researcher.practitioner}`,
    )
    t.same(browser.complaints, [])
  })
})
