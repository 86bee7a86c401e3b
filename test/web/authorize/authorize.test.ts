import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { startSession } from '../../../src/storage/account/session.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import { sql } from '../../../src/storage/sql.ts'
import { authorizeQuery, base, openApps, pkce, redirectUri, tokenRequest } from '../../auth/world.ts'
import { openBrowser, type Shown, wordsOf } from '../../support/browser.ts'

const world = await openApps()
const { server, database, ann, bob, account, client, create, send, study } = world
t.teardown(() => server.close())

const app = await client({ name: 'Heart <diary>' })
const desk = await client({
  name: 'Desk',
  organization: world.lab.organization,
  scope: 'user/*.rs',
  metadata: { launch_uris: ['https://app.example.org/launch'] },
})
const anns = await account(ann)
const bobs = await account(bob)
const observe = (patient: string, code: string) =>
  create('everything', {
    resourceType: 'Observation',
    status: 'final',
    subject: { reference: `Patient/${patient}` },
    code: { coding: [{ system: 'http://loinc.org', code }] },
  })
const [heart, resting, weight] = [
  await observe(ann, '8867-4'),
  await observe(ann, '40443-4'),
  await observe(ann, '29463-7'),
]

const browserOf = async (person: string) => {
  const browser = openBrowser(server)
  browser.cookies.set('sharewell-session', await startSession(database, { person, methods: ['pwd'], device: 'Test' }))
  return browser
}

/** An app sends the browser here: what it comes to, and how the app gets its token in the end. */
const begin = async (browser: ReturnType<typeof openBrowser>, scope: string, id = app.id, more = {}) => {
  const { verifier, challenge } = pkce()
  const { location = '' } = await browser.get(`/oauth/authorize?${authorizeQuery(id, scope, challenge, more)}`)
  const back = async (answer: Shown) => {
    t.equal(answer.status, 303)
    const resumed = await browser.get((answer.location ?? '').slice(base.length))
    return new URL(resumed.location ?? '')
  }
  const redeem = async (answer: Shown) => {
    const code = (await back(answer)).searchParams.get('code') ?? ''
    const form = { grant_type: 'authorization_code', code, redirect_uri: redirectUri, code_verifier: verifier }
    return (await tokenRequest(server, { ...form, client_id: id })).body
  }
  return { page: location.replace(base, ''), back, redeem }
}

const boxes = (page: Shown, name: string, state = ' checked'): string[] =>
  [
    ...page.body.matchAll(
      /<input class="form-check-input" type="(?:checkbox|radio)" name="([^"]*)" value="([^"]*)"( checked)?>/g,
    ),
  ]
    .filter(([, named, , checked]) => named === name && (checked ?? '') === state)
    .map(([, , value = '']) => value)

const idsOf = async (token: string): Promise<string[]> =>
  (await send(token, 'GET', 'Observation'))
    .json()
    .entry?.map(({ resource }: { resource: { id: string } }) => resource.id) ?? []

