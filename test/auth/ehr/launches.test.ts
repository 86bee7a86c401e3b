import type { Patient, PractitionerRole } from '@medplum/fhirtypes'
import t from 'tap'
import { type OrganizationRole, organizationRole, privacyOfficer } from '../../../src/access/vocabulary.ts'
import { lockAccount } from '../../../src/storage/account/user-account.ts'
import { listSmartClientConfigsAt } from '../../../src/storage/ehr/smart-client-config.ts'
import { sql } from '../../../src/storage/sql.ts'
import { codeOf, keyIn } from '../../support/authenticator.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { holdingCommits } from '../../support/holding-commits.ts'
import { serverOver } from '../../support/server-over.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { staffEntry } from '../../support/study.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openBreakingWire } from '../../support/wire.ts'
import { openHospitals, password } from './hospital.ts'
import type { Misbehaviour } from './mock-ehr.ts'

const world = await openHospitals()
const { server, ehr, otherEhr } = world
t.teardown(async () => {
  await server.close()
  ehr.close()
  otherEhr.close()
})

await world.linked('lena', world.hospital)
ehr.addPatient({
  resourceType: 'Patient',
  id: 'p1',
  name: [{ family: 'Abara', given: ['Chidi'] }],
  gender: 'male',
  birthDate: '1984-05-06',
  identifier: [{ system: `${otherEhr.base}/Patient`, value: 'foreign' }],
  managingOrganization: { reference: 'Organization/elsewhere' },
})

t.test('a launch goes to the EHR with everything that SMART requires, and to no other place', async t => {
  const browser = openBrowser(server)
  const {
    status,
    location = '',
    headers,
  } = await browser.get(`/launch?${new URLSearchParams({ iss: `${ehr.base}/`, launch: 'l-1' })}`)
  t.equal(status, 303)
  const url = new URL(location)
  t.equal(`${url.origin}${url.pathname}`, `${ehr.base}/authorize`)
  t.match(Object.fromEntries(url.searchParams), {
    response_type: 'code',
    client_id: /^sharewell$/,
    redirect_uri: /^http:\/\/localhost:8080\/launch\/[0-9a-f]{32}\/callback$/,
    scope: /^openid fhirUser launch patient\/Patient\.r$/,
    state: /^[\w-]{43}$/,
    nonce: /^[\w-]{43}$/,
    aud: ehr.base,
    launch: 'l-1',
    code_challenge: /^[\w-]{43}$/,
    code_challenge_method: 'S256',
  })
  t.match(headers['set-cookie'], /^sharewell-launch-[\w-]=[\w-]{43}; Max-Age=2400; Path=\/; HttpOnly; SameSite=Lax$/)
})

t.test('an EHR that is not configured is not requested', async t => {
  const before = ehr.asked.length
  for (const iss of [
    'https://evil.example/fhir',
    `${ehr.base}/x`,
    `${ehr.base}@evil.example`,
    'file:///etc/passwd',
    '',
  ])
    t.match(await openBrowser(server).get(`/launch?${new URLSearchParams({ iss, launch: 'x' })}`), {
      status: 400,
      location: undefined,
    })
  t.equal(ehr.asked.length, before)
})

t.test('while our database is away, nobody is told that the EHR is not to be trusted', async t => {
  const launch = ehr.launch({ subject: 'lena', patient: 'p1' })
  const launched = () => world.launched(openBrowser(server), ehr, launch)
  t.match(await whileGoneAt(world.database, 'ehr_arrival', launched), { status: 503, headers: { 'retry-after': /./ } })
})

t.test('a provider is shown what would be saved, saves it, and lands on the page of the patient', async t => {
  const browser = openBrowser(server)
  const first = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p1' }))
  t.match(first, { status: 303, location: /^\/launched\/[\w-]{43}$/ })
  const { location = '' } = first
  const shown = await browser.get(location)
  t.match(wordsOf(shown), /Register this patient\?.*Name Chidi Abara Birth date 6 May 1984 Gender male Identifiers p1/)
  t.notMatch(shown.body, /foreign|elsewhere/)
  const patients = async () =>
    (await server.inject({ url: '/fhir/Patient', headers: { authorization: 'Bearer everything' } })).json().entry ?? []
  t.same(await patients(), [], 'nothing is saved before that')
  const saved = await browser.send(location, { organization: world.hospital }, `${location}/patient`)
  t.match(saved, { status: 303, location: /^\/patients\/[\w-]+$/ })
  const { id: _, meta: __, ...patient } = (await patients())[0].resource
  t.same(patient, {
    resourceType: 'Patient',
    identifier: [{ system: `${ehr.base}/Patient`, value: 'p1' }],
    name: [{ family: 'Abara', given: ['Chidi'] }],
    gender: 'male',
    birthDate: '1984-05-06',
    managingOrganization: { reference: `Organization/${world.hospital}` },
  })
  t.match(wordsOf(await browser.get(saved.location ?? '')), /Chidi Abara .*Birth date 6 May 1984/)
  t.match(await browser.get(location), { status: 410 }, 'the launch is over')

  const again = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p1' }))
  t.match(
    await browser.get(again.location ?? ''),
    { status: 303, location: saved.location ?? '' },
    'then the patient is known',
  )
  t.equal((await patients()).length, 1)

  const stranger = await world.colleague('oscar', world.other)
  const theirs = openBrowser(server)
  await theirs.send('/sign-in', { email: stranger.email, password })
  t.match(await theirs.get(saved.location ?? ''), { status: 404 }, 'another tenant does not see the patient')
})

