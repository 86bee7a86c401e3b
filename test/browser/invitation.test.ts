import type { AddressInfo } from 'node:net'
import t from 'tap'
import { linkIn } from '../support/mailbox.ts'
import { todays } from '../support/turn.ts'
import { birthDate, openInvited, password } from '../web/invited.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

/** What a patient reads and presses, in their language. */
const languages = {
  en: {
    send: 'Send me the code',
    day: 'Day',
    month: 'Month',
    year: 'Year',
    code: 'Code from the e-mail',
    goOn: 'Go on',
    name: 'Your name',
    password: 'Choose a password',
    create: 'Create my account',
    share: 'Share it',
    see: 'See what that means',
    back: 'Change my choices',
    sign: 'Sign',
    signed: /It is signed/,
    again: 'Send another code',
    tooOften: /No code was sent/,
    email: 'Your e-mail address',
    signIn: 'Sign in',
    signInEmail: 'E-mail address',
    signInPassword: 'Password',
    another: /somebody with another birth date/,
    copy: 'Your copy, to print or keep',
    ofAnother: /Nothing was done/,
    signOut: 'Sign out',
    unsaved: /nothing that you sent was saved/,
    kept: /What you chose is here again/,
    textChanged: /The text to sign has changed/,
    notInForce: /This study is over/,
    stopAll: 'Stop sharing everything with everybody',
    stopIndeed: 'Yes, stop everything',
    stopped: /You share nothing with anybody/,
  },
  es: {
    send: 'Enviarme el código',
    day: 'Día',
    month: 'Mes',
    year: 'Año',
    code: 'Código del correo',
    goOn: 'Continuar',
    name: 'Su nombre',
    password: 'Elija una contraseña',
    create: 'Crear mi cuenta',
    share: 'Compartir',
    see: 'Ver qué significa',
    back: 'Cambiar lo que elegí',
    sign: 'Firmar',
    signed: /Está firmado/,
    again: 'Enviarme otro código',
    tooOften: /No se envió ningún código/,
    email: 'Su dirección de correo',
    signIn: 'Iniciar sesión',
    signInEmail: 'Correo electrónico',
    signInPassword: 'Contraseña',
    another: /alguien con otra fecha de nacimiento/,
    copy: 'Su copia, para imprimir o guardar',
    ofAnother: /No se ha hecho nada/,
    signOut: 'Cerrar sesión',
    unsaved: /nada de lo que envió/,
    kept: /está aquí otra vez/,
    textChanged: /El texto que se firma ha cambiado/,
    notInForce: /Este estudio ha terminado/,
    stopAll: 'Dejar de compartir todo con todos',
    stopIndeed: 'Sí, dejar de compartir todo',
    stopped: /No comparte nada con nadie/,
  },
} as const

/** Types a birth date, part by part. */
const bornBy =
  (type: ReturnType<typeof byKeyboard>['type'], says: Readonly<Record<'day' | 'month' | 'year', string>>) =>
  async (date: string) => {
    const [year = '', month = '', day = ''] = date.split('-')
    await type(says.day, day)
    await type(says.month, month)
    await type(says.year, year)
  }

