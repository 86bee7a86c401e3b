import t from 'tap'
import { listSmartClientConfigsAt, removeSmartClientConfig } from '../../../src/storage/ehr/smart-client-config.ts'
import { digestOf } from '../../../src/storage/secret/secret.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openHospitals, password } from '../../auth/ehr/hospital.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'

/** Launches within a frame of an EHR, with the headers that a browser sends then. */
const base = 'https://share.example.org'
const desktop = 'https://ehr.example.org'
const world = await openHospitals({ BASE_URL: base })
const { server, database, ehr, otherEhr, hospital } = world
t.teardown(async () => {
  await server.close()
  ehr.close()
  otherEhr.close()
})
await world.configure(ehr, hospital, { frameOrigins: [desktop, 'https://other.example.org'] })
ehr.addPatient({ resourceType: 'Patient', id: 'p1', name: [{ family: 'Abara' }] })
ehr.addPatient({ resourceType: 'Patient', id: 'p2', name: [{ family: 'Shellstrop' }] })
await world.linked('lena', hospital)
await world.linked('olga', hospital)

const inFrame = { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-origin' }
const openFrame = () => openBrowser(server, { headers: inFrame })
const launch = (subject: string, patient?: string, mock = ehr) =>
  `/launch?${new URLSearchParams({ iss: mock.base, launch: mock.launch({ subject, ...(patient && { patient }) }) })}`
/** Comes back from the EHR. */
const launched = async (frame: Browser, subject: string, patient?: string): Promise<Shown> => {
  const { location: again = '' } = await frame.get(launch(subject, patient))
  const { location: away = '' } = again.startsWith('/launch?') ? await frame.get(again) : { location: again }
  const answer = await fetch(away, { redirect: 'manual' })
  const { pathname, search } = new URL(answer.headers.get('location') ?? '')
  return frame.get(`${pathname}${search}`)
}
const ancestorsOf = ({ headers }: Shown) =>
  /frame-ancestors ([^;]*)/.exec(String(headers['content-security-policy']))?.[1]
const cookie = (name: string) => `__Host-sharewell-frame-${name}`

t.test('in a frame the first step is to check whether the browser keeps our cookies there', async t => {
  const frame = openFrame()
  const url = launch('lena', 'p1')
  const first = await frame.get(url)
  t.match(first, { status: 303, location: `${url}&tried=` })
  t.match(
    first.headers['set-cookie'],
    /^__Host-sharewell-frame-kept=yes; Path=\/; HttpOnly; Secure; Partitioned; SameSite=None$/,
  )
  t.match(await frame.get(`${url}&tried=`), { status: 303, location: new RegExp(`^${ehr.base}/authorize\\?`) })
  const without = openFrame()
  const shown = await without.get(`${url}&tried=`)
  t.match(wordsOf(shown), 'Open Sharewell in a new tab')
  t.match(shown.body, `href="${url.replace('&', '&amp;')}" target="_blank" rel="noopener"`)
  t.equal(ancestorsOf(shown), '*', 'it shows nothing about anybody')
  t.match(String(shown.headers['content-security-policy']), "form-action 'none'", 'it can send nothing')
  t.equal(shown.headers['x-frame-options'], undefined)
})

t.test('a launch of an EHR that may show no frame continues in a tab', async t => {
  const frame = openFrame()
  t.match(wordsOf(await frame.get(launch('lena', 'p1', otherEhr))), 'Open Sharewell in a new tab')
  t.match(wordsOf(await frame.get('/launch?iss=https://evil.example/fhir&launch=x')), 'Open Sharewell in a new tab')
  t.equal(frame.cookies.size, 0)
})

t.test('what the frame shows can be framed by pages of that EHR, and by no others', async t => {
  const frame = openFrame()
  const { location = '' } = await launched(frame, 'lena', 'p1')
  const shown = await frame.get(location)
  t.match(wordsOf(shown), /Register this patient\? .* Abara/)
  t.notMatch(wordsOf(shown), /Sign out|Do not register/)
  t.equal(ancestorsOf(shown), `${desktop} https://other.example.org`)
  t.equal(shown.headers['x-frame-options'], undefined)
  const saved = await frame.send(location, { organization: hospital }, `${location}/patient`)
  t.match(saved, { status: 303, location: /^\/patients\/[\w-]+$/ })
  const patient = await frame.get(saved.location ?? '')
  t.match(wordsOf(patient), /Abara/)
  t.equal(ancestorsOf(patient), `${desktop} https://other.example.org`)

  const tab = openBrowser(server)
  for (const [name, value] of frame.cookies) tab.cookies.set(name, value)
  for (const url of ['/account', '/account/apps', '/account/sessions', saved.location ?? '']) {
    const answer = await tab.get(url)
    t.match(answer, { status: 303, location: /^\/sign-in\?/ }, `in a tab nobody is signed in at ${url}`)
    const within = await frame.get(url)
    if (url !== saved.location)
      t.match(within, { status: 303, location: /^\/sign-in\?/ }, `nor in the frame, at ${url}`)
  }
  const signIn = await frame.get('/sign-in')
  t.equal(ancestorsOf(signIn), "'none'")
  t.match(signIn.headers, { 'x-frame-options': 'DENY' })
})

t.test('the session of a tab is not valid in a frame, nor that of a frame in a tab', async t => {
  const tab = openBrowser(server)
  await tab.send('/sign-in', { email: 'lena@example.org', password })
  const session = tab.cookies.get('__Host-sharewell-session') ?? ''
  const frame = openFrame()
  frame.cookies.set('__Host-sharewell-session', session)
  frame.cookies.set(cookie('session'), session)
  t.match(await frame.get('/patients/x'), { status: 401, body: /You are signed out/ })

  const framed = openFrame()
  await launched(framed, 'lena', 'p1')
  tab.cookies.set('__Host-sharewell-session', framed.cookies.get(cookie('session')) ?? '')
  t.match(await tab.get('/account'), { status: 303, location: /^\/sign-in/ })
})

t.test('a form in a frame is accepted only from our own page, with the token of its session', async t => {
  const frame = openFrame()
  const { location = '' } = await launched(frame, 'lena', 'p2')
  const { body } = await frame.get(location)
  const token = /name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? ''
  const post = async (headers: Record<string, string>, _csrf: string) => {
    const other = openBrowser(server, { headers })
    for (const [name, value] of frame.cookies) other.cookies.set(name, value)
    return other.post(`${location}/patient`, { _csrf, organization: hospital })
  }
  const refused = { status: 403, body: /Please send that again/ }
  t.match(await post(inFrame, ''), refused)
  t.match(await post(inFrame, `${token.slice(0, -1)}é`), refused)
  const another = openFrame()
  const { location: theirs = '' } = await launched(another, 'olga', 'p2')
  const foreign = /name="_csrf" value="([^"]+)"/.exec((await another.get(theirs)).body)?.[1] ?? ''
  t.match(await post(inFrame, foreign), refused, 'not with that of another session')
  for (const headers of [
    { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-dest': 'iframe', 'sec-fetch-site': 'same-site', origin: base },
    { 'sec-fetch-dest': 'iframe', origin: 'https://evil.example' },
    { 'sec-fetch-dest': 'iframe', origin: 'null' },
    { 'sec-fetch-dest': 'iframe' },
    { 'sec-fetch-dest': 'document', 'sec-fetch-site': 'same-origin' },
  ])
    t.match(await post(headers, token), refused, JSON.stringify(headers))
  t.match(await post({ 'sec-fetch-dest': 'iframe', origin: base }, token), { status: 303, location: /^\/patients\// })
})

t.test('a form that the browser says is from another site is refused outside of frames, too', async t => {
  const tab = openBrowser(server)
  const page = await tab.get('/sign-in')
  const _csrf = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  const form = { _csrf, email: 'lena@example.org', password }
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { origin: 'https://evil.example' }]) {
    const other = openBrowser(server, { headers })
    for (const [name, value] of tab.cookies) other.cookies.set(name, value)
    t.match(await other.post('/sign-in', form), { status: 403 }, JSON.stringify(headers))
  }
  t.match(await tab.post('/sign-in', form), { status: 303 })
})

