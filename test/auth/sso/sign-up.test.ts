import t from 'tap'
import { invite } from '../../../src/accounts/invite.ts'
import { makeLink } from '../../../src/storage/account/link.ts'
import { wordsOf } from '../../support/browser.ts'
import { openInstitution } from './institution.ts'

const user = { sub: 'ann-1', email: 'ann@riverside.example', name: 'Ann' }

t.test('as SIGN_UP has it, who was invited makes the account, and the invitation is used up', async t => {
  const { server, database, arrive, newBrowser, signedInAs } = await openInstitution({ SSO_SIGN_UP: '' })
  t.teardown(() => server.close())
  const refused = await arrive(newBrowser(), user)
  t.match(refused, { status: 403 })
  t.match(
    wordsOf(refused),
    /By invitation only.*Nobody has an account here with the e-mail address ann@riverside\.example/,
  )
  const link = { purpose: 'new-account', email: user.email } as const
  await makeLink(database, { ...link, administrator: true, wasSent: false }, 60)
  await makeLink(database, { ...link, administrator: false, wasSent: true }, 60)
  t.match(
    await arrive(newBrowser(), user),
    { status: 403 },
    'neither as administrator, nor because somebody asked for a letter',
  )

  const invited = { email: 'Ann@Riverside.example', administrator: false }
  const { url } = await invite({ database, signUp: 'invitation', address: () => '' }, invited)
  const browser = newBrowser()
  const { at, body } = await arrive(browser, user)
  t.match(body, /Create your account/)
  await browser.send(at, { name: 'Ann' }, `${at}/account`)
  t.equal(await signedInAs(browser), 'Ann')
  t.match(await newBrowser().get(url), { status: 410 })
})

t.test('where SSO_SIGN_UP is closed nobody makes one, whatever SIGN_UP says', async t => {
  const { server, arrive, newBrowser } = await openInstitution({
    SIGN_UP: 'open',
    SMTP_URL: 'log',
    SSO_SIGN_UP: 'closed',
  })
  t.teardown(() => server.close())
  t.match(await arrive(newBrowser(), user), { status: 403, body: /By invitation only/ })
})

t.test('where SSO_SIGN_UP is open all of the institution do, though SIGN_UP is closed', async t => {
  const { server, arrive, newBrowser, signedInAs } = await openInstitution({ SIGN_UP: 'closed', SSO_SIGN_UP: 'open' })
  t.teardown(() => server.close())
  const browser = newBrowser()
  const { at } = await arrive(browser, user)
  await browser.send(at, { name: 'Ann' }, `${at}/account`)
  t.equal(await signedInAs(browser), 'Ann')
})
