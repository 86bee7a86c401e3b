import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { authorizeQuery, base, fhir, openApps, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'

const world = await openApps()
const { server, database, ann, bob, account, client, study, lab } = world
t.teardown(() => server.close())

const launch_uris = ['https://app.example.org/launch?theme=dark']
const desk = await client({ name: 'Study <desk>', organization: lab.organization, metadata: { launch_uris } })
const foreign = await client({
  name: 'Elsewhere',
  organization: (await world.institution('elsewhere')).organization,
  metadata: { launch_uris },
})
const diary = await client({ name: 'Heart diary', metadata: { launch_uris } })
await client({ name: 'Not opened from here' })
await client({ name: 'Registered itself', selfRegistered: true, metadata: { launch_uris } })

const browserOf = async (person: string, headers = {}) => {
  const browser = openBrowser(server, { headers })
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}
const [staff, anns] = [await browserOf(study.researcher.person), await browserOf(await account(ann))]
const page = `/patients/${ann}`
const buttons = (body: string) =>
  [...body.matchAll(/<button class="btn btn-outline-primary">([^<]*)<\/button>\s*<\/form><\/li>/g)].map(
    ([, name]) => name,
  )

t.test('staff open an app of their organization for a patient, and the app is launched for that patient', async t => {
  const shown = await staff.get(page)
  t.same(buttons(shown.body), ['Heart diary', 'Study &lt;desk&gt;'])
  t.notMatch(
    String(shown.headers['content-security-policy']),
    /form-action/,
    'browsers hold it against the way to the app',
  )
  const opened = await staff.send(page, { app: desk.id }, `${page}/app`)
  t.equal(opened.status, 303)
  const url = new URL(opened.location ?? '')
  t.equal(url.href.split('&launch=')[0], `https://app.example.org/launch?theme=dark&iss=${encodeURIComponent(fhir)}`)

  const { verifier, challenge } = pkce()
  const launch = url.searchParams.get('launch') ?? ''
  const query = authorizeQuery(desk.id, 'launch patient/Patient.r', challenge, { launch })
  const decision = (await staff.get(`/oauth/authorize?${query}`)).location?.replace(base, '') ?? ''
  t.match(wordsOf(await staff.get(decision)), /Whose data is it about\? Ann It asks to/)
  const person = study.researcher.person
  const allowed = await staff.send(decision, { decision: 'allow', scope: 'patient/Patient.r', person }, decision)
  const back = new URL((await staff.get(allowed.location?.replace(base, '') ?? '')).location ?? '')
  const form = {
    grant_type: 'authorization_code',
    code: back.searchParams.get('code') ?? '',
    redirect_uri: redirectUri,
  }
  const { body } = await tokenRequest(server, { ...form, code_verifier: verifier, client_id: desk.id })
  t.match(body, { patient: ann, scope: /^launch patient\/Patient\.r$/ })
})

t.test('patients open apps that are for everybody, for themselves, starting from their account', async t => {
  t.match((await anns.get('/account')).body, `<a href="${page}">See your own record</a>`)
  t.same(buttons((await anns.get(page)).body), ['Heart diary'])
  t.match(wordsOf(await anns.get(page)), 'Open an app with your data Before it opens, you are asked what it may do')
  t.match(wordsOf(await staff.get(page)), 'Open an app for this patient Before it opens, you are asked what it may do')
  for (const to of ['/sharing', '/account/disclosures', '/account/data', '/account/contacts'])
    t.match((await anns.get(page)).body, `<li><a href="${to}">`, 'and on from there')
  t.notMatch((await staff.get(page)).body, 'href="/account/data"')
  t.match(await anns.send(page, { app: diary.id }, `${page}/app`), {
    status: 303,
    location: /^https:\/\/app\.example\.org/,
  })
  t.notMatch((await staff.get('/account')).body, /See your own record/)
})

t.test('staff who are patients elsewhere read their own record as its patient and in their own language', async t => {
  const elsewhere = await world.institution('further')
  const { id } = await world.create('everything', { resourceType: 'Practitioner', name: [{ family: 'Nurse' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  await world.create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${elsewhere.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
  })
  const link = [practitioner, { reference: `Patient/${ann}` }].map(target => ({ target }))
  const nurse = await browserOf((await world.create('everything', { resourceType: 'Person', link })).id)
  t.match((await nurse.get('/account')).body, `<a href="${page}">See your own record</a>`)
  const contentOf = async (browser: typeof nurse) =>
    wordsOf(await browser.get(page))
      .split('Devices ')
      .at(-1)
  t.equal(
    `Skip to the content Sharewell Sign out Account Your record Sharing ${await contentOf(nurse)}`,
    await contentOf(anns),
  )
  t.match(await nurse.send(page, { app: diary.id }, `${page}/app`), {
    status: 303,
    location: /^https:\/\/app\.example\.org/,
  })
  t.equal((await nurse.get(`/patients/${bob}`)).status, 404)
})

t.test('no other app can be opened, for nobody else, and by no other site', async t => {
  for (const app of [foreign.id, 'x', ''])
    t.match(await staff.send(page, { app }, `${page}/app`), { status: 404, location: undefined })
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await anns.get(page)).body)?.[1] ?? ''
  t.match(await anns.post(`/patients/${bob}/app`, { _csrf, app: diary.id }), { status: 404, location: undefined })
  t.match(await anns.post(`${page}/app`, { app: diary.id }), { status: 403, location: undefined })
  t.match(await openBrowser(server).post(`${page}/app`, { app: diary.id }), { status: 303, location: /^\/sign-in/ })
})