t.test('a form in a frame whose session has ended is answered with a page that the frame may show', async t => {
  const frame = openFrame()
  const { location = '' } = await launched(frame, 'lena', 'p2')
  const _csrf = /name="_csrf" value="([^"]+)"/.exec((await frame.get(location)).body)?.[1] ?? ''
  frame.cookies.delete(cookie('session'))
  const late = await frame.post(`${location}/patient`, { _csrf, organization: hospital })
  t.match([late.status, wordsOf(late)], [403, /Open Sharewell from your EHR again/])
  t.notMatch(late.body, 'href="/"', 'nothing leads to a page that cannot be framed')
  t.equal(ancestorsOf(late), '*')
  t.match(String(late.headers['content-security-policy']), "form-action 'none'")
  t.equal(late.headers['x-frame-options'], undefined)
  const spanish = openBrowser(server, { headers: { ...inFrame, 'accept-language': 'es' } })
  t.match(wordsOf(await spanish.get('/patients/x')), /Su sesión ha terminado/)
  t.match((await frame.get('/account/sessions')).headers, { 'x-frame-options': 'DENY' })
})

t.test('on a shared screen the frame belongs to the person who came last', async t => {
  const frame = openFrame()
  await launched(frame, 'lena', 'p1')
  const lenas = frame.cookies.get(cookie('session'))
  await launched(frame, 'lena', 'p1')
  t.equal(frame.cookies.get(cookie('session')), lenas, 'the same person stays signed in')
  await launched(frame, 'olga', 'p1')
  t.not(frame.cookies.get(cookie('session')), lenas)
  const { location = '' } = await launched(frame, 'nobody-here', 'p1')
  t.equal(frame.cookies.get(cookie('session')), undefined, 'to nobody if nobody is found')
  t.match(wordsOf(await frame.get(location)), /Sign in to go on .* Go on in a new tab/)
  const sessions = await database.any(sql.fragment`
    SELECT FROM user_session WHERE frame IS NOT NULL AND hash = ${sql.binary(digestOf(lenas ?? ''))}`)
  t.equal(sessions.length, 0, 'the session before has ended')
})