t.test('a person signs in, sees what an app asks for, unticks some, and the app gets exactly the rest', async t => {
  const password = 'seven green umbrellas sing'
  const email = 'ann@example.org'
  const hashed = await hashPassword(password)
  await addAccount(database, { person: anns, email, isVerified: true, administrator: false, password: hashed })
  const browser = openBrowser(server)
  const asked = 'launch/patient openid offline_access patient/Observation.cruds patient/Patient.rs patient/*.r'
  const { page, redeem } = await begin(browser, asked)
  const toSignIn = await browser.get(page)
  t.match(toSignIn, { status: 303, location: `/sign-in?continue=${encodeURIComponent(page)}` })
  t.match(await browser.send(toSignIn.location ?? '', { email, password }, '/sign-in'), { status: 303, location: page })

  const shown = await browser.get(page)
  t.equal(shown.status, 200)
  const words = wordsOf(shown)
  t.match(words, 'The app Heart &lt;diary&gt; asks to use data')
  t.match(words, `Afterwards you go back to ${redirectUri}`)
  t.match(words, /signed in as ann@example\.org \. Sign in as somebody else/)
  t.match(words, /Read Know which patient it is about Recognize you when you come again Read your measurements/)
  t.match(words, /Read all of your health data Careful: this is everything, also kinds of data that will only be added/)
  t.match(
    words,
    /Add or change Add, change and delete your measurements and survey answers Stay connected Stay connected/,
  )
  t.notMatch(words, /Nobody here has looked/)
  t.match(shown.body, `/sign-in?continue=${encodeURIComponent(page)}&amp;prompt=login`)
  t.notMatch(String(shown.headers['content-security-policy']), /form-action/, 'the form ends at the app')
  t.same(boxes(shown, 'scope'), [
    'launch/patient',
    'openid',
    'patient/Observation.rs',
    'patient/Patient.rs',
    'patient/*.r',
    'patient/Observation.cud',
    'offline_access',
  ])
  const token = await redeem(
    await browser.send(page, { decision: 'allow', scope: ['launch/patient', 'patient/Observation.rs'] }),
  )
  t.match(token, { scope: /^launch\/patient patient\/Observation\.rs$/, patient: ann })
  t.notOk(token.refresh_token)
  t.same(new Set(await idsOf(token.access_token)), new Set([heart.id, resting.id, weight.id]))
  t.equal((await send(token.access_token, 'GET', `Patient/${ann}`)).statusCode, 403)
  t.match(await browser.get(page), { status: 410, body: /This request is over/ })
})

t.test('a scope that stays ticked is granted as it was asked for', async t => {
  const browser = await browserOf(anns)
  const asked = 'patient/Observation.* patient/Patient.read'
  const { page, redeem } = await begin(browser, asked)
  const scope = boxes(await browser.get(page), 'scope')
  t.equal((await redeem(await browser.send(page, { decision: 'allow', scope }))).scope, asked)
})

t.test('measurements are narrowed to the kinds that are ticked, and to no others', async t => {
  const browser = await browserOf(anns)
  const { page, redeem } = await begin(browser, 'patient/Observation.rs openid')
  const scope = ['patient/Observation.rs']
  t.match(wordsOf(await browser.get(page)), /All kinds of measurements are included/)
  const asked = await browser.send(page, { decision: 'some-kinds', scope })
  t.equal(asked.status, 200)
  t.same(boxes(asked, 'scope'), scope, 'what was unticked stays unticked')
  t.same(boxes(asked, 'kind'), [])
  t.match(boxes(asked, 'kind', ''), ['omh:blood-pressure', 'omh:heart-rate'])
  const none = await browser.send(page, { decision: 'allow', scope, kinds: 'some' })
  t.match(none, { status: 422, body: /Nothing is ticked/ })
  const narrowed = { decision: 'allow', scope, kinds: 'some', kind: ['omh:heart-rate', 'made-up'] }
  const { scope: granted, access_token } = await redeem(await browser.send(page, narrowed))
  t.match(
    granted,
    /^patient\/Observation\.rs\?code=https:\/\/w3id\.org\/openmhealth\|omh:heart-rate,http:\/\/loinc\.org\|/,
  )
  t.same(new Set(await idsOf(access_token)), new Set([heart.id, resting.id]))
  t.equal((await send(access_token, 'GET', `Observation/${weight.id}`)).statusCode, 404)

  const again = await begin(browser, granted)
  t.match(wordsOf(await browser.get(again.page)), 'Read your heart rate')
})

t.test('somebody who narrows measurements is told of those that are asked for separately', async t => {
  const browser = await browserOf(anns)
  const weights = 'patient/Observation.rs?code=http://loinc.org|29463-7'
  const { page, redeem } = await begin(browser, `patient/Observation.rs ${weights}`)
  const scope = ['patient/Observation.rs', weights]
  t.match(
    wordsOf(await browser.send(page, { decision: 'some-kinds', scope })),
    /those that you tick, and no others\. Measurements that have a line of their own above it reads as well/,
  )
  const narrowed = { decision: 'allow', scope, kinds: 'some', kind: 'omh:heart-rate' }
  const { access_token } = await redeem(await browser.send(page, narrowed))
  t.same(new Set(await idsOf(access_token)), new Set([heart.id, resting.id, weight.id]))

  const alone = await begin(browser, 'patient/Observation.rs')
  const told = wordsOf(await browser.send(alone.page, { decision: 'some-kinds', scope: ['patient/Observation.rs'] }))
  t.notMatch(told, /of their own/, 'nobody else is')
})

