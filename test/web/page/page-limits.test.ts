import t from 'tap'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { setBackWhile } from '../../support/clock.ts'
import { openPeople, password } from '../people.ts'

const people = await openPeople()
t.teardown(() => people.close())
const { server } = people

const address = '10.99.0.1'
const signedIn = async (name: string, remoteAddress = address) => {
  const { email } = await people.newAccount(name)
  const browser = openBrowser(server, { remoteAddress })
  t.match(await browser.send('/sign-in', { email, password }), { status: 303 })
  return browser
}
const firstRefused = async (count: number, ask: () => Promise<{ readonly status: number }>) => {
  const statuses: number[] = []
  for (let asked = 0; asked < count; asked += 1) statuses.push((await ask()).status)
  return statuses.indexOf(429)
}

t.test('somebody who is signed in has a limit of their own, however many share their address', async t => {
  const [ida, otto] = [await signedIn('ida'), await signedIn('otto')]
  t.equal(await firstRefused(601, () => ida.get('/verification')), 600)
  const refused = await ida.get('/account')
  t.match(refused, { status: 429, headers: { 'retry-after': /^\d+$/ } })
  t.match(wordsOf(refused), /Too many requests.*from you, or from your network.*wait a minute/)
  t.match(await otto.get('/account'), { status: 200 })
  t.match(await openBrowser(server, { remoteAddress: address }).get('/sign-in'), { status: 200 })
  t.equal(
    await firstRefused(11, () => ida.get('/account/data/fhir.ndjson')),
    10,
    'what reads everything has a lower limit',
  )
  t.match(await otto.get('/account/data/fhir.ndjson'), { status: 200 })
})

t.test('those who are not signed in share the limit of their address, even on pages that a link opens', async t => {
  const remoteAddress = '10.99.0.2'
  const hall = openBrowser(server, { remoteAddress })
  t.equal(await firstRefused(1201, () => hall.get('/invitation?link=x')), 1200)
  t.match(await openBrowser(server, { remoteAddress }).get('/sign-in'), { status: 429 })
  setBackWhile(t, 61)
  t.match(await hall.get('/sign-in'), { status: 200 }, 'a minute later, even if the clock was set back')
})

t.test('somebody who is signed in can try others’ passwords no more often', async t => {
  const eve = await signedIn('eve')
  t.equal(await firstRefused(70, () => eve.post('/sign-in', {})), 60)
  const other = openBrowser(server, { remoteAddress: address })
  t.match(await other.post('/sign-in', {}), { status: 429 })
})

for (const path of ['/forgotten-password', '/sign-up', '/new-password', '/new-account', '/second-factor'])
  t.test(`${path} takes 60 forms a minute from one address, whoever is signed in there`, async t => {
    const remoteAddress = `10.99.1.${path.length}`
    const eve = await signedIn(path.slice(1), remoteAddress)
    t.equal(await firstRefused(61, () => eve.post(path, {})), 60)
    t.match(await openBrowser(server, { remoteAddress }).post(path, {}), { status: 429 })
  })