t.test('going back in a frame shows no patient other than that of the last launch', async t => {
  const frame = openFrame()
  const first = await frame.get((await launched(frame, 'lena', 'p1')).location ?? '')
  const abara = first.location ?? ''
  const page = await frame.get(`${abara}?first=2026-01-01&last=2026-01-02`)
  const again = /data-again="([^"]+)"/.exec(page.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.equal(again, `${abara}?first=2026-01-01&last=2026-01-02&again=`, 'the address that the browser remembers for it')
  t.match(page.body, 'src="/static/frame.js"')
  t.match(wordsOf(await frame.get(again)), /Abara/, 'going back works for the patient that the EHR has open')

  const url = launch('lena', 'p2')
  await frame.get(url)
  const over = { status: 409, body: /Another patient was opened since.*Open Sharewell from your EHR again/s }
  t.match(await frame.get(again), over, 'even if the next launch is not completed')
  ehr.addPatient({ resourceType: 'Patient', id: 'p3', name: [{ family: 'Mendoza' }] })
  const { location: mendoza = '' } = await launched(frame, 'lena', 'p3')
  const register = await frame.get(mendoza)
  const registerAgain = /data-again="([^"]+)"/.exec(register.body)?.[1] ?? ''
  t.match(wordsOf(await frame.get(registerAgain)), /Register this patient\? .* Mendoza/)
  const { location: shellstrop = '' } = await frame.get((await launched(frame, 'lena', 'p2')).location ?? '')
  for (const older of [again, registerAgain]) {
    const shown = await frame.get(older)
    t.match(shown, over, older)
    t.notMatch(shown.body, /Abara|Mendoza/)
    t.equal(ancestorsOf(shown), '*')
  }
  t.match(wordsOf(await frame.get(`${shellstrop}?again=`)), /Shellstrop/)
  t.match(
    wordsOf(await frame.get(`${abara}?first=2026-01-03&last=2026-01-04`)),
    /Abara/,
    'a link in a second tab is followed',
  )
  t.notMatch((await openFrame().get(again)).body, /data-again|Abara/)
  const tab = openBrowser(server)
  await tab.send('/sign-in', { email: 'lena@example.org', password })
  t.match(wordsOf(await tab.get(again)), /Abara/, 'outside of a frame it does not matter')
  t.notMatch((await tab.get(abara)).body, /data-again|frame\.js/)
})

const comesToItsEnd = async (shared: Browser, away: string): Promise<string> => {
  const back = new URL((await fetch(away, { redirect: 'manual' })).headers.get('location') ?? '')
  const { location: arrival = '' } = await shared.get(`${back.pathname}${back.search}`)
  const { location = '' } = await shared.get(arrival)
  return wordsOf(await shared.get(location))
}

for (const [where, headers] of [
  ['tabs', {}],
  ['frames', inFrame],
] as const)
  t.test(`launches that begin in ${where} of one browser at the same moment are all completed`, async t => {
    const shared = openBrowser(server, { headers })
    await shared.get(launch('lena', 'p1'))
    const before = new Map(shared.cookies)
    /** Begun before the browser has an answer to any other. */
    const begin = async (patient: string) => {
      const one = openBrowser(server, { headers })
      for (const [name, value] of before) if (name.endsWith('-kept')) one.cookies.set(name, value)
      const { location = '' } = await one.get(launch('lena', patient))
      return { cookies: one.cookies, location, slot: /[?&]state=(.)/.exec(location)?.[1] }
    }
    const first = await begin('p1')
    let second = await begin('p2')
    while (second.slot === first.slot) second = await begin('p2')
    for (const [name, value] of [...first.cookies, ...second.cookies]) shared.cookies.set(name, value)
    t.match(await comesToItsEnd(shared, first.location), /Abara/)
    t.match(await comesToItsEnd(shared, second.location), /Shellstrop/)
  })