t.test(
  'possible duplicates are shown before anything is saved, and can be taken for the patient or registered anyway',
  async t => {
    const { create, hospital, other } = world
    const managed = (organization: string) => ({ managingOrganization: { reference: `Organization/${organization}` } })
    const human: Patient = {
      resourceType: 'Patient',
      name: [{ family: 'Noor', given: ['Amal'] }],
      birthDate: '1990-02-03',
    }
    const known = { ...human, identifier: [{ system: 'https://mrn.example.org', value: '7' }] }
    const { id: byHand } = await create('everything', { ...known, ...managed(hospital) })
    const { id: elsewhere } = await create('everything', { ...human, ...managed(other) })
    ehr.addPatient({ ...human, id: 'n1' })
    ehr.addPatient({ ...human, id: 'n2' })
    const browser = openBrowser(server, { remoteAddress: '10.0.0.21' })
    const identifierOf = async (id: string) =>
      (await server.inject({ url: `/fhir/Patient/${id}`, headers: { authorization: 'Bearer everything' } })).json()
        .identifier

    const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'n1' }))
    const shown = await browser.get(location)
    const heading = 'There may be a record of this patient already'
    t.match(
      wordsOf(shown),
      `${heading} Amal Noor born 3 February 1990, 7 : has the same name and birth date Use this record`,
    )
    t.match(
      wordsOf(shown),
      `${new URL(ehr.base).host} opens that record for this patient from then on. If it is somebody else`,
    )
    t.match(shown.body, new RegExp(`name="same" value="${byHand}"`))
    t.notMatch(shown.body, elsewhere, 'nothing is said of a patient whom they may not see')
    const action = `${location}/patient`
    const _csrf = /name="_csrf" value="([^"]+)"/.exec(shown.body)?.[1] ?? ''
    const unseen = await browser.post(action, { _csrf, organization: hospital })
    t.equal(unseen.status, 409, 'nothing is registered by somebody who has not seen them')
    t.match(wordsOf(unseen), heading)
    for (const same of [elsewhere, 'x']) t.equal((await browser.post(action, { _csrf, same })).status, 400)
    t.strictSame(await identifierOf(byHand), known.identifier)
    t.match(await browser.send(location, {}, action), { status: 303, location: `/patients/${byHand}` })
    const identifier = [...known.identifier, { system: `${ehr.base}/Patient`, value: 'n1' }]
    t.strictSame(await identifierOf(byHand), identifier)
    const again = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'n1' }))
    t.match(await browser.get(again.location ?? ''), { location: `/patients/${byHand}` })

    const second = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'n2' }))
    const otherwise = await browser.get(second.location ?? '')
    t.match(wordsOf(otherwise), heading)
    t.notMatch(otherwise.body, /name="same"|from then on/, 'a patient with another name is not meant by the EHR')
    const fields = { organization: hospital }
    const unshown = { ...fields, anyway: 'yes' }
    t.match(await browser.send(second.location ?? '', unshown, `${second.location}/patient`), { status: 409 })
    const saved = await browser.send(second.location ?? '', fields, `${second.location}/patient`)
    t.match(saved, { status: 303, location: /^\/patients\/[\w-]+$/ })
    t.strictSame(await identifierOf(saved.location?.split('/')[2] ?? ''), [
      { system: `${ehr.base}/Patient`, value: 'n2' },
    ])
  },
)

t.test('a patient whom somebody registers by hand at the same moment is shown before anything is saved', async t => {
  const { database, hospital } = world
  ehr.addPatient({
    resourceType: 'Patient',
    id: 'i1',
    name: [{ family: 'Instant', given: ['Ivo'] }],
    birthDate: '1970-01-01',
  })
  const browser = openBrowser(server, { remoteAddress: '10.0.0.22' })
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'i1' }))
  t.match(wordsOf(await browser.get(location)), /Register this patient/)
  const { both } = await holdingCommits(database, async connection => {
    const fields = { family: 'Instant', given: 'Ivo', birthDate: '1970-01-01', organization: hospital }
    const byHand = browser.send('/patients/new', fields)
    await someoneWaits(connection)
    const launched = browser.send(location, { organization: hospital }, `${location}/patient`)
    await someoneWaits(connection, 2)
    return { both: Promise.all([byHand, launched]) }
  })
  const [byHand, launched] = await both
  t.match(byHand, { status: 303, location: /done=registered/ })
  t.match([launched.status, wordsOf(launched)], [409, /There may be a record of this patient already .* Instant/])
})

t.test('an EHR user who is unknown here links their account with their own sign-in and password', async t => {
  const mona = await world.colleague('mona', world.ward)
  const browser = openBrowser(server)
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'm-7' }))
  t.equal(browser.cookies.get('sharewell-session'), undefined, 'this does not sign them in')
  t.match(wordsOf(await browser.get(location)), /Sign in to go on/)
  await browser.send(`/sign-in?continue=${location}`, { email: mona.email, password }, '/sign-in')
  t.match(wordsOf(await browser.get(location)), /its user “m-7” is signed in here as mona/)
  t.match(await browser.send(location, { password: 'wrong' }, `${location}/account`), { status: 422 })
  t.match(
    await world.database.any(sql.fragment`
      SELECT outcome FROM audit_record WHERE person = ${mona.person} AND interaction = 'sign-in' ORDER BY id`),
    [{ outcome: 200 }, { outcome: 401 }],
    'that is recorded as a wrong password',
  )
  t.match(await browser.send(location, { password }, `${location}/account`), { status: 303, location })
  t.has(await browser.get(location), { status: 303, location: '/account' })
  const person = await server.inject({
    url: `/fhir/Person/${mona.person}`,
    headers: { authorization: 'Bearer everything' },
  })
  t.same(person.json().identifier, [{ system: ehr.base, value: 'm-7' }])

  const later = openBrowser(server)
  await world.launched(later, ehr, ehr.launch({ subject: 'm-7' }))
  t.match(wordsOf(await later.get('/account')), /Name mona .* See which electronic health records \(EHRs\) sign you in/)
  t.match(wordsOf(await later.get('/account/ehrs')), /Its user “m-7” is signed in here as you/)
})

