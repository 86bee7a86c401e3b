import t from 'tap'
import { startSession } from '../../../src/storage/account/session.ts'
import { type Browser, openBrowser, wordsOf } from '../../support/browser.ts'
import { openTenants } from '../tenants.ts'

const world = await openTenants()
const { database, lab, newStudy, people, persons, send, server } = world
t.teardown(() => server.close())
t.setTimeout(120_000)

const { id } = await newStudy(lab.manager, lab.organization, 'of sleep', ['omh:heart-rate'])
const facts = `/studies/${id}/settings/facts`
const title = 'You were signed out before this was sent'
const titleOf = async () => (await send('everything', 'GET', `ResearchStudy/${id}`)).json().title

let address = 1
/** The member’s browser on a page that they have opened, with the hidden fields of its form. */
const opened = async (page: string, headers = {}) => {
  const own = openBrowser(server, { remoteAddress: `10.7.0.${address++}`, headers })
  own.cookies.set('sharewell-session', people.member.cookies.get('sharewell-session') ?? '')
  return { own, hidden: hiddenIn(await own.get(page), page) }
}
/** Who is signed in with the browser from now on; undefined: nobody. */
const enter = async ({ cookies }: Browser, person?: string) => {
  cookies.delete('sharewell-session')
  if (person === undefined) return
  cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
}
/** The hidden fields of the form of the page that is sent to that address, unescaped as by a browser. */
const hiddenIn = ({ body }: { readonly body: string }, action: string): Readonly<Record<string, string[]>> => {
  const form = new RegExp(`<form method="post" action="${action}"[^>]*>([\\s\\S]*?)</form>`).exec(body)?.[1] ?? ''
  const inputs = [...form.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)]
  const pairs = inputs.map(([, name = '', value = '']) => [name, read(value)] as const)
  return Object.fromEntries(
    [...Map.groupBy(pairs, ([name]) => name)].map(([name, all]) => [name, all.map(([, one]) => one)]),
  )
}
const read = (value: string) =>
  value.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&quot;', '"').replaceAll('&amp;', '&')

t.test('what was typed when the session ended comes back in the answer, and is saved after signing in', async t => {
  const { own, hidden } = await opened(facts)
  await enter(own)
  const purpose = `Why "we" <ask> & how\r\n\r\n${'ü'.repeat(4000)}`
  const typed = { ...hidden, title: 'Sleep <in> "shifts"', purpose }
  const late = await own.post(facts, typed)
  t.match([late.status, wordsOf(late)], [401, title])
  t.match(wordsOf(late), /Nothing was saved or done/)
  t.equal(await titleOf(), 'of sleep')
  const kept = hiddenIn(late, facts)
  t.same([kept.title, kept.purpose], [[typed.title], [purpose]])
  const again = await own.post(facts, kept)
  t.equal(again.status, 401, 'it comes back again if sent before signing in')
  t.same(hiddenIn(again, facts), kept)
  await enter(own, persons.member)
  t.match(await own.post(facts, kept), { status: 303 })
  t.equal(await titleOf(), typed.title)
})

t.test('it is checked as usual then: mistakes and changes by others are shown with what was typed', async t => {
  const { own, hidden } = await opened(facts)
  await enter(own)
  const wrong = hiddenIn(await own.post(facts, { ...hidden, title: ' ', purpose: 'To know' }), facts)
  const slow = hiddenIn(await own.post(facts, { ...hidden, title: 'Slower', purpose: 'To know' }), facts)
  await enter(own, persons.member)
  const refused = await own.post(facts, wrong)
  t.match([refused.status, refused.body], [422, /To know<\/textarea>/])
  t.match(await own.send(facts, { title: 'Quicker', purpose: 'To know' }), { status: 303 })
  const overtaken = await own.post(facts, slow)
  t.match([overtaken.status, overtaken.body], [409, /value="Slower"/])
  t.equal(await titleOf(), 'Quicker')
})

t.test('nobody else who signs in with the browser can save it, see it, or find it anywhere', async t => {
  const { own, hidden } = await opened(facts)
  await enter(own)
  const before = [...own.cookies.keys()]
  const late = await own.post(facts, { ...hidden, title: 'Of the member alone', purpose: 'Theirs' })
  t.same([...own.cookies.keys()], before, 'no cookie keeps it')
  await enter(own, persons.manager)
  const other = await own.post(facts, hiddenIn(late, facts))
  t.match([other.status, wordsOf(other)], [409, /Somebody else has signed in.*Nothing was done/])
  for (const answer of [other, await own.get(facts), await own.get('/account?done=again')])
    t.notMatch(answer.body, /Of the member alone|Theirs/)
  t.equal(await titleOf(), 'Quicker')
})

t.test('checkboxes with one name all come back, and so does the button that was pressed', async t => {
  const page = `/studies/${id}/enrolment`
  const { own } = await opened('/account')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await own.get(page)).body)?.[1] ?? ''
  await enter(own)
  const chosen = { _csrf: [_csrf], patient: ['one', 'two'], do: ['invite'] }
  t.same(hiddenIn(await own.post(page, chosen), page), chosen)
})