t.test('denying sends the app away with access_denied', async t => {
  const browser = await browserOf(anns)
  const { page, back } = await begin(browser, 'patient/Observation.rs')
  const { body } = await browser.get(page)
  const [allow, deny] = ['allow', 'deny'].map(
    decision => new RegExp(`value="${decision}" class="([^"]*)"`).exec(body)?.[1],
  )
  t.type(deny, 'string')
  t.equal(deny, allow, 'denying looks the same as allowing')
  const { searchParams } = await back(await browser.send(page, { decision: 'deny' }))
  t.equal(searchParams.get('error'), 'access_denied')
  t.equal(searchParams.get('state'), 'state-of-the-app')
  t.equal(searchParams.get('code'), null)
})

t.test('nothing is granted that was not asked for, whatever is posted', async t => {
  const browser = await browserOf(anns)
  const { page, redeem } = await begin(browser, 'patient/Observation.r openid')
  const scope = ['openid', 'patient/*.cruds', 'patient/Observation.rs', 'offline_access']
  t.equal((await redeem(await browser.send(page, { decision: 'allow', scope }))).scope, 'openid')
})

t.test('only our own page decides, in the browser of the person who was shown it', async t => {
  const browser = await browserOf(anns)
  const { page } = await begin(browser, 'patient/Observation.rs')
  const scope = 'patient/Observation.rs'
  await browser.get(page)
  t.match(await browser.post(page, { decision: 'allow', person: anns, scope }), {
    status: 403,
    body: /send that again/,
  })
  t.match(await browser.post(page, { decision: 'deny' }), { status: 403 })
  const other = await browserOf(anns)
  t.match(await other.get(page), { status: 410 }, 'another browser has nothing to decide')

  browser.cookies.set(
    'sharewell-session',
    await startSession(database, { person: bobs, methods: ['pwd'], device: 'x' }),
  )
  const mixed = await browser.send(page, { decision: 'allow', person: anns, scope })
  t.match(mixed, { status: 403, body: /Somebody else has signed in since/ })
  browser.cookies.delete('sharewell-session')
  const hidden = {
    decision: 'allow',
    person: anns,
    scope,
    _csrf: /name="_csrf" value="([^"]*)"/.exec(mixed.body)?.[1] ?? '',
  }
  t.match(await browser.post(page, hidden), { status: 303, location: /^\/sign-in\?continue=/ })
})

t.test('a request that somebody else opened is not theirs to decide', async t => {
  const staff = study.researcher.person
  const url = new URL(await server.authorization.launches.open(staff, desk.id, { patient: ann }))
  const launch = url.searchParams.get('launch') ?? ''
  const browser = await browserOf(anns)
  const { page, redeem } = await begin(browser, 'launch patient/Observation.rs', desk.id, { launch })
  t.match(await browser.get(page), { status: 403, body: /Somebody else opened this app/ })
  browser.cookies.set(
    'sharewell-session',
    await startSession(database, { person: staff, methods: ['pwd'], device: 'x' }),
  )
  const shown = await browser.get(page)
  t.match(wordsOf(shown), 'Read the patient’s measurements')
  t.match(wordsOf(shown), /Whose data is it about\? Ann /, 'somebody with two tabs open sees which is whose')
  const scope = boxes(shown, 'scope')
  const token = await redeem(await browser.send(page, { decision: 'allow', scope }))
  t.match(token, { scope: /^launch patient\/Observation\.rs$/, patient: ann })
})