t.test('somebody who no longer wants an EHR to sign them in unlinks it, and is signed out there', async t => {
  const sina = await world.linked('sina', world.ward)
  const byEhr = openBrowser(server, { remoteAddress: '10.9.9.9' })
  await world.launched(byEhr, ehr, ehr.launch({ subject: 'sina' }))
  const own = openBrowser(server, { remoteAddress: '10.9.9.9' })
  await own.send('/sign-in', { email: sina.email, password })
  await own.send('/account/ehrs', { issuer: 'https://idp.example.org' })
  t.match(await byEhr.get('/account'), { status: 200 }, 'an EHR that is not theirs is not affected')
  t.match(await own.send('/account/ehrs', {}), { status: 303, location: '/account/ehrs?done=unlinked' })
  const done = await own.get('/account/ehrs?done=unlinked')
  t.match(done.body, / autofocus><p>It is unlinked: nobody is signed in here by it as you any more\.<\/p>/)
  t.match(wordsOf(done), /No EHR signs you in here/)
  t.match(await byEhr.get('/account'), { status: 303 })
  const again = openBrowser(server, { remoteAddress: '10.9.9.9' })
  const { location = '' } = await world.launched(again, ehr, ehr.launch({ subject: 'sina' }))
  t.match(wordsOf(await again.get(location)), /Sign in to go on/)
})

t.test(
  'who somebody is at an institution that is no EHR is neither shown among the EHRs nor unlinked there',
  async t => {
    const sia = await world.linked('sia', world.ward)
    const stored = async () =>
      (
        await server.inject({ url: `/fhir/Person/${sia.person}`, headers: { authorization: 'Bearer everything' } })
      ).json()
    const { meta: _, identifier, ...person } = await stored()
    const both = [...identifier, { system: 'https://idp.example.org', value: 'sia' }]
    await world.update('everything', { ...person, identifier: both })
    const own = openBrowser(server, { remoteAddress: '10.9.9.8' })
    await own.send('/sign-in', { email: sia.email, password })
    t.notMatch((await own.get('/account/ehrs')).body, /idp\.example\.org/)
    const unlinked = await own.send('/account/ehrs', { issuer: 'https://idp.example.org' })
    t.match(unlinked, { status: 303, location: /^\/account\/ehrs$/ })
    t.strictSame((await stored()).identifier, both)
  },
)

t.test('whoever is just being signed in by an EHR that is being unlinked is not signed in', async t => {
  const rut = await world.linked('rut', world.ward)
  const byEhr = openBrowser(server, { remoteAddress: '10.9.9.5' })
  const callback = await world.toCallback(byEhr, ehr, ehr.launch({ subject: 'rut' }))
  const own = openBrowser(server, { remoteAddress: '10.9.9.5' })
  await own.send('/sign-in', { email: rut.email, password })
  const { unlinked, entered } = await world.database.transaction(async connection => {
    await lockAccount(connection, rut.person)
    const unlinked = own.send('/account/ehrs', {})
    await someoneWaits(connection)
    const entered = byEhr.get(callback)
    await someoneWaits(connection, 2)
    return { unlinked, entered }
  })
  t.match(await unlinked, { status: 303, location: '/account/ehrs?done=unlinked' })
  const { location = '' } = await entered
  t.match(wordsOf(await byEhr.get(location)), /Sign in to go on/)
  t.match(await byEhr.get('/account'), { status: 303, location: /^\/sign-in\?/ })
})

t.test('whoever links another user of an EHR that is just being unlinked in another browser links nothing', async t => {
  const siv = await world.linked('siv', world.ward)
  const other = openBrowser(server, { remoteAddress: '10.9.9.4' })
  await other.send('/sign-in', { email: siv.email, password })
  const { location = '' } = await world.launched(other, ehr, ehr.launch({ subject: 'siv-2' }))
  const own = openBrowser(server, { remoteAddress: '10.9.9.4' })
  await own.send('/sign-in', { email: siv.email, password })
  const { unlinked, linked } = await world.database.transaction(async connection => {
    await lockAccount(connection, siv.person)
    const unlinked = own.send('/account/ehrs', {})
    await someoneWaits(connection)
    const linked = other.send(location, { password }, `${location}/account`)
    await someoneWaits(connection, 2)
    return { unlinked, linked }
  })
  t.match(await unlinked, { status: 303, location: '/account/ehrs?done=unlinked' })
  t.match(await linked, { status: 303, location })
  t.match(wordsOf(await other.get(location)), /Sign in to go on/)
  t.match(wordsOf(await own.get('/account/ehrs')), /No EHR signs you in here/)
})

const removed = { change: sql.fragment`DELETE` }

t.test('nobody unlinks an EHR without being signed out there, and it can be tried again', async t => {
  const tove = await world.linked('tove', world.ward)
  const byEhr = openBrowser(server, { remoteAddress: '10.9.9.8' })
  await world.launched(byEhr, ehr, ehr.launch({ subject: 'tove' }))
  const own = openBrowser(server, { remoteAddress: '10.9.9.8' })
  await own.send('/sign-in', { email: tove.email, password })
  const unlink = () => own.send('/account/ehrs', {})
  t.match(await whileGoneAt(world.database, 'user_session', unlink, removed), { status: 503 })
  t.match(wordsOf(await own.get('/account/ehrs')), /Its user “tove” is signed in here as you/)
  t.match(await unlink(), { status: 303, location: '/account/ehrs?done=unlinked' })
  t.match(await byEhr.get('/account'), { status: 303 })
})

t.test('whoever links an EHR, or unlinks it, while the connection is lost is told that it is done', async t => {
  const wire = await openBreakingWire(world.url)
  const breaking = await serverOver(t, wire)
  const ulla = await world.colleague('ulla', world.ward)
  const browser = openBrowser(server, { remoteAddress: '10.9.9.6' })
  await browser.send('/sign-in', { email: ulla.email, password })
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'u-1' }))
  const cut = openBrowser(breaking, { remoteAddress: '10.9.9.6' })
  for (const [name, value] of browser.cookies) cut.cookies.set(name, value)
  wire.cutAt('COMMIT')
  t.match(await cut.send(location, { password }, `${location}/account`), { status: 303, location })
  wire.cutAt('COMMIT')
  t.match(await cut.send('/account/ehrs', {}), { status: 303, location: '/account/ehrs?done=unlinked' })
})

