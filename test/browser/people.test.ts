import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t from 'tap'
import { inviteFirstAdministrator } from '../../src/accounts/sign-up/new-account.ts'
import { makeLink } from '../../src/storage/account/link.ts'
import { codeOf, keyIn } from '../support/authenticator.ts'
import { fhirWorld } from '../support/fhir-server.ts'
import { linkIn, notMineLinkIn, openMailbox, type ReceivedLetter } from '../support/mailbox.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

t.test('people sign up and sign in with a browser', { skip: whyNoChromium() }, async t => {
  const mailbox = await openMailbox()
  const { server, database } = await fhirWorld({ PORT: '0', SIGN_UP: 'open', SMTP_URL: mailbox.url })
  await server.listen({ port: 0, host: '127.0.0.1' })
  t.teardown(async () => {
    await server.close()
    await mailbox.close()
  })
  const openBrowser = await openChromium(t)
  const base = `http://localhost:${(server.server.address() as AddressInfo).port}`
  const email = 'ana@example.org'
  const password = 'seven green umbrellas sing'
  const newPassword = 'nine yellow teapots dance'
  const first = await openBrowser()
  const administrator = await openBrowser()
  const { page } = first
  const letters: ReceivedLetter[] = []
  /** Opens the link of a letter that arrived, or will arrive, at the address. */
  const openLetter = async (page: Page, address: string, path: string, pathIn = linkIn): Promise<void> => {
    const isIt = ({ to, text }: ReceivedLetter) => to === address && text.includes(`${base}${path}?link=`)
    let found = letters.find(isIt)
    while (found === undefined) {
      letters.push(await mailbox.next())
      found = letters.find(isIt)
    }
    await page.goto(`${base}${pathIn(found)}`)
  }
  const at = () => page.url().slice(base.length)
  const heading = () => page.textContent('h1')

  await t.test('somebody signs up with a link that was sent to them', async t => {
    const { type, press, enter } = byKeyboard(first)
    await page.goto(base)
    t.equal(at(), '/sign-in?continue=%2Faccount')
    await press('I have no account yet')
    await look(t, first, 'sign-up')
    await type('E-mail address', 'ana')
    await enter()
    await look(t, first, 'sign-up-problem')
    await type('E-mail address', email)
    await enter()
    t.equal(await heading(), 'Check your e\u2011mail')
    await look(t, first, 'letter-on-its-way')

    await openLetter(page, email, '/new-account')
    await look(t, first, 'new-account')
    await type('Your name', 'Ana Ribeiro')
    await type('Password', 'password1234')
    await press('Create account')
    await look(t, first, 'new-account-problem')
    await type('Password', password)
    await press('Create account')
    t.equal(at(), '/account?done=account')
    await look(t, first, 'account')
  })

  await t.test('they sign out, are refused with a wrong password, and sign in', async t => {
    const { type, press, enter } = byKeyboard(first)
    await press('Sign out')
    await look(t, first, 'sign-in')
    await type('E-mail address', email)
    await type('Password', 'eight green umbrellas sing')
    await enter()
    await look(t, first, 'sign-in-refused')
    t.equal(await page.inputValue('#email'), email)
    await type('Password', password)
    await enter()
    t.equal(at(), '/account')
    t.match(await page.textContent('main'), /Ana Ribeiro/)
  })

  await t.test('they sign another browser out, which takes effect at once', async t => {
    const second = await openBrowser({
      userAgent: 'Mozilla/5.0 (Android 15; Mobile; rv:140.0) Gecko/140.0 Firefox/140.0',
    })
    await second.page.goto(`${base}/sign-in`)
    const { type, enter } = byKeyboard(second)
    await type('E-mail address', email)
    await type('Password', password)
    await enter()
    t.match(await second.page.textContent('main'), /Ana Ribeiro/)

    const { press } = byKeyboard(first)
    await press('See where you are signed in')
    await look(t, first, 'account-sessions')
    await press(/^Sign out Firefox on Android/)
    t.notMatch(await page.textContent('main'), /Android/)
    await look(t, first, 'account-sessions-one')
    await second.page.reload()
    t.equal(await second.page.textContent('h1'), 'Sign in')
    await page.reload()
    t.equal(await heading(), 'Where you are signed in', 'whoever did it stays signed in')
  })

  await t.test('they choose a new password with a link, which signs them out', async t => {
    const { type, press, enter } = byKeyboard(first)
    await page.goto(`${base}/forgotten-password`)
    await look(t, first, 'forgotten-password')
    await type('E-mail address', email)
    await enter()
    await openLetter(page, email, '/new-password')
    await look(t, first, 'new-password')
    await type('New password', newPassword)
    await press('Save the password')
    t.equal(await heading(), 'Sign in')
    await look(t, first, 'sign-in-new-password')
    await page.goto(`${base}/new-password?link=old`)
    await look(t, first, 'link-is-over')
  })

  await t.test('they sign in with a second factor: a code of an authenticator, or one that they kept', async t => {
    const { type, press, enter } = byKeyboard(first)
    const signIn = async () => {
      await page.goto(`${base}/sign-in`)
      await type('E-mail address', email)
      await type('Password', newPassword)
      await enter()
    }
    await signIn()
    await press('Protect your account with a second factor')
    await look(t, first, 'account-second-factor-off')
    await press('Set up an authenticator app')
    await look(t, first, 'account-second-factor-set-up')
    await type('Your password', newPassword)
    await press('Go on')
    await look(t, first, 'second-factor-set-up')
    const key = keyIn({ body: await page.content() })
    await type('Code', '000000')
    await press('Turn it on')
    await look(t, first, 'second-factor-set-up-problem')
    await type('Code', await codeOf(key))
    await press('Turn it on')
    await look(t, first, 'recovery-codes')
    const [kept = ''] = await page.locator('.codes code').allTextContents()
    await press('I have kept them: go on')
    await look(t, first, 'account-second-factor')

    await press('Sign out')
    await signIn()
    t.equal(await heading(), 'Enter a code of your app')
    await look(t, first, 'second-factor')
    await page.goto(`${base}/account`)
    t.equal(await heading(), 'Sign in', 'the password alone opens nothing')
    await signIn()
    await type('Code', await codeOf(key, 1))
    await enter()
    t.equal(at(), '/account')

    await press('Sign out')
    await signIn()
    await press('I do not have my app: use a recovery code')
    await type('Recovery code', 'abcd')
    await enter()
    await look(t, first, 'second-factor-recovery')
    await type('Recovery code', kept)
    await enter()
    t.equal(at(), '/account/second-factor?done=recovered')
    await look(t, first, 'second-factor-recovered')
    t.match(await page.textContent('main'), /Unused recovery codes: 9/)
  })

  await t.test('somebody takes their address off an account that somebody else made with it', async t => {
    const [mistaken, reader] = [await openBrowser(), await openBrowser({ locale: 'es' })]
    const secret = await makeLink(database, { purpose: 'new-account', administrator: false, wasSent: false }, 5)
    const made = byKeyboard(mistaken)
    await mistaken.page.goto(`${base}/new-account?link=${secret}`)
    await made.type('Your name', 'Theo Typo')
    await made.type('E-mail address', 'thea@example.org')
    await made.type('Password', password)
    await made.enter()
    await openLetter(reader.page, 'thea@example.org', '/not-my-account', notMineLinkIn)
    await look(t, reader, 'not-my-account')
    await byKeyboard(reader).press('No la he creado: quitar mi correo')
    await look(t, reader, 'not-my-account-done')

    await mistaken.page.goto(`${base}/account`)
    await look(t, mistaken, 'account-without-address')
    await made.press('Sign out')
    await made.type('E-mail address', 'thea@example.org')
    await made.type('Password', password)
    await made.enter()
    t.equal(mistaken.page.url(), `${base}/account/email`)
    await look(t, mistaken, 'account-email-without-address')
  })

  await t.test('the first administrator uses the link from the log, and confirms their address', async t => {
    const browser = administrator
    const { type, press, enter } = byKeyboard(browser)
    await browser.page.goto(`${base}/new-account?link=${await inviteFirstAdministrator(database)}`)
    await look(t, browser, 'new-account-administrator')
    await type('Your name', 'Ruth Root')
    await type('E-mail address', 'root@example.org')
    await type('Password', password)
    await enter()
    await look(t, browser, 'account-unconfirmed')
    await press('Send me an e\u2011mail')
    await openLetter(browser.page, 'root@example.org', '/verification')
    await look(t, browser, 'verification')
    await press('Yes, both are mine')
    await look(t, browser, 'account-confirmed')
  })

  await t.test('somebody changes their name, e-mail address and password', async t => {
    const browser = administrator
    const { page } = browser
    const { type, press } = byKeyboard(browser)
    const heading = () => page.textContent('h1')
    await press('Change your name')
    await look(t, browser, 'account-name')
    await type('Your name', 'Ruth Rivers')
    await press('Save')
    t.match(await page.textContent('main'), /Ruth Rivers/)

    await press('Change your e\u2011mail address')
    await look(t, browser, 'account-email')
    await type('New e-mail address', 'ruth@example.org')
    await type('Your password', password)
    await press('Send the e\u2011mails')
    await look(t, browser, 'account-email-sent')
    await openLetter(page, 'root@example.org', '/email-change')
    await look(t, browser, 'email-change-old')
    await press('Yes, change it')
    await look(t, browser, 'email-change-waits')
    await openLetter(page, 'ruth@example.org', '/email-change')
    t.equal(await heading(), 'Confirm your new e\u2011mail address')
    await look(t, browser, 'email-change-new')
    await press('Yes, use it')
    t.match(await page.textContent('main'), /ruth@example\.org/)

    await press('Change your password')
    await look(t, browser, 'account-password')
    await type('Your password', password)
    await type('New password', newPassword)
    await press('Save the password')
    t.match(await page.textContent('main'), /Your new password is saved/)
    await look(t, browser, 'account-administrator')
  })
})