t.test('staff choose one of the patients whom they see, by name if there are many', async t => {
  const { id: stranger } = await create('everything', { resourceType: 'Patient', name: [{ text: 'Stranger' }] })
  const browser = await browserOf(study.researcher.person)
  const { page, redeem } = await begin(browser, 'launch/patient patient/Patient.rs', desk.id)
  const shown = await browser.get(page)
  t.same(new Set(boxes(shown, 'patient', '')), new Set([ann, bob]))
  t.match(wordsOf(shown), /Whose data is it about\? .*Ann/)
  t.notMatch(wordsOf(shown), /Stranger/)
  const found = await browser.send(page, { decision: 'find', name: 'bo' })
  t.match(found, { status: 200, body: /Find a patient by name/ })
  t.same(boxes(found, 'patient', ''), [bob])
  const stored = (await send('everything', 'GET', `Patient/${bob}`)).json()
  await world.update('everything', { ...stored, birthDate: '1970-05-31' })
  t.match(wordsOf(await browser.get(page)), /Bob born (?:31 May|May 31,) 1970/)
  const scope = boxes(shown, 'scope')
  const none = await browser.send(page, { decision: 'allow', scope })
  t.match(none, { status: 422, body: /Choose the patient/ })
  const foreign = await browser.send(page, { decision: 'allow', scope, patient: stranger })
  t.match(foreign, { status: 403, body: /not yours to choose/ })
  const token = await redeem(await browser.send(page, { decision: 'allow', scope, patient: bob }))
  t.equal(token.patient, bob)
  t.equal((await send(token.access_token, 'GET', `Patient/${bob}`)).statusCode, 200)
  t.equal((await send(token.access_token, 'GET', `Patient/${ann}`)).statusCode, 404)
})

t.test('somebody who has no patient to give is told so, and can only deny', async t => {
  const browser = await browserOf(await account())
  const { page, back } = await begin(browser, 'launch/patient patient/Observation.rs')
  const shown = await browser.get(page)
  t.match(
    wordsOf(shown),
    /You cannot allow this Heart &lt;diary&gt; asks for the data of a patient, and there is no patient/,
  )
  t.same(
    [...shown.body.matchAll(/name="decision" value="(\w+)"/g)].map(([, value]) => value),
    ['deny'],
  )
  const scope = ['launch/patient', 'patient/Observation.rs']
  t.match(await browser.send(page, { decision: 'allow', scope }), { status: 422 })
  t.equal((await back(await browser.send(page, { decision: 'deny' }))).searchParams.get('error'), 'access_denied')
})

t.test('staff from elsewhere who may give the app nothing that it asks for are told so, and can only deny', async t => {
  const elsewhere = await world.institution('elsewhere')
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: 'Nurse' }] })
  const practitioner = { reference: `Practitioner/${id}` }
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${elsewhere.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'member' }] }],
  })
  const { id: person } = await create('everything', { resourceType: 'Person', link: [{ target: practitioner }] })
  const browser = await browserOf(person)
  for (const asked of ['user/Observation.rs user/Patient.rs', 'user/Observation.rs offline_access']) {
    const { page, back } = await begin(browser, asked, desk.id)
    const shown = await browser.get(page)
    t.match(wordsOf(shown), 'You cannot allow this Desk asks for nothing that you may give it')
    t.notMatch(wordsOf(shown), /Untick what you do not want/)
    t.same(
      [...shown.body.matchAll(/name="decision" value="(\w+)"/g)].map(([, value]) => value),
      ['deny'],
    )
    t.equal((await back(await browser.send(page, { decision: 'deny' }))).searchParams.get('error'), 'access_denied')
  }
})

t.test('an app is shown with its organization and its own pages, without loading a picture from them', async t => {
  const { id } = await client({
    name: 'Desk',
    organization: world.lab.organization,
    metadata: {
      client_uri: 'https://desk.example.org/about?a=<b>',
      policy_uri: 'https://policies.example.org/',
      tos_uri: 'http://desk.example.org/terms',
      logo_uri: 'https://desk.example.org/logo.png',
    },
  })
  const browser = await browserOf(anns)
  const { page } = await begin(browser, 'patient/Observation.rs', id)
  const shown = await browser.get(page)
  t.match(
    wordsOf(shown),
    /It belongs to lab .* About the app desk\.example\.org .* What it does with data policies\.example\.org/,
  )
  t.match(shown.body, '<a href="https://desk.example.org/about?a=&lt;b&gt;" target="_blank" rel="noopener noreferrer">')
  t.notMatch(shown.body, /<img|logo\.png|Its terms/)
})