t.test('somebody whose launch cannot be ended for the moment lands on the patient all the same', async t => {
  ehr.addPatient({ resourceType: 'Patient', id: 'ended', name: [{ family: 'Ende' }] })
  const browser = openBrowser(server, { remoteAddress: '10.9.9.7' })
  const toPage = async () =>
    (await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'ended' }))).location ?? ''
  const [first, second] = [await toPage(), await toPage()]
  const register = () => browser.send(first, { organization: world.hospital }, `${first}/patient`)
  const saved = await whileGoneAt(world.database, 'ehr_arrival', register, removed)
  t.match(saved, { status: 303, location: /^\/patients\/[\w-]+$/ })
  const known = await whileGoneAt(world.database, 'ehr_arrival', () => browser.get(second), removed)
  t.match(known, { status: 303, location: saved.location ?? '' })
})

t.test('somebody who does not work where the EHR is set up is not let in', async t => {
  const nils = await world.colleague('nils', world.other)
  const browser = openBrowser(server)
  await browser.send('/sign-in', { email: nils.email, password })
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'nils' }))
  t.match(await browser.get(location), { status: 403, body: /You do not work here/ })
})

t.test('somebody who has left, or whose role is over, is no longer let in', async t => {
  for (const [name, leave] of [
    ['otto', (role: string) => asImporter('DELETE', role)],
    [
      'olaf',
      async (role: string) => {
        const stored = (await asImporter('GET', role)).json()
        return asImporter('PUT', role, { ...stored, period: { start: '2020-01-01', end: '2021-01-01' } })
      },
    ],
  ] as const) {
    const { role } = await world.linked(name, world.hospital)
    t.ok((await leave(role)).statusCode < 300)
    const browser = openBrowser(server)
    await world.launched(browser, ehr, ehr.launch({ subject: name }))
    t.equal(browser.cookies.get('sharewell-session'), undefined)
  }
})
const asImporter = (method: 'GET' | 'PUT' | 'DELETE', role: string, payload?: object) =>
  server.inject({
    method,
    url: `/fhir/PractitionerRole/${role}`,
    headers: { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' },
    ...(payload && { payload }),
  })

const elsewhere = { reference: `Organization/${world.other}` }
const holding =
  (code: OrganizationRole) =>
  async (practitioner: string, more: Partial<PractitionerRole> = {}) => {
    await world.create('everything', {
      resourceType: 'PractitionerRole',
      practitioner: { reference: `Practitioner/${practitioner}` },
      organization: elsewhere,
      code: [{ coding: [{ system: organizationRole, code }] }],
      ...more,
    })
  }
const more: readonly (readonly [string, (practitioner: string, person: string) => Promise<unknown>])[] = [
  [
    'an administrator',
    (_, person) =>
      world.database.run(sql.fragment`UPDATE user_account SET administrator = TRUE WHERE person = ${person}`),
  ],
  [
    'a patient',
    async (_, person) => {
      const { id } = await world.create('everything', { resourceType: 'Patient', managingOrganization: elsewhere })
      const { link = [], ...stored } = (await world.send('everything', 'GET', `Person/${person}`)).json()
      await world.update('everything', { ...stored, link: [...link, { target: { reference: `Patient/${id}` } }] })
    },
  ],
  ['staff of another organization', practitioner => holding('viewer')(practitioner)],
  ['privacy officer of another organization', practitioner => holding(privacyOfficer)(practitioner)],
  [
    'staff of a study of another organization',
    practitioner =>
      world.create('everything', {
        resourceType: 'ResearchStudy',
        status: 'active',
        sponsor: elsewhere,
        extension: [staffEntry(practitioner)],
      }),
  ],
]
for (const [index, [what, become]] of more.entries())
  t.test(`somebody who is also ${what} is signed in by no EHR: whoever set it up says who they are`, async t => {
    const subject = `more-${index}`
    const { person, practitioner } = await world.linked(subject, world.hospital)
    const isSignedIn = async () => {
      const browser = openBrowser(server)
      await world.launched(browser, ehr, ehr.launch({ subject }))
      return browser.cookies.has('sharewell-session')
    }
    t.ok(await isSignedIn(), 'before')
    await become(practitioner, person)
    t.notOk(await isSignedIn())
  })

t.test('a role elsewhere that has ended keeps no EHR from signing somebody in', async t => {
  const { practitioner } = await world.linked('ended', world.hospital)
  await holding('manager')(practitioner, { period: { start: '2020-01-01', end: '2021-01-01' } })
  const browser = openBrowser(server)
  await world.launched(browser, ehr, ehr.launch({ subject: 'ended' }))
  t.ok(browser.cookies.has('sharewell-session'))
})

t.test('if the organization requires a second factor, the EHR does not count as one', async t => {
  await world.database.run(sql.fragment`UPDATE organization_node SET second_factor = TRUE WHERE id = ${world.hospital}`)
  t.teardown(() => world.database.run(sql.fragment`UPDATE organization_node SET second_factor = FALSE`))
  const browser = openBrowser(server)
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p1' }))
  t.match(await browser.get('/account'), { status: 303, location: '/sign-in?continue=%2Faccount' })
  t.match(wordsOf(await browser.get(location)), /Sign in to go on/)
})

t.test('somebody with a second factor is asked for it: the EHR only replaces the password', async t => {
  const selma = await world.linked('selma', world.hospital)
  const own = openBrowser(server, { remoteAddress: '10.0.0.1' })
  await own.send('/sign-in', { email: selma.email, password })
  await own.send('/account/second-factor/set-up', { password })
  const key = keyIn(await own.get('/second-factor'))
  await own.send('/second-factor', { code: await codeOf(key) })

  const browser = openBrowser(server, { remoteAddress: '10.0.0.1' })
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'selma', patient: 'p1' }))
  t.match(location, /^\/second-factor\?continue=%2Flaunched%2F[\w-]{43}$/)
  const launched = new URLSearchParams(location.split('?')[1]).get('continue') ?? ''
  t.match(wordsOf(await browser.get(launched)), /Sign in to go on/)
  t.match(await browser.send(location, { code: '123' }, '/second-factor'), { status: 422 })
  t.match(await browser.send(location, { code: await codeOf(key, 1) }, '/second-factor'), {
    status: 303,
    location: launched,
  })
  t.match(await browser.get(launched), { status: 303, location: /^\/patients\// })
  const again = await world.launched(browser, ehr, ehr.launch({ subject: 'selma' }))
  t.match(again, { location: /^\/launched\// }, 'somebody who is signed in here is not asked again')
})

t.test('somebody who signs in as somebody else meanwhile cannot continue the launch', async t => {
  const paul = await world.colleague('paul', world.hospital)
  const browser = openBrowser(server)
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p1' }))
  await browser.send('/sign-in?prompt=login', { email: paul.email, password }, '/sign-in')
  t.match(await browser.get(location), { status: 403, body: /linked to another account/ })
})

t.test('somebody without a password is told how to choose one, with which they link', async t => {
  const tess = await world.colleague('tess', world.hospital)
  const browser = openBrowser(server, { remoteAddress: '10.0.0.22' })
  await browser.send('/sign-in', { email: tess.email, password })
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'tess' }))
  const _csrf = /name="_csrf" value="([^"]+)"/.exec((await browser.get(location)).body)?.[1] ?? ''
  await world.database.run(sql.fragment`UPDATE user_account SET password = NULL WHERE person = ${tess.person}`)
  t.match(await browser.get(location), { status: 200, body: /href="\/forgotten-password">Choose one/ })
  t.match(await browser.post(`${location}/account`, { _csrf, password }), { status: 403, body: /Choose one/ })
})