t.test('a secret never comes back: whoever typed one is told to type everything again', async t => {
  const page = `/organizations/${lab.organization}/ehrs/new`
  const own = openBrowser(server, { remoteAddress: '10.7.1.1' })
  await enter(own, persons.manager)
  const hidden = hiddenIn(await own.get(page), page)
  await enter(own)
  const typed = { ...hidden, issuer: 'https://ehr.example.org/fhir', client_id: 'sharewell' }
  const late = await own.post(page, { ...typed, secret: 'typed unseen' })
  t.match(late, { status: 303, location: `/sign-in?continue=${encodeURIComponent(page)}&unsaved` })
  t.match(hiddenIn(await own.post(page, { ...typed, secret: '' }), page), { issuer: [typed.issuer], secret: [''] })
})

t.test('only what a page of ours has sent comes back', async t => {
  const { own, hidden } = await opened(facts)
  await enter(own)
  const foreign = await own.post(facts, { ...hidden, _csrf: 'of-another-site', title: 'Foreign' })
  t.match(foreign.status, 403)
  t.notMatch(foreign.body, 'Foreign')
  const unmarked = hiddenIn(await own.get('/sign-in'), '/sign-in')
  t.match(await own.post(facts, { ...unmarked, title: 'Foreign' }), { status: 303 }, 'nor what was made for nobody')
  own.cookies.delete('sharewell-form')
  t.match(await own.post(facts, { ...hidden, title: 'Foreign' }), { status: 303, body: '' })
  const large = await own.post(facts, { ...hidden, title: 'x'.repeat(600_000) })
  t.equal(large.status, 303, 'for a browser without cookies it is not even read')
})

t.test('it is kept up to the size that a form may have', async t => {
  const { own, hidden } = await opened(facts)
  await enter(own)
  t.equal((await own.post(facts, { ...hidden, title: 'x'.repeat(600_000) })).status, 413)
})

t.test('the answer is in the language of the browser', async t => {
  const { own, hidden } = await opened(facts, { 'accept-language': 'es' })
  await enter(own)
  const late = await own.post(facts, { ...hidden, title: 'Sueño' })
  t.match(wordsOf(late), /Su sesión había terminado antes de enviar esto.*Lo que escribió sigue en esta página/)
  await enter(own, persons.member)
  t.match(wordsOf(await own.get('/account?done=again')), /Vuelva a la página con lo que escribió/)
})

t.test('a file is neither read nor given back; the other fields are, and the file is asked for again', async t => {
  const page = '/patients/imports'
  for (const size of [20, 11_000_000]) {
    const own = openBrowser(server, { remoteAddress: `10.7.2.${size % 100}` })
    await enter(own, persons.member)
    const [_csrf = ''] = hiddenIn(await own.get(`${page}?study=${id}`), page)._csrf ?? []
    await enter(own)
    const form = new FormData()
    for (const [name, value] of Object.entries({ _csrf, study: id, organization: lab.organization }))
      form.append(name, value)
    form.append('file', new Blob(['x'.repeat(size)]), 'patients.csv')
    const sent = new Response(form)
    const late = await server.inject({
      method: 'POST',
      url: page,
      payload: Buffer.from(await sent.arrayBuffer()),
      headers: {
        'content-type': sent.headers.get('content-type') ?? '',
        cookie: [...own.cookies].map(([name, value]) => `${name}=${value}`).join('; '),
      },
    })
    t.match([late.statusCode, wordsOf(late)], [401, /A file that you chose is not kept/], `${size}`)
    const kept = hiddenIn(late, page)
    t.same(kept, { _csrf: [_csrf], study: [id], organization: [lab.organization] })
    await enter(own, persons.member)
    const again = await own.post(page, kept)
    t.match([again.status, wordsOf(again)], [422, /All of them are enrolled in Quicker/])
  }
})

t.test(
  'if somebody removed the thing meanwhile nothing is saved, and the typed texts are shown for copying',
  async t => {
    const { id } = await world.create('everything', {
      resourceType: 'Organization',
      name: 'Short',
      partOf: { reference: `Organization/${lab.organization}` },
    })
    const page = `/organizations/${id}/studies/new`
    const own = openBrowser(server, { remoteAddress: '10.7.3.1' })
    await enter(own, persons.manager)
    const hidden = hiddenIn(await own.get(page), page)
    const headers = { authorization: 'Bearer everything' }
    t.equal((await server.inject({ method: 'DELETE', url: `/fhir/Organization/${id}`, headers })).statusCode, 204)
    const typed = { ...hidden, title: 'Sleep', purpose: 'Why we <ask>\r\n\r\nand how' }
    const gone = await own.post(page, typed)
    t.match([gone.status, wordsOf(gone)], [404, /This is not there any more.*Nothing of what you sent was saved/])
    t.ok(gone.body.includes('<p class="as-written border rounded p-3">Why we &lt;ask&gt;\r\n\r\nand how</p>'))
    t.notMatch(gone.body, hidden._csrf?.[0] ?? 'no token')
    t.notMatch(await own.get(page), { body: /Why we/ })
    const unmarked = hidden._csrf?.[0]?.replace(/\..*/, '') ?? ''
    t.notMatch(await own.post(page, { ...typed, _csrf: unmarked }), { body: /Why we/ }, 'nor what was made for nobody')
    const elsewhere = openBrowser(server, { remoteAddress: '10.7.3.2', headers: { 'sec-fetch-site': 'cross-site' } })
    for (const [name, value] of own.cookies) elsewhere.cookies.set(name, value)
    const foreign = await elsewhere.post(page, typed)
    t.equal(foreign.status, 403)
    t.notMatch(foreign, { body: /Why we/ }, 'nor what another site sends')
  },
)