t.test('somebody who needs a second factor shows it in a tab', async t => {
  await database.run(sql.fragment`UPDATE organization_node SET second_factor = TRUE WHERE id = ${hospital}`)
  t.teardown(() => database.run(sql.fragment`UPDATE organization_node SET second_factor = FALSE`))
  const frame = openFrame()
  const { location = '' } = await launched(frame, 'lena', 'p1')
  t.equal(frame.cookies.get(cookie('session')), undefined)
  t.match(wordsOf(await frame.get(location)), /Go on in a new tab/)
})

t.test('so does somebody who has one without being asked for it', async t => {
  const { person } = await world.linked('nina', hospital)
  await database.run(sql.fragment`UPDATE user_account SET authenticator = 'sealed' WHERE person = ${person}`)
  const frame = openFrame()
  const { location = '' } = await launched(frame, 'nina', 'p1')
  t.equal(frame.cookies.get(cookie('session')), undefined)
  t.match(wordsOf(await frame.get(location)), /Go on in a new tab/)
  await database.run(sql.fragment`UPDATE user_account SET authenticator = NULL WHERE person = ${person}`)
  await launched(frame, 'nina', 'p1')
  t.match(frame.cookies.get(cookie('session')), /^[\w-]{43}$/, 'somebody who has none any more continues in the frame')
})

t.test('a tab takes over from the frame once, and only from our own page', async t => {
  const frame = openFrame()
  const { location = '' } = await launched(frame, 'n-1', 'p1')
  const shown = await frame.get(location)
  t.equal(ancestorsOf(shown), `${desktop} https://other.example.org`)
  const handedOver = /name="handed-over" value="([^"]+)"/.exec(shown.body)?.[1] ?? ''
  const send = (browser: Browser, value = handedOver) => browser.post(`${location}/tab`, { 'handed-over': value })
  for (const headers of [
    {},
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site', 'sec-fetch-dest': 'document' },
    { 'sec-fetch-site': 'same-site', 'sec-fetch-dest': 'document' },
    inFrame,
  ])
    t.match(await send(openBrowser(server, { headers })), { status: 403 }, JSON.stringify(headers))
  const ours = { 'sec-fetch-site': 'same-origin', 'sec-fetch-dest': 'document' }
  const forged = openBrowser(server, { headers: ours })
  await send(forged, 'made-up')
  t.match(await forged.get(location), { status: 410 })
  const dateNow = Date.now
  Date.now = () => dateNow() + 5 * 60_000
  const slow = openBrowser(server, { headers: ours })
  await send(slow)
  Date.now = dateNow
  t.match(await slow.get(location), { status: 410 }, 'nor after five minutes')
  const tab = openBrowser(server, { headers: ours })
  t.match(await send(tab), { status: 303, location })
  t.match(wordsOf(await tab.get(location)), /Sign in to go on/)
  const late = openBrowser(server, { headers: ours })
  await send(late)
  t.match(await late.get(location), { status: 410 }, 'it is handed over once')
  t.match(await frame.get(location), { status: 410 }, 'the frame has it no longer')
})

t.test('what the EHR may show ends when its set-up changes', async t => {
  const frame = openFrame()
  const { location = '' } = await launched(frame, 'lena', 'p1')
  const { location: patient = '' } = await frame.get(location)
  t.match(await frame.get(patient), { status: 200 })
  await world.configure(ehr, hospital, { frameOrigins: [] })
  const after = await frame.get(patient)
  t.match(after, { status: 401, body: /You are signed out/ })
  t.notMatch(after.body, /Abara/)
})

t.test('whoever is just entering a frame of an EHR that is being removed is not signed in there', async t => {
  await world.configure(ehr, hospital, { frameOrigins: [desktop] })
  const [{ id } = { id: '' }] = await listSmartClientConfigsAt(database, ehr.base)
  const frame = openFrame()
  const { entered } = await database.transaction(async connection => {
    await removeSmartClientConfig(connection, id)
    const entered = launched(frame, 'lena', 'p1')
    await Promise.race([entered, someoneWaits(connection)])
    return { entered }
  })
  t.match(await frame.get((await entered).location ?? ''), { status: 410 })
  t.notOk(frame.cookies.get(cookie('session')))
  t.strictSame(await database.any(sql.fragment`SELECT FROM user_session WHERE frame = ${id}`), [])
})

t.test('without TLS there is no frame, since its cookies would not be kept', async t => {
  const plain = await openHospitals()
  t.teardown(async () => {
    await plain.server.close()
    plain.ehr.close()
    plain.otherEhr.close()
  })
  await plain.configure(plain.ehr, plain.hospital, { frameOrigins: [desktop] })
  const frame = openBrowser(plain.server, { headers: { ...inFrame, 'x-forwarded-proto': 'https' } })
  const url = `/launch?${new URLSearchParams({ iss: plain.ehr.base, launch: plain.ehr.launch({ subject: 'x' }) })}`
  t.match(wordsOf(await frame.get(url)), 'Open Sharewell in a new tab')
  t.equal(frame.cookies.size, 0)
})