t.test('an EHR user who is linked to a closed account is told so before a password is asked for', async t => {
  const omar = await world.linked('omar', world.hospital)
  const person = `/fhir/Person/${omar.person}`
  const headers = { authorization: 'Bearer everything', 'content-type': 'application/fhir+json' }
  const known = (await server.inject({ url: person, headers })).json()
  await server.inject({ method: 'PUT', url: person, headers, payload: { ...known, active: false } })
  const successor = await world.colleague('omars-successor', world.hospital)
  const browser = openBrowser(server, { remoteAddress: '10.0.0.23' })
  await browser.send('/sign-in', { email: successor.email, password })
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'omar' }))
  const shown = await browser.get(location)
  t.equal(shown.status, 409)
  t.match(wordsOf(shown), 'Your user there is linked to a closed account')
  t.notMatch(shown.body, /type="password"/)
  t.equal((await server.inject({ method: 'DELETE', url: person, headers })).statusCode, 204)
  t.match(wordsOf(await browser.get(location)), 'Link your EHR to your account')
})

t.test('if a record is chosen in several windows at once, it has one identifier of the EHR', async t => {
  const human: Patient = {
    resourceType: 'Patient',
    name: [{ family: 'Vega', given: ['Rui'] }],
    birthDate: '1991-01-02',
  }
  await world.linked('rita', world.hospital)
  const choose = async (...patients: readonly string[]) => {
    const managed = { managingOrganization: { reference: `Organization/${world.hospital}` } }
    const { id } = await world.create('everything', { ...human, ...managed })
    const windows = await Promise.all(
      patients.map(async patient => {
        ehr.addPatient({ ...human, id: patient })
        const browser = openBrowser(server)
        const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'rita', patient }))
        const { body } = await browser.get(location)
        return { browser, location, _csrf: /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? '' }
      }),
    )
    const answers = await Promise.all(
      windows.map(({ browser, location, _csrf }) => browser.post(`${location}/patient`, { _csrf, same: id })),
    )
    const url = `/fhir/Patient/${id}`
    const stored = await server.inject({ url, headers: { authorization: 'Bearer everything' } })
    return { statuses: answers.map(({ status }) => status).toSorted(), identifier: stored.json().identifier }
  }
  const { identifier } = await choose('v-1', 'v-1', 'v-1', 'v-1')
  t.same(identifier, [{ system: `${ehr.base}/Patient`, value: 'v-1' }])
  const { statuses, identifier: others } = await choose('v-2', 'v-3')
  t.equal(others.length, 1, 'two patients of the EHR are not one here')
  t.same(statuses, [303, 409], 'and whoever chose it for the other is told so')
})

t.test('whoever chooses a record that was chosen for another patient since is asked anew, without it', async t => {
  const human: Patient = {
    resourceType: 'Patient',
    name: [{ family: 'Vale', given: ['Ana'] }],
    birthDate: '1992-05-06',
    managingOrganization: { reference: `Organization/${world.hospital}` },
  }
  const { id: same } = await world.create('everything', human)
  await world.linked('rhea', world.hospital)
  const opened = async (patient: string) => {
    ehr.addPatient({ ...human, id: patient })
    const browser = openBrowser(server)
    const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'rhea', patient }))
    const { body } = await browser.get(location)
    const _csrf = /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? ''
    return () => browser.post(`${location}/patient`, { _csrf, same })
  }
  const [first, second] = [await opened('vale-1'), await opened('vale-2')]
  t.match(await first(), { status: 303, location: `/patients/${same}` })
  const asked = await second()
  t.match([asked.status, wordsOf(asked)], [409, /There may be a record of this patient already Ana Vale .*Register/])
  t.notMatch(asked.body, /Use this record/)
})

