import t from 'tap'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { openPeople } from '../people.ts'

const world = await openPeople()
const { server, newAccount, signedIn } = world
t.teardown(world.close)

const nameOf = async (person: string) =>
  (await server.inject({ url: `/fhir/Person/${person}`, headers: { authorization: 'Bearer everything' } })).json().name

t.test('somebody changes their name, which is that of their Person', async t => {
  const { person, email } = await newAccount('ana')
  const browser = await signedIn(email)
  t.match((await browser.get('/account/name')).body, /name="name"[^>]*value="ana"/)
  t.match(await browser.send('/account/name', { name: ' Ana <Ribeiro> ' }), {
    status: 303,
    location: '/account?done=name',
  })
  t.match(wordsOf(await browser.get('/account?done=name')), /Your name is saved\. .* Name Ana &lt;Ribeiro&gt;/)
  t.same(await nameOf(person), [{ text: 'Ana <Ribeiro>' }])
  t.match(await browser.send('/account/name', { name: ' ' }), { status: 422, body: /Enter your name/ })
  t.match(await browser.send('/account/name', { name: 'x'.repeat(201) }), { status: 422, body: /at most 200/ })
  t.match(await browser.post('/account/name', { name: 'Mallory' }), { status: 403 }, 'not with a form of another site')
  t.same(await nameOf(person), [{ text: 'Ana <Ribeiro>' }])
})

t.test('of several names they change the first, and nothing else of the Person', async t => {
  const { person, email } = await newAccount('ben')
  const before = {
    resourceType: 'Person',
    id: person,
    active: true,
    name: [
      { use: 'official', family: 'Abara', given: ['Ben'] },
      { use: 'old', text: 'Ben Old' },
    ],
    identifier: [{ system: 'https://ehr.example.org', value: 'b' }],
  }
  const headers = { authorization: 'Bearer everything' }
  await server.inject({ method: 'PUT', url: `/fhir/Person/${person}`, headers, payload: before })
  await (await signedIn(email)).send('/account/name', { name: 'Ben New' })
  const { meta: _, ...after } = (await server.inject({ url: `/fhir/Person/${person}`, headers })).json()
  t.same(after, {
    ...before,
    name: [
      { use: 'official', text: 'Ben New' },
      { use: 'old', text: 'Ben Old' },
    ],
  })
})

t.test('if the browser kept only the session cookie, each form of a page still works', async t => {
  const { email } = await newAccount('kim')
  const browser = await signedIn(email)
  const session = [...browser.cookies].filter(([name]) => /session/.test(name))
  t.equal(session.length, 1)
  browser.cookies.clear()
  for (const [name, value] of session) browser.cookies.set(name, value)
  const tokens = [...(await browser.get('/account/name')).body.matchAll(/name="_csrf" value="([^"]*)"/g)]
  t.equal(tokens.length, 2, 'to save, and to sign out')
  for (const [, _csrf = ''] of tokens.toReversed())
    t.match(await browser.post('/account/name', { name: 'Kim', _csrf }), { status: 303 })
})

t.test(
  'patients are told that their records have another name, and what they can do if they want to leave or are helped',
  async t => {
    const lab = await world.institution('lab')
    const { id } = await world.create(lab.manager, {
      resourceType: 'Patient',
      managingOrganization: { reference: `Organization/${lab.organization}` },
    })
    const own = await signedIn((await newAccount('cleo', [`Patient/${id}`])).email)
    const staff = await signedIn((await newAccount('dan')).email)
    const [name, leaving] = [/This is the name of your account\./, /If you do not want to go on/]
    for (const [browser, isTold] of [
      [own, true],
      [staff, false],
    ] as const) {
      t.equal(name.test(wordsOf(await browser.get('/account/name'))), isTold)
      t.equal(leaving.test(wordsOf(await browser.get('/account'))), isTold)
    }
    t.match((await own.get('/account/name')).body, `<a href="/patients/${id}">See your own record</a>`)
    const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
    for (const [cookie, value] of own.cookies) spanish.cookies.set(cookie, value)
    t.match(
      wordsOf(await spanish.get('/account')),
      /Si no quiere seguir Deje de compartir y desconecte sus aplicaciones\. .* Una cuenta no se puede cerrar en estas páginas: pídalo a quienes llevan este sitio\. Si alguien le ayuda Mire estas páginas con esa persona/,
    )
  },
)

t.test('staff are told that others know them by another name, and who changes that', async t => {
  const { id } = await world.create('everything', { resourceType: 'Practitioner', name: [{ text: 'Eda' }] })
  const [staff, patient] = [await newAccount('eda', [`Practitioner/${id}`]), await newAccount('eva')]
  t.match(
    wordsOf(await (await signedIn(staff.email)).get('/account/name')),
    /Colleagues, and patients of yours, know you by another entry\. A manager of your organization changes that, on its page of people\. See your organizations/,
  )
  t.notMatch(wordsOf(await (await signedIn(patient.email)).get('/account/name')), /another entry/)
})