t.test('an app that registered itself is shown as one that nobody has reviewed', async t => {
  const { id } = await client({ name: 'Unknown', selfRegistered: true })
  const browser = await browserOf(anns)
  const { page } = await begin(browser, 'patient/Observation.rs', id)
  t.match(wordsOf(await browser.get(page)), 'Nobody here has looked at this app. It registered itself')
})

t.test('an app that asks for a new sign-in gets one', async t => {
  const browser = await browserOf(anns)
  await database.run(sql.fragment`UPDATE user_session SET authenticated_at = authenticated_at - interval '1 minute'`)
  const { page } = await begin(browser, 'patient/Observation.rs', app.id, { prompt: 'login' })
  const anew = { status: 303, location: `/sign-in?continue=${encodeURIComponent(page)}&prompt=login` }
  t.match(await browser.get(page), anew)
  browser.cookies.delete('sharewell-session')
  t.match(await browser.get(page), anew, 'also if nobody is signed in here')
})

t.test('in a frame nothing of an app’s request is shown, only what to do instead', async t => {
  const browser = await browserOf(anns)
  const { page } = await begin(browser, 'patient/Observation.rs')
  const frame = openBrowser(server, {
    headers: { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site', 'accept-language': 'es' },
  })
  for (const [name, value] of browser.cookies) frame.cookies.set(name, value)
  const shown = await frame.get(page)
  t.equal(shown.status, 403)
  t.match(wordsOf(shown), /La aplicación tiene que abrir esto en su propia ventana/)
  t.notMatch(shown.body, /Heart|<form|<a href/)
  const policy = String(shown.headers['content-security-policy'])
  t.match(policy, /frame-ancestors \*/)
  t.match(policy, "form-action 'none'")
  t.equal(shown.headers['x-frame-options'], undefined)
  const within = await browser.get(page)
  t.match(String(within.headers['content-security-policy']), "frame-ancestors 'none'")
  t.match(within.headers, { 'x-frame-options': 'DENY' })
  t.equal(within.headers['cross-origin-opener-policy'], undefined, 'nor is it cut off from an app that has opened it')
})

t.test('sending the form twice leads to the app both times, and grants once', async t => {
  const browser = await browserOf(bobs)
  const { id } = await client({ name: 'Pressed twice' })
  const { page, redeem } = await begin(browser, 'openid launch/patient patient/Patient.r', id)
  const { body } = await browser.get(page)
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(body)?.[1] ?? ''
  const form = { _csrf: hidden('_csrf'), person: hidden('person'), decision: 'allow', scope: 'patient/Patient.r' }
  const answers = [await browser.post(page, form), await browser.post(page, form)]
  t.same(
    answers.map(({ status }) => status),
    [303, 303],
  )
  t.equal(answers[1]?.location, answers[0]?.location)
  t.match(await redeem(answers[1] as Shown), { access_token: String })
  const grants = await database.any(sql.fragment`SELECT id FROM authorization_grant WHERE client_id = ${id}`)
  t.equal(grants.length, 1)
})

t.test('somebody who is signed out before they decide is told that what they unticked was not kept', async t => {
  const browser = await browserOf(bobs)
  const { page } = await begin(browser, 'openid launch/patient patient/Patient.r')
  const form = await browser.get(page)
  await database.run(sql.fragment`DELETE FROM user_session WHERE person = ${bobs}`)
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(form.body)?.[1] ?? ''
  const sent = { _csrf: hidden('_csrf'), person: bobs, decision: 'allow', scope: 'openid' }
  const { status, location = '' } = await browser.post(page, sent)
  t.match([status, location], [303, `/sign-in?continue=${encodeURIComponent(page)}&unsaved`])
  t.match(wordsOf(await browser.get(location)), /nothing that you sent was saved or done/)
})