t.test('if two records are chosen for one patient of the EHR at once, one of them has the identifier', async t => {
  const human: Patient = {
    resourceType: 'Patient',
    name: [{ family: 'Vidal', given: ['Noa'] }],
    birthDate: '1991-03-04',
  }
  await world.linked('runa', world.hospital)
  const managed = { managingOrganization: { reference: `Organization/${world.hospital}` } }
  const records = await Promise.all([1, 2].map(() => world.create('everything', { ...human, ...managed })))
  ehr.addPatient({ ...human, id: 'vidal' })
  const windows = await Promise.all(
    records.map(async ({ id: same }) => {
      const browser = openBrowser(server)
      const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'runa', patient: 'vidal' }))
      const { body } = await browser.get(location)
      return { browser, location, same, _csrf: /name="_csrf" value="([^"]*)"/.exec(body)?.[1] ?? '' }
    }),
  )
  const answers = await world.database.transaction(async connection => {
    const ids = sql.array(
      records.map(({ id }) => id),
      'text',
    )
    await connection.any(sql.fragment`SELECT FROM patient WHERE id = ANY(${ids}) FOR UPDATE`)
    const posted = windows.map(({ browser, location, ...typed }) => browser.post(`${location}/patient`, typed))
    await someoneWaits(connection, 2)
    return posted
  })
  const statuses = (await Promise.all(answers)).map(({ status }) => status)
  t.same(statuses.toSorted(), [303, 409])
  const headers = { authorization: 'Bearer everything' }
  const url = `/fhir/Patient?_summary=count&identifier=${encodeURIComponent(`${ehr.base}/Patient|vidal`)}`
  t.equal((await server.inject({ url, headers })).json().total, 1)
  const late = windows[statuses.indexOf(409)]
  t.equal((await late?.browser.get(late.location))?.status, 303, 'the other window then leads to that one')
})

t.test('if two people link the same EHR user at once, one succeeds', async t => {
  const colleagues = await Promise.all(['rosa', 'ruth'].map(name => world.colleague(name, world.hospital)))
  const asked = await Promise.all(
    colleagues.map(async ({ email }) => {
      const browser = openBrowser(server)
      await browser.send('/sign-in', { email, password })
      const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'both' }))
      const { body } = await browser.get(location)
      const _csrf =
        /action="[^"]*\/account"[^>]*>\s*<input type="hidden" name="_csrf" value="([^"]+)"/.exec(body)?.[1] ?? ''
      return () => browser.post(`${location}/account`, { _csrf, password })
    }),
  )
  // Somebody who comes while the other does it is refused; somebody who comes afterwards is sent to the page that says so.
  const answers = await Promise.all(asked.map(link => link()))
  t.ok(answers.some(({ status }) => status === 303))
  t.ok(answers.every(({ status }) => status === 303 || status === 409))
  const linked = JSON.stringify([{ system: ehr.base, value: 'both' }])
  const { holders } = await world.database.one<{ holders: number }>(
    sql.fragment`SELECT count(*)::integer AS holders FROM person WHERE content -> 'identifier' @> ${linked}::jsonb`,
  )
  t.equal(holders, 1)
})

t.test('the same name at another EHR is another user', async t => {
  const browser = openBrowser(server)
  await world.launched(browser, otherEhr, otherEhr.launch({ subject: 'lena' }))
  t.equal(browser.cookies.get('sharewell-session'), undefined)
})

t.test('a viewer is shown the patient, and registers nobody', async t => {
  await world.linked('vera', world.hospital, 'viewer')
  ehr.addPatient({ resourceType: 'Patient', id: 'p2', name: [{ text: 'Eve New' }] })
  const browser = openBrowser(server)
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'vera', patient: 'p2' }))
  const page = await browser.get(location)
  t.match(wordsOf(page), /Eve New.*You may not register patients/)
  const token = /name="_csrf" value="([^"]+)"/.exec(page.body)?.[1] ?? ''
  t.match(await browser.post(`${location}/patient`, { _csrf: token, organization: world.hospital }), { status: 400 })
})

t.test('a patient is only registered for organizations that were offered', async t => {
  ehr.addPatient({ resourceType: 'Patient', id: 'p3' })
  const browser = openBrowser(server)
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p3' }))
  t.match(await browser.send(location, { organization: world.other }, `${location}/patient`), { status: 400 })
})

t.test('nobody is registered in a closed organization', async t => {
  ehr.addPatient({ resourceType: 'Patient', id: 'p4', name: [{ text: 'Late Comer' }] })
  const browser = openBrowser(server)
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p4' }))
  const close = (active: boolean) =>
    server.inject({
      method: 'PUT',
      url: `/fhir/Organization/${world.hospital}`,
      headers: { authorization: 'Bearer everything' },
      payload: { resourceType: 'Organization', id: world.hospital, name: 'General', active },
    })
  const token = /name="_csrf" value="([^"]+)"/.exec((await browser.get(location)).body)?.[1] ?? ''
  t.equal((await close(false)).statusCode, 200)
  t.match(await browser.post(`${location}/patient`, { _csrf: token, organization: world.hospital }), { status: 400 })
  t.match(
    wordsOf(await browser.get(location)),
    /Late Comer.*Your organization is closed: nobody can be registered in it\./,
  )
  await close(true)
  t.match(await browser.post(`${location}/patient`, { _csrf: token, organization: world.hospital }), { status: 303 })
})

t.test('a state is valid once, and only in the browser in which it began', async t => {
  const browser = openBrowser(server)
  const stranger = openBrowser(server)
  await stranger.get(`/launch?${new URLSearchParams({ iss: ehr.base, launch: 'x' })}`)
  const [secret = ''] = stranger.cookies.values()
  const back = await world.toCallback(browser, ehr, ehr.launch({ subject: 'lena' }))
  // The name of the cookie alone, which begins like the state, does not make it that browser.
  stranger.cookies.set(`sharewell-launch-${/[?&]state=(.)/.exec(back)?.[1]}`, secret)
  t.match(await stranger.get(back), { status: 400, body: /This launch is over/ })
  t.equal(stranger.cookies.get('sharewell-session'), undefined)
  const answers = await Promise.all([browser.get(back), browser.get(back), browser.get(back)])
  t.same(answers.map(({ status }) => status).sort(), [303, 400, 400])
  const { location = '' } = answers.find(({ status }) => status === 303) ?? {}
  t.match(await stranger.get(location), { status: 410 }, 'nor is what came of it')
})