t.test('patients follow an invitation on a phone, and decide', { skip: whyNoChromium() }, async t => {
  const world = await openInvited({ PORT: '0' })
  const { server, mailbox, enrolled, study, staff, act, page: studyPage } = world
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(world.close)
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`

  for (const [language, says] of Object.entries(languages))
    await t.test(language, async t => {
      const name = language === 'en' ? 'Ana' : 'Inés'
      const { subject } = await enrolled(name, { telecom: [{ system: 'email', value: `${language}@example.org` }] })
      await act(subject, 'invite')
      const browser = await openBrowser({ locale: language, timezoneId: 'America/Lima' })
      const { page } = browser
      const { type, press, enter, toggle } = byKeyboard(browser)
      const born = bornBy(type, says)
      await page.goto(`${base}${linkIn(await mailbox.next())}`)
      await look(t, browser, `invitation-${language}`)
      await press(says.send)
      await look(t, browser, `invitation-prove-${language}`)
      await born(birthDate)
      await type(says.code, '000000')
      await press(says.goOn)
      await look(t, browser, `invitation-prove-problem-${language}`)
      await born(birthDate)
      await type(says.code, await world.codeIn())
      await enter()
      await look(t, browser, `invitation-account-${language}`)
      await page.goBack()
      t.equal(await page.getByLabel(says.year).count(), 1, 'going back past a mistake, the invitation still works')
      await page.goForward()
      await type(says.name, 'A')
      await type(says.password, 'short')
      await press(says.create)
      await look(t, browser, `invitation-account-problem-${language}`)
      await type(says.name, name)
      await type(says.password, password)
      await press(says.create)
      t.equal(page.url(), `${base}/sharing/${study.id}`)
      await look(t, browser, `sharing-study-${language}`)
      await press(says.see)
      await look(t, browser, `sharing-study-problem-${language}`)
      await toggle(says.share)
      await page.locator('input[type=radio][value=no]').last().check()
      await page.locator('input[name$=-from]').first().fill('2026-01-01')
      await press(says.see)
      await look(t, browser, `sharing-preview-${language}`)
      await press(says.back)
      t.equal(
        await page.locator('input[name$=-from]').first().inputValue(),
        language === 'es' ? '1 de enero de 2026' : '1 January 2026',
        'what was chosen is kept',
      )
      await press(says.see)
      await type(says.name, name)
      await press(says.sign)
      t.match(await page.textContent('main'), says.signed)
      await look(t, browser, `sharing-signed-${language}`)
      await press(says.copy)
      t.match(await page.textContent('time'), /GMT\u20115$/, 'the time of signing is written by the reader’s clock')
      await look(t, browser, `sharing-copy-${language}`)
      await page.goto(`${base}/sharing`)
      await look(t, browser, `sharing-${language}`)
      await press(says.stopAll)
      await look(t, browser, `sharing-stop-all-${language}`)
      await press(says.stopIndeed)
      t.match(await page.textContent('main'), says.stopped)
      await look(t, browser, `sharing-stopped-${language}`)
      await page.goto(`${base}/invitation?link=${'A'.repeat(43)}`)
      await look(t, browser, `invitation-over-${language}`)
    })

  // Each of these in one language today, and in the other one tomorrow.
  for (const [language, says] of todays(Object.entries(languages), 2))
    await t.test(`${language}: whoever shares an address with another person has an account of their own`, async t => {
      const address = `${language}@example.org`
      const telecom = [{ system: 'email', value: address }]
      const { subject } = await enrolled(`Father ${language}`, { telecom, birthDate: '1950-01-02' })
      await act(subject, 'invite')
      const browser = await openBrowser({ locale: language })
      const { page } = browser
      const { type, press } = byKeyboard(browser)
      const born = bornBy(type, says)
      await page.goto(`${base}${linkIn(await mailbox.next())}`)
      await press(says.send)
      let code = await world.codeIn()
      for (let count = 0; count < 4; count += 1) {
        await press(says.again)
        code = await world.codeIn()
      }
      await press(says.again)
      t.match(await page.textContent('main'), says.tooOften)
      await look(t, browser, `invitation-too-often-${language}`)
      await born('1950-01-02')
      await type(says.code, code)
      await press(says.goOn)
      await look(t, browser, `invitation-known-${language}`)
      await press(says.signIn)
      await type(says.signInEmail, address)
      await type(says.signInPassword, password)
      await press(says.signIn)
      t.match(await page.textContent('main'), says.another)
      await look(t, browser, `invitation-another-${language}`)
      await type(says.name, 'Father')
      await type(says.email, address)
      await type(says.password, password)
      await press(says.create)
      await look(t, browser, `invitation-another-problem-${language}`)
      await type(says.email, `father-${language}@example.org`)
      await type(says.password, password)
      await press(says.create)
      t.equal(page.url(), `${base}/sharing/${study.id}`)
      t.match(await mailbox.next(), { to: `father-${language}@example.org` })
    })

  for (const [language, says] of todays(Object.entries(languages), 2, 1))
    await t.test(`nobody signs for another, without reading the text, or for nothing: ${language}`, async t => {
      const [mine, other] = [await world.arrived(`Pia-${language}`), await world.arrived(`Pablo-${language}`)]
      const browser = await openBrowser({ locale: language })
      const { page } = browser
      const elsewhere = await browser.context.newPage()
      const signIn = async (at: typeof page, { email }: typeof mine) => {
        await at.locator('#email').fill(email)
        await at.locator('#password').fill(password)
        await at.locator('form[action="/sign-in"] button').click()
      }
      const signOut = async () => {
        await elsewhere.goto(`${base}/account`)
        await elsewhere.getByRole('button', { name: says.signOut }).click()
      }
      const toPreview = async () => {
        await page.locator('input[type=radio][value=yes]').first().check()
        await page.locator('input[type=radio][value=no]').last().check()
        await page.getByRole('button', { name: says.see }).click()
      }
      const sign = async () => {
        await page.locator('#name').fill('Pia')
        await page.getByRole('button', { name: says.sign, exact: true }).click()
      }
      await page.goto(`${base}/sign-in?continue=/sharing/${study.id}`)
      await signIn(page, mine)
      await toPreview()
      await signOut()
      await signIn(elsewhere, other)
      await sign()
      t.match(await page.textContent('main'), says.ofAnother)
      await look(t, browser, `form-of-another-${language}`)
      await page.locator('main a').click()
      await signIn(page, mine)
      t.equal(page.url(), `${base}/sharing/${study.id}`)
      await toPreview()
      await signOut()
      await sign()
      t.match(await page.textContent('main'), says.unsaved)
      await look(t, browser, `sign-in-unsaved-${language}`)
      await signIn(page, mine)
      t.equal(page.url(), `${base}/sharing/${study.id}`)
      t.match(await page.textContent('main'), says.kept)
      t.equal(await page.locator('input[type=radio][value=yes]').first().isChecked(), true)
      await look(t, browser, `sharing-kept-${language}`)
      await toPreview()
      const stored = (await world.send('everything', 'GET', `ResearchStudy/${study.id}`)).json()
      const renewed = { ...stored, extension: [...stored.extension, world.text(`2 (${language})`)] }
      await world.update(world.lab.manager, renewed)
      await sign()
      t.match(await page.textContent('main'), says.textChanged)
      t.equal(await page.locator('#name').inputValue(), 'Pia', 'what was typed is kept')
      await look(t, browser, `sharing-text-changed-${language}`)
      await world.update(world.lab.manager, { ...renewed, status: 'completed' })
      await sign()
      t.match(await page.textContent('main'), says.notInForce)
      await look(t, browser, `sharing-not-in-force-${language}`)
      await world.update(world.lab.manager, renewed)
    })

  await t.test('staff see it, and show the picture of an invitation', async t => {
    const { subject } = await enrolled('Olga')
    await act(subject, 'invite')
    const browser = await openBrowser()
    const value = staff.cookies.get('sharewell-session') ?? ''
    await browser.context.addCookies([{ name: 'sharewell-session', value, url: base }])
    await browser.page.goto(`${base}${studyPage}`)
    await look(t, browser, 'study')
    const gap = await browser.page.evaluate<number>(`(() => {
      const list = [...document.querySelectorAll('main li ul')].find(one => /e-mail/.test(one.textContent))
      return list.nextElementSibling.getBoundingClientRect().top - list.getBoundingClientRect().bottom
    })()`)
    t.ok(gap >= 8, 'the buttons keep a distance from what became of the messages')
    await byKeyboard(browser).press('Show a QR code: Olga')
    await look(t, browser, 'study-qr-code')
    await browser.page.goto(`${base}/studies`)
    await look(t, browser, 'studies')
  })
})
