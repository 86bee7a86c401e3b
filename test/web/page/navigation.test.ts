import t from 'tap'
import { openBrowser, type Shown } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const { server, people, browserOf, staff, lab, ann, carl } = await openTenants()
t.teardown(() => server.close())

const waysOf = ({ body }: Shown) => {
  const [, ways = ''] = /<nav class="ways w-100" [^>]*>([\s\S]*?)<\/nav>/.exec(body) ?? []
  return [...ways.matchAll(/href="([^"]*)"/g)].map(([, href]) => href)
}

const both = await browserOf(await staff(lab.organization, 'member', carl))

t.test('each page leads whoever is signed in to what is useful to them, and others nowhere', async t => {
  const ways = {
    manager: ['/account', '/studies', '/patients', '/organizations', '/devices'],
    viewer: ['/account', '/studies', '/patients', '/organizations', '/devices'],
    'privacy officer': ['/account', '/studies', '/patients', '/organizations', '/audit', '/devices'],
    patient: ['/account', `/patients/${ann}`, '/sharing'],
    administrator: ['/account', '/organizations', '/devices', '/system'],
  } as const
  for (const [who, expected] of Object.entries(ways)) {
    const browser = people[who as keyof typeof ways]
    t.same(waysOf(await browser.get('/account')), expected, who)
    for (const href of expected) t.equal((await browser.get(href)).status, 200, `${who}: ${href}`)
  }
  t.same(waysOf(await both.get('/account')), [
    '/account',
    `/patients/${carl}`,
    '/sharing',
    '/studies',
    '/patients',
    '/organizations',
    '/devices',
  ])
  t.same(waysOf(await openBrowser(server).get('/sign-in')), [])
})

t.test('it marks where one is, in the language of the page', async t => {
  t.match(
    (await people.manager.get(`/organizations/${lab.organization}`)).body,
    'href="/organizations" aria-current="page"',
  )
  for (const page of ['uploads', 'quarantine'])
    t.match((await people.manager.get(`/devices/_unknown/${page}`)).body, 'href="/devices" aria-current="page"')
  const own = (await both.get(`/patients/${carl}`)).body
  t.match(own, `href="/patients/${carl}" aria-current="page">Your record</a>`)
  t.equal(own.split('aria-current="page"').length, 2, 'and not all patients, above it')
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of people.patient.cookies) spanish.cookies.set(name, value)
  t.match((await spanish.get('/sharing')).body, 'href="/sharing" aria-current="page">Lo que comparte</a>')
})

t.test('the account page leads to the same, in words', async t => {
  const linksOf = async (who: keyof typeof people) =>
    [...(await people[who].get('/account')).body.matchAll(/<li><a href="([^"]*)">See/g)].map(([, href]) => href)
  t.ok((await linksOf('privacy officer')).includes('/audit'))
  t.ok((await linksOf('administrator')).includes('/system'))
  t.notOk((await linksOf('manager')).includes('/audit'))
})