t.test('a state is valid for ten minutes, and what came of it for half an hour', async t => {
  const browser = openBrowser(server)
  const began = () => world.toCallback(browser, ehr, ehr.launch({ subject: 'nobody-yet' }))
  const [intime, late] = [await began(), await began()]
  const older = (table: 'ehr_launch' | 'ehr_arrival', time: string) =>
    world.database.run(sql.fragment`UPDATE ${sql.identifier([table])} SET expires_at = expires_at - ${time}::interval`)
  await older('ehr_launch', '9 minutes 50 seconds')
  const { location = '' } = await browser.get(intime)
  t.match(location, /^\/launched\/[\w-]{43}$/)
  await older('ehr_launch', '10 seconds')
  t.match(await browser.get(late), { status: 400, body: /This launch is over/ })
  await older('ehr_arrival', '29 minutes 50 seconds')
  t.match(await browser.get(location), { status: 200 })
  await older('ehr_arrival', '10 seconds')
  t.match(await browser.get(location), { status: 410, body: /This launch is over/ })
})

t.test('launches that run at the same time do not disturb each other', async t => {
  const browser = openBrowser(server)
  const one = await world.toCallback(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p1' }))
  const two = await world.toCallback(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p3' }))
  const [first, second] = [await browser.get(one), await browser.get(two)]
  t.match(await browser.get(first.location ?? ''), { status: 303, location: /^\/patients\// })
  t.match(wordsOf(await browser.get(second.location ?? '')), /Identifiers p3/)
})

t.test('an answer from another EHR than the one that was asked is refused', async t => {
  const browser = openBrowser(server)
  const back = await world.toCallback(browser, ehr, ehr.launch({ subject: 'lena' }))
  const mixed = back.replace(encodeURIComponent(ehr.base), encodeURIComponent(otherEhr.base))
  t.not(mixed, back)
  t.match(await browser.get(mixed), { status: 502, body: /could not make sure who you are/ })
  t.match(await browser.get(back), { status: 400 }, 'the launch is over')
})

t.test('an answer at the address of another EHR ends nothing, and signs nobody in', async t => {
  const browser = openBrowser(server)
  const back = await world.toCallback(browser, ehr, ehr.launch({ subject: 'lena' }))
  const [{ id } = { id: '' }] = await listSmartClientConfigsAt(world.database, otherEhr.base)
  const elsewhere = back.replace(/^\/launch\/[0-9a-f]+/, `/launch/${id}`)
  t.match(await browser.get(elsewhere), { status: 400, body: /This launch is over/ })
  t.equal(browser.cookies.get('sharewell-session'), undefined)
  t.match(await browser.get(back), { status: 303 }, 'the launch still comes to its end')
})

t.test('a refusal by the EHR is accepted', async t => {
  const browser = openBrowser(server)
  const { location = '' } = await browser.get(`/launch?${new URLSearchParams({ iss: ehr.base, launch: 'x' })}`)
  const { searchParams: sent } = new URL(location)
  const query = new URLSearchParams({ error: 'access_denied', state: sent.get('state') ?? '', iss: ehr.base })
  const { pathname } = new URL(sent.get('redirect_uri') ?? '')
  t.match(await browser.get(`${pathname}?${query}`), { status: 403, body: /Your EHR said no/ })
})

const seconds = Math.floor(Date.now() / 1000)
const atCallback: readonly (readonly [string, Misbehaviour])[] = [
  ['another issuer in the id_token', { claims: { iss: otherEhr.base } }],
  ['another nonce', { claims: { nonce: 'another' } }],
  ['no nonce', { claims: { nonce: undefined } }],
  ['another audience', { claims: { aud: 'another' } }],
  ['an expired id_token', { claims: { iat: seconds - 900, exp: seconds - 600 } }],
  ['an id_token without a sub', { claims: { sub: undefined } }],
  ['the signature of another key', { signedByAnother: true }],
  ['no id_token', { withoutIdToken: true }],
  ['no iss, though it says that it sends one', { iss: undefined }],
  ['a token endpoint that does not answer', { slow: 'token' }],
  ['an endless token response', { huge: 'token' }],
]

for (const [what, misbehaviour] of atCallback)
  t.test(`an EHR signs nobody in with ${what}`, async t => {
    ehr.misbehave(misbehaviour)
    t.teardown(() => ehr.misbehave({}))
    const browser = openBrowser(server)
    t.match(await world.launched(browser, ehr, ehr.launch({ subject: 'lena' })), {
      status: 502,
      body: /could not make sure who you are/,
    })
    t.equal(browser.cookies.get('sharewell-session'), undefined)
  })

const atDiscovery: readonly (readonly [string, Misbehaviour, RegExp])[] = [
  ['no PKCE', { metadata: { code_challenge_methods_supported: undefined } }, /cannot open Sharewell/],
  ['only plain PKCE', { metadata: { code_challenge_methods_supported: ['plain'] } }, /cannot open Sharewell/],
  ['a script as its page', { metadata: { authorization_endpoint: 'javascript:alert(1)' } }, /cannot open Sharewell/],
  ['no keys', { metadata: { jwks_uri: undefined } }, /cannot open Sharewell/],
  ['no answer', { slow: 'metadata' }, /does not answer/],
  ['an endless answer', { huge: 'metadata' }, /does not answer/],
]

for (const [what, misbehaviour, words] of atDiscovery)
  t.test(`no browser is sent to an EHR with ${what}`, async t => {
    ehr.misbehave(misbehaviour)
    t.teardown(() => ehr.misbehave({}))
    const answer = await openBrowser(server).get(`/launch?${new URLSearchParams({ iss: ehr.base, launch: 'x' })}`)
    t.match(answer, { status: 502, location: undefined, body: words })
  })

t.test('the token is sent to no server that may not be requested', async t => {
  ehr.misbehave({ metadata: { token_endpoint: 'http://169.254.169.254/token' } })
  t.teardown(() => ehr.misbehave({}))
  t.match(await world.launched(openBrowser(server), ehr, ehr.launch({ subject: 'lena' })), { status: 502 })
})

const atPatient: readonly (readonly [string, Misbehaviour])[] = [
  ['is not the one that was named', { patientBody: '{"resourceType":"Patient","id":"p9"}' }],
  ['is not a Patient', { patientBody: '{"resourceType":"Group","id":"p1"}' }],
  ['is not JSON', { patientBody: '<html>' }],
  ['does not exist', { patient: 'unknown' }],
  ['is named by a path', { patient: '../Practitioner/lena' }],
  ['is endless', { huge: 'patient' }],
]

for (const [what, misbehaviour] of atPatient)
  t.test(`nobody lands on a patient who ${what}`, async t => {
    ehr.misbehave(misbehaviour)
    t.teardown(() => ehr.misbehave({}))
    t.match(await world.launched(openBrowser(server), ehr, ehr.launch({ subject: 'lena', patient: 'p1' })), {
      status: 502,
      body: /could not get the patient/,
    })
  })

t.test('an EHR that names a patient of another tenant finds nobody', async t => {
  const theirs = await world.create('everything', {
    resourceType: 'Patient',
    name: [{ text: 'Somebody Elsewhere' }],
    identifier: [
      { system: `${ehr.base}/Patient`, value: 'p5' },
      { system: `${otherEhr.base}/Patient`, value: 'p5' },
    ],
    managingOrganization: { reference: `Organization/${world.other}` },
  })
  ehr.addPatient({
    resourceType: 'Patient',
    id: 'p5',
    name: [{ text: 'Own Patient' }],
    identifier: [{ system: `${otherEhr.base}/Patient`, value: 'p5' }],
  })
  const browser = openBrowser(server)
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p5' }))
  const page = await browser.get(location)
  t.match(wordsOf(page), /Register this patient\?.*Own Patient/)
  t.notMatch(page.body, /Somebody Elsewhere/)
  t.match(await browser.get(`/patients/${theirs.id}`), { status: 404 })
})

for (const authentication of ['secret', 'private_key_jwt'] as const)
  t.test(`the server authenticates at the EHR by ${authentication}`, async t => {
    await world.configure(ehr, world.hospital, {
      clientId: `by-${authentication}`,
      authentication,
      ...(authentication === 'secret' ? { secret: 'a:secret/with+signs' } : {}),
    })
    t.teardown(() => world.configure(ehr, world.hospital))
    const browser = openBrowser(server)
    t.match(await world.launched(browser, ehr, ehr.launch({ subject: 'lena' })), { status: 303 })
    t.match(await browser.get('/account'), { status: 200 })
  })

t.test('its keys are published without their private parts', async t => {
  const { keys } = (await server.inject({ url: '/launch/jwks.json' })).json()
  t.same(
    keys.map((key: object) => Object.keys(key).sort().join()),
    ['alg,crv,kid,kty,use,x,y', 'alg,e,kid,kty,n,use'],
  )
})

t.test('an EHR that leaves out the nonce is accepted if it is configured so', async t => {
  await world.configure(ehr, world.hospital, { requiresNonce: false })
  ehr.misbehave({ claims: { nonce: undefined } })
  t.teardown(async () => {
    ehr.misbehave({})
    await world.configure(ehr, world.hospital)
  })
  t.match(await world.launched(openBrowser(server), ehr, ehr.launch({ subject: 'lena' })), { status: 303 })
})

t.test('a disabled EHR is refused at once, even for launches in progress', async t => {
  const browser = openBrowser(server)
  const back = await world.toCallback(browser, ehr, ehr.launch({ subject: 'lena' }))
  const { location = '' } = await world.launched(browser, ehr, ehr.launch({ subject: 'lena', patient: 'p3' }))
  t.match(await browser.get(location), { status: 200 })
  await world.configure(ehr, world.hospital, { enabled: false })
  t.teardown(() => world.configure(ehr, world.hospital))
  t.match(await browser.get(back), { status: 400, body: /not known here/ })
  t.match(await browser.get(location), { status: 403 }, 'nor does what came of one go on')
  const before = ehr.asked.length
  const begun = await browser.get(`/launch?${new URLSearchParams({ iss: ehr.base, launch: 'x' })}`)
  t.match(begun, { status: 400, location: undefined }, 'nor does another begin')
  t.equal(ehr.asked.length, before)
})

t.test('in a frame it asks to continue in a tab of its own', async t => {
  const url = `/launch?${new URLSearchParams({ iss: ehr.base, launch: '"><b>' })}`
  const { statusCode, body, headers } = await server.inject({ url, headers: { 'sec-fetch-dest': 'iframe' } })
  t.equal(statusCode, 200)
  t.match(body, /<a href="\/launch\?iss=[^"<>]+" target="_blank" rel="noopener">/)
  t.match(headers['content-security-policy'], /frame-ancestors \*;form-action 'none'$/)
  t.equal(headers['x-frame-options'], undefined)
})

t.test('no tokens, codes or states remain in the database', async t => {
  const { dump } = await world.database.one<{ dump: string }>(sql.fragment`
    SELECT concat((SELECT string_agg(one::text, '') FROM ehr_launch AS one),
      (SELECT string_agg(one::text, '') FROM ehr_arrival AS one)) AS dump`)
  t.notMatch(dump, /Chidi|access_token|lena/)
  t.not(dump, '')
})
