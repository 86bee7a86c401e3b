import type { AddressInfo } from 'node:net'
import t from 'tap'
import { password } from '../web/invited.ts'
import { openCare } from '../web/sharing/care-world.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

/** What a patient reads and presses, in their language. */
const languages = {
  en: {
    email: 'E-mail address',
    password: 'Password',
    signIn: 'Sign in',
    see: 'See what that means',
    missing: /Say whether you share/,
    others: 'Other kinds, of which you have no readings yet',
    glucose: 'Blood glucose',
    told: /Heart rate, from Tidewell band: measured from February 1, 2026.*there is 1 reading/s,
    name: 'Your name',
    sign: 'Sign',
    signed: /It is signed/,
    copy: 'Your copy, to print or keep',
    begin: 'Share with a clinician or an organization',
    heart: 'Heart rate',
    stopTicked: 'Stop what I ticked',
    stopped: /It is stopped/,
    stop: /^Stop sharing with/,
    ended: /You share nothing with/,
  },
  es: {
    email: 'Correo electrónico',
    password: 'Contraseña',
    signIn: 'Iniciar sesión',
    see: 'Ver qué significa',
    missing: /Diga si comparte/,
    others: 'Otros tipos, de los que todavía no tiene mediciones',
    glucose: 'Glucosa en sangre',
    told: /Frecuencia cardíaca, de Tidewell band: medido desde el 1 de febrero de 2026.*1 medición/s,
    name: 'Su nombre',
    sign: 'Firmar',
    signed: /Está firmado/,
    copy: 'Su copia, para imprimir o guardar',
    begin: 'Compartir con un profesional sanitario o una organización',
    heart: 'Frecuencia cardíaca',
    stopTicked: 'Terminar lo marcado',
    stopped: /Está terminado/,
    stop: /^Dejar de compartir con/,
    ended: /Ahora no comparte nada con/,
  },
} as const

const hearts = 'omh:heart-rate@any'

t.test('a patient opens a clinician’s link on a phone, shares, and stops', { skip: whyNoChromium() }, async t => {
  const world = await openCare({ PORT: '0' })
  const { server, somebody, clinician, band } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(world.close)
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`

  for (const [language, says] of Object.entries(languages))
    await t.test(language, async t => {
      const { email, hearts: beats, steps, patient } = await somebody(language === 'en' ? 'Ana' : 'Lucía')
      const cora = await clinician('Dr Cora Vane')
      const browser = await openBrowser({ locale: language, timezoneId: 'America/Lima' })
      const { page } = browser
      const { type, press } = byKeyboard(browser)
      const main = () => page.textContent('main')
      const choose = (kind: string, value: string) => page.locator(`input[name="${kind}"][value=${value}]`).check()
      await page.goto(`${base}${cora.page}`)
      await type(says.email, email)
      await type(says.password, password)
      await press(says.signIn)
      t.equal(page.url(), `${base}${cora.page}`, 'the link leads there past signing in')
      await look(t, browser, `care-${language}`)
      await press(says.see)
      t.match(await main(), says.missing)
      await look(t, browser, `care-problem-${language}`)

      await choose(hearts, 'some')
      await choose(`${hearts}-of-${band}`, 'yes')
      await page.locator(`[name="${hearts}-from"]`).fill('2026-02-01')
      await choose('omh:step-count@any', 'yes')
      await page.locator('[name="omh:step-count@any-from"]').fill('2026-01-01')
      await choose('omh:body-weight@any', 'no')
      await page.getByText(says.others).click()
      await page.getByText(says.glucose, { exact: true }).click()
      await look(t, browser, `care-others-${language}`)
      await press(says.see)
      t.match(await main(), says.told)
      await look(t, browser, `care-preview-${language}`)
      await type(says.name, 'Ana Sol')
      await press(says.sign)
      t.match(await main(), says.signed)
      t.same(await cora.reads(), [beats[1], steps].toSorted())
      await look(t, browser, `care-signed-${language}`)
      await press(says.copy)
      await look(t, browser, `care-copy-${language}`)

      await page.goto(`${base}/sharing`)
      await look(t, browser, `care-sharing-${language}`)
      await page.locator('label:has(input[name=stop])').filter({ hasText: says.heart }).click()
      await press(says.stopTicked)
      t.match(await main(), says.stopped)
      t.same(await cora.reads(), [steps])
      await page.getByRole('link', { name: says.begin }).click()
      await look(t, browser, `care-begin-${language}`)
      await page.getByRole('link', { name: 'Dr Cora Vane' }).click()
      t.equal(await page.locator('input[name="omh:step-count@any"][value=yes]').isChecked(), true)
      await page.getByRole('button', { name: says.stop }).click()
      t.match(await main(), says.ended)
      t.same(await cora.reads(), [])
      await look(t, browser, `care-stopped-${language}`)
      t.equal((await world.consentsOf(patient.id))[0]?.patient?.display, 'Ana Sol')
    })
})
