import { mkdir } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Observation } from '@medplum/fhirtypes'
import type { Locator } from 'playwright-core'
import t from 'tap'
import { inviteFirstAdministrator } from '../../src/accounts/sign-up/new-account.ts'
import { authorizeQuery, pkce } from '../auth/world.ts'
import { fhirWorld } from '../support/fhir-server.ts'
import { measurementsOf } from '../support/measurements.ts'
import { type Browser, openChromium, whyNoChromium } from './chromium.ts'
import { openSmartApp } from './smart-app.ts'

const password = 'seven green umbrellas sing'
const dayMs = 86_400_000

t.test('from an empty database to a patient who sees who looked', { skip: whyNoChromium() }, async t => {
  const { server, database } = await fhirWorld({ PORT: '0' }, { pauseMs: 500, retries: 0 })
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(() => server.close())
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const redirectUri = `${(await openSmartApp(t)).origin}/back`
  const openBrowser = await openChromium(t)
  const open = async () => actor(await openBrowser({ viewport: sizes.desk, timezoneId: 'UTC' }), base)
  const [administrator, researcher, patient] = [await open(), await open(), await open()]
  let [organization, client, study, token, patientId, sensor] = ['', '', '', '', '', '']
  const shared = ['Blood glucose', 'Heart rate']

  const send = async (path: string, body?: object, bearer = token) => {
    const answer = await fetch(`${base}/fhir/${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { authorization: `Bearer ${bearer}`, 'content-type': 'application/fhir+json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return answer.json()
  }
  /** How many readings the researcher's session gets with FHIR, as pages of this server ask. */
  const countOf = async (code: string): Promise<number> => {
    const url = `${base}/fhir/Observation?patient=${patientId}&code=${code}&_summary=count`
    const answer = await researcher.page.request.get(url, { headers: { 'sec-fetch-site': 'same-origin' } })
    return (await answer.json()).total
  }

  await t.test(
    'the first administrator makes the tree of organizations, adds a sensor, and registers an app',
    async t => {
      const { go, at, fill, press, follow, text } = administrator
      await go(`/new-account?link=${await inviteFirstAdministrator(database)}`)
      await fill({ 'Your name': 'Ada Root', 'E-mail address': 'ada@example.org', Password: password })
      await press('Create account')
      await go('/organizations')
      await follow('Add a top-level organization')
      await fill({ Name: 'Riverside University' })
      await press('Add organization')
      await follow('Add an organization below it')
      await fill({ Name: 'Glucose and Sleep Lab' })
      await press('Add organization')
      organization = at().split(/[/?]/)[2] ?? ''
      await go('/organizations')
      t.match(await text(), /Riverside University\s+Glucose and Sleep Lab/)
      await go('/devices/new')
      await fill({ Name: 'Lumina patch' })
      await administrator.page.getByLabel('Blood glucose', { exact: true }).check()
      await press('Add')
      await go(`/organizations/${organization}/apps`)
      await follow('Register an app or a backend service')
      await fill({ Name: 'Glucose diary', 'Redirect URLs': redirectUri })
      await administrator.page.locator('input[name=kind][value=public]').check()
      await press('Register')
      client = at().split(/[/?]/)[4] ?? ''
      t.not(client, '')
    },
  )

  await t.test('they invite a researcher, who joins with the letter', async t => {
    const { go, fill, press } = administrator
    await go(`/organizations/${organization}/people/invite`)
    await fill({ 'E-mail address': 'rosa@example.org' })
    await administrator.page.locator('input[name=role][value=member]').check()
    await press('Invite')
    await researcher.openLetter('/join')
    await researcher.fill({ 'Your name': 'Rosa Diaz', Password: password })
    await researcher.press('Create account and accept')
    t.match(await researcher.text(), /You have joined this organization/)
  })

  await t.test('the researcher makes a study that asks for three kinds of data', async t => {
    const { go, at, fill, press, follow, page, text } = researcher
    await go('/studies')
    await follow('A new study of Glucose and Sleep Lab')
    await fill({ Title: 'Glucose at night', 'First day': '2026-01-01' })
    await page.locator('textarea[name=purpose]').fill('How glucose and heart rate go together while people sleep')
    await page.locator('input[value=identified]').check()
    await page.locator('input[value=organization]').check()
    await press('Create the study')
    study = at().split(/[/?]/)[2] ?? ''
    const kinds = [
      ['omh:blood-glucose', 'Lumina patch'],
      ['omh:heart-rate', ''],
      ['omh:step-count', ''],
    ] as const
    for (const [kind, source] of kinds) {
      await go(`/studies/${study}/settings/data`)
      await page.locator('select[name=kind]').selectOption(kind)
      if (source !== '') await page.locator('select[name=source]').selectOption({ label: source })
      await page.locator('textarea[name=reason]').fill('To compare the nights of many people')
      await press('Add')
    }
    sensor = (await page.locator('select[name=source] option').nth(1).getAttribute('value')) ?? ''
    await go(`/studies/${study}/settings/text/draft/en`)
    const parts = {
      'key-facts': 'It is your choice, and you can stop at any time.',
      'who-and-why': 'The lab receives your glucose, heart rate and steps, to see how they go together at night.',
      duration: 'For one year.',
      withdrawal: 'Stop on your page of what you share. The lab sees nothing of you from then on.',
      contact: 'Rosa Diaz, rosa@example.org',
    }
    for (const [name, said] of Object.entries(parts)) await page.locator(`textarea[name=${name}]`).fill(said)
    await page.locator('select[name=promise]').selectOption('hide')
    await press('Save the draft')
    await press('Publish')
    await go(`/studies/${study}/settings/status`)
    await page.locator('input[value=active]').check()
    await press('Save')
    t.match(await text(), /Active/)
  })

  await t.test('the researcher registers a patient, and invites them', async t => {
    const { go, at, fill, press, page, text } = researcher
    await go(`/patients/new?study=${study}`)
    await fill({ 'Given names': 'Ana', 'Family name': 'Castillo', 'Birth date': '1970-05-31' })
    await fill({ 'E-mail address': 'ana@example.org' })
    await press('Register')
    t.match(at(), `/studies/${study}`)
    await press(/^Invite/)
    t.match(await text(), /Ana Castillo/)
    t.ok(page)
  })

  await t.test(
    'the patient follows the invitation, and consents to two of the three kinds, from one sensor',
    async t => {
      const { fill, press, page, text, openLetter, codeInLetter } = patient
      await openLetter('/invitation')
      await press('Send me the code')
      await fill({ Day: '31', Month: '5', Year: '1970', 'Code from the e-mail': await codeInLetter() })
      await press('Go on')
      await fill({ 'Your name': 'Ana Castillo', 'Choose a password': password })
      await press('Create my account')
      for (const [place, answer] of ['yes', 'yes', 'no'].entries())
        await page.locator(`input[type=radio][value=${answer}]`).nth(place).check()
      for (const from of await page.locator('input[name$=-from]').all()) await from.fill('2026-01-01')
      await press('See what that means')
      await patient.show('consent', sizes.phone)
      await fill({ 'Your name': 'Ana Castillo' })
      await press('Sign')
      t.match(await text(), /It is signed/)
    },
  )

  await t.test('their app gets a token from them, and sends what was measured', async t => {
    const { page, press } = patient
    const { verifier, challenge } = pkce()
    const scope = 'launch/patient patient/Observation.crs'
    const query = authorizeQuery(client, scope, challenge, { redirect_uri: redirectUri, aud: `${base}/fhir` })
    await page.goto(`${base}/oauth/authorize?${query}`)
    await press('Allow')
    await page.waitForURL(`${redirectUri}*`)
    const form = new URLSearchParams({
      grant_type: 'authorization_code',
      code: new URL(page.url()).searchParams.get('code') ?? '',
      redirect_uri: redirectUri,
      code_verifier: verifier,
      client_id: client,
    })
    const granted = await (await fetch(`${base}/oauth/token`, { method: 'POST', body: form })).json()
    ;[token, patientId] = [granted.access_token, granted.patient]
    const until = Math.floor(Date.now() / dayMs) * dayMs
    const readings = measurementsOf(patientId, sensor, until).filter(one =>
      /glucose|99504|8867|heart|step/.test(codeOf(one)),
    )
    const entry = readings.map(resource => ({ resource, request: { method: 'POST', url: 'Observation' } }))
    const answer = await send('', { resourceType: 'Bundle', type: 'batch', entry })
    const statuses: readonly string[] = answer.entry.map(({ response }: Entry) => response.status.slice(0, 3))
    const refused = readings.filter((_, index) => statuses[index] === '403').map(codeOf)
    t.same(new Set(statuses), new Set(['201', '403']))
    t.match([...new Set(refused)].join(), /step/, 'what is shared with nobody is not even stored')
    t.equal(new Set(refused).size, 1)
  })

  await t.test('charts and REST show exactly what is shared', async t => {
    const { go, page, text } = researcher
    await go(`/patients/${patientId}`)
    await page.waitForSelector('.chart canvas')
    const shown = await text()
    for (const kind of shared) t.match(shown, kind === 'Blood glucose' ? 'Glucose day by day' : kind)
    t.notMatch(shown, 'Steps')
    await page.evaluate(() => document.querySelector('.chart')?.scrollIntoView())
    await researcher.show('charts', sizes.desk)
    t.not(await countOf('99504-3'), 0)
    t.not(await countOf('omh:heart-rate'), 0)
    t.equal(await countOf('omh:step-count'), 0)
    await go(`/studies/${study}/completeness`)
    await researcher.show('completeness', sizes.desk)
  })

  await t.test('what the patient stops sharing is gone at once', async t => {
    await patient.go('/sharing')
    await patient.page.getByLabel(/Heart rate/).check()
    await patient.press('Stop what I ticked')
    t.match(await patient.text(), /It is stopped/)
    t.match(await patient.text(), /Blood glucose/)
    t.equal(await countOf('omh:heart-rate'), 0)
    t.not(await countOf('99504-3'), 0)
    await researcher.go(`/patients/${patientId}`)
    await researcher.page.waitForSelector('.chart canvas')
    t.notMatch(await researcher.text(), 'Heart rate')
  })

  await t.test('the patient sees who looked', async t => {
    // Records are shown once they are sealed, within a second.
    await sleep(2000)
    await patient.go('/account/disclosures')
    t.match(await patient.text(), /Rosa Diaz/)
    t.match(await patient.text(), /Glucose at night/)
    t.notMatch(await patient.text(), /Person\//)
  })
})

type Entry = { readonly response: { readonly status: string } }

const codeOf = ({ code }: Observation): string => code.coding?.map(({ code }) => code).join() ?? ''

const sizes = { phone: { width: 360, height: 740 }, desk: { width: 1280, height: 800 } } as const

/** `--update` stores the pictures where the README shows them. */
const pictures = join(
  import.meta.dirname,
  process.argv.includes('--update') ? '../../docs/pictures' : '../../test-results/story',
)

/** Somebody with a browser, who reads pages, fills in forms and presses buttons. */
const actor = ({ page }: Browser, base: string) => {
  const go = (path: string) => page.goto(`${base}${path}`)
  /** The newest one in the outbox that has a link to the path. */
  const waitForLetter = async (selector: string) => {
    for (;;) {
      await go('/outbox')
      if (await page.locator(selector).first().isVisible()) return page.locator(selector).first()
      await sleep(100)
    }
  }
  const arriving = async (found: Locator) => {
    const arrived = page.waitForEvent('load')
    await found.first().click()
    await arrived
  }
  return {
    page,
    go,
    at: () => page.url().slice(base.length),
    text: async () => (await page.textContent('main')) ?? '',
    fill: async (said: Readonly<Record<string, string>>) => {
      for (const [label, value] of Object.entries(said)) await page.getByLabel(label, { exact: true }).fill(value)
    },
    press: (name: string | RegExp) => arriving(page.getByRole('button', { name, exact: typeof name === 'string' })),
    follow: (name: string | RegExp) => arriving(page.getByRole('link', { name, exact: typeof name === 'string' })),
    openLetter: async (path: string) => (await waitForLetter(`a[href*="${path}"]`)).click(),
    codeInLetter: async () => {
      const back = page.url()
      await waitForLetter('text=/is \\d{6}\\./')
      const code = /is (\d{6})\./.exec((await page.textContent('main')) ?? '')?.[1] ?? ''
      await page.goto(back)
      return code
    },
    show: async (name: string, viewport: { readonly width: number; readonly height: number }) => {
      await mkdir(pictures, { recursive: true })
      await page.setViewportSize(viewport)
      await page.screenshot({ path: join(pictures, `${name}.png`) })
      await page.setViewportSize(sizes.desk)
    },
  }
}
