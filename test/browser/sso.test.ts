import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import { openInstitution } from '../auth/sso/institution.ts'
import { askedBy } from '../auth/sso/mock-idp.ts'
import type { User } from '../auth/sso/mock-provider.ts'
import { password } from '../auth/sso/people.ts'
import { openSamlInstitution } from '../auth/sso/saml-institution.ts'
import { openTlsProxy, openTlsSite } from '../support/tls.ts'
import { byKeyboard, look, openChromium, whyNoChromium } from './chromium.ts'

const skip = whyNoChromium()
const longName = 'Riverside University Hospital'

t.test('people of an institution sign in with a browser', { skip }, async t => {
  let user: User = { sub: 'ana-1', email: 'ana@riverside.example', name: 'Ana Castillo' }
  const site = await openTlsSite('idp.test', (request, response) => {
    response.writeHead(302, { location: world.provider.authorize(`https://idp.test${request.url}`, user).href }).end()
  })
  const proxy = await openTlsProxy('sharewell.test')
  const world = await openInstitution({ BASE_URL: proxy.origin, TRUST_PROXY: '127.0.0.1', SSO_NAME: longName })
  world.provider.misbehave({ metadata: { authorization_endpoint: `${site.origin}/authorize` } })
  await listen(t, world.server, [proxy, site])
  const openBrowser = await openChromium(t, ['sharewell.test', 'idp.test'])
  const base = proxy.origin

  await t.test('somebody new makes an account', async t => {
    const browser = await openBrowser({ ignoreHTTPSErrors: true })
    const { page, context } = browser
    const { type, press } = byKeyboard(browser)
    await page.goto(`${base}/account/institution`)
    await look(t, browser, 'sso-sign-in')
    await press(`Sign in with ${longName}`)
    t.equal(await page.textContent('h1'), 'Create your account')
    await look(t, browser, 'sso-create')
    await type('Your name', ' ')
    await press('Create account')
    await look(t, browser, 'sso-create-problem')
    await type('Your name', 'Ana Castillo')
    await press('Create account')
    t.equal(page.url(), `${base}/account/institution`)
    await look(t, browser, 'sso-only-way')
    const cookies = (await context.cookies()).map(({ name, sameSite, secure }) => [name, sameSite, secure])
    t.same(cookies.sort(), [
      ['__Host-sharewell-form', 'Lax', true],
      ['__Host-sharewell-session', 'Lax', true],
      ['__Host-sharewell-sso', 'Lax', true],
    ])
  })

  await t.test('somebody with an account links it, and unlinks it', async t => {
    const ben = await world.holder('ben')
    user = { sub: 'ben-1', email: ben.email }
    const browser = await openBrowser({ ignoreHTTPSErrors: true })
    const { page } = browser
    const { type, press, enter } = byKeyboard(browser)
    await page.goto(`${base}/sign-in`)
    await press(`Sign in with ${longName}`)
    await look(t, browser, 'sso-sign-in-first')
    await press('Sign in with the password')
    await type('E-mail address', ben.email)
    await type('Password', password)
    await enter()
    t.equal(await page.textContent('h1'), `Link your account at ${longName}`)
    await look(t, browser, 'sso-link')
    await press('Link them')
    t.equal(page.url(), `${base}/account?done=linked`)
    await press(`See whether ${longName} signs you in`)
    await look(t, browser, 'sso-linked')
    await press('Unlink it')
    await look(t, browser, 'sso-unlinked')
  })

  await t.test('somebody who is not of the institution is told so', async t => {
    user = { sub: 'eve-1', email: 'eve@elsewhere.example' }
    const browser = await openBrowser({ ignoreHTTPSErrors: true })
    await browser.page.goto(`${base}/sso`)
    t.equal(await browser.page.textContent('h1'), 'We do not know whose account this is')
    await look(t, browser, 'sso-no-address')
  })
})

t.test('a provider that speaks SAML posts its answer from another site', { skip }, async t => {
  const site = await openTlsSite('idp.test', (request, response) => {
    const xml = world.idp.responseTo(askedBy(`https://idp.test${request.url}`), {
      nameId: 'n-1',
      email: 'nora@riverside.example',
      audience: `${proxy.origin}/sso/metadata`,
      recipient: `${proxy.origin}/sso/acs`,
    })
    response.setHeader('content-type', 'text/html; charset=utf-8')
    response.end(`<!doctype html><title>Provider</title><link rel="icon" href="data:,">
<form method="post" action="${proxy.origin}/sso/acs"><input type="hidden" name="SAMLResponse" value="${Buffer.from(xml).toString('base64')}"></form>
<script>document.forms[0].submit()</script>`)
  })
  const proxy = await openTlsProxy('sharewell.test')
  const world = await openSamlInstitution({
    BASE_URL: proxy.origin,
    TRUST_PROXY: '127.0.0.1',
    SAML_SIGN_IN_URL: `${site.origin}/saml`,
  })
  await listen(t, world.server, [proxy, site])
  const openBrowser = await openChromium(t, ['sharewell.test', 'idp.test'])
  const browser = await openBrowser({ ignoreHTTPSErrors: true })
  const { page, complaints } = browser
  const posted: Promise<string | null>[] = []
  page.on('request', request => {
    if (request.url().endsWith('/sso/acs')) posted.push(request.headerValue('cookie'))
  })
  const { type, press } = byKeyboard(browser)
  await page.goto(`${proxy.origin}/account/institution`)
  await page.click('text=Sign in with Riverside')
  await page.waitForURL(/\/sso\/arrivals\//)
  t.same(await Promise.all(posted), [null], 'without any cookie of ours')
  await type('Your name', 'Nora')
  await press('Create account')
  t.equal(page.url(), `${proxy.origin}/account/institution`, 'it is found in the browser that asked nevertheless')
  t.same(complaints, [])
})

type Server = Awaited<ReturnType<typeof openInstitution>>['server']
type Site = { readonly close: () => void }

/** In front of the first of the sites; all of them end with the test. */
const listen = async (
  t: Test,
  server: Server,
  sites: readonly [Site & { readonly forwardTo: (port: number) => void }, ...Site[]],
): Promise<void> => {
  await server.listen({ port: 0, host: '127.0.0.1' })
  sites[0].forwardTo((server.server.address() as AddressInfo).port)
  t.teardown(async () => {
    for (const site of sites) site.close()
    await server.close()
  })
}
