import type { Organization } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { extensions } from '../../../src/fhir/canonical.ts'
import { endSessions } from '../../../src/storage/account/session.ts'
import { lockAccount } from '../../../src/storage/account/user-account.ts'
import { codeOf, keyIn } from '../../support/authenticator.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openPeople, password, recoveryCodesIn } from '../people.ts'

const world = await openPeople()
const { server, database, mailbox, create, send, newAccount, begin, signedIn, forgetCodes } = world
t.teardown(world.close)

const asksFor = (is: boolean) => [{ url: extensions.secondFactor, valueBoolean: is }]

/** Somebody who works in the organization. */
const colleague = async (name: string, organization: string, code = 'member') => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: name }] })
  const practitioner = { reference: `Practitioner/${id}` }
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner,
    organization: { reference: `Organization/${organization}` },
    code: [{ coding: [{ system: organizationRole, code }] }],
  })
  return newAccount(name, [practitioner.reference])
}

const write = (bearer: string, organization: Organization) =>
  send(bearer, 'PUT', `Organization/${organization.id}`, organization)

const house = async (name: string) => {
  const { organization, manager } = await world.institution(name)
  const own = { resourceType: 'Organization', id: organization, name } as const
  return { organization, manager, ask: (is: boolean) => write(manager, { ...own, extension: asksFor(is) }), own }
}

t.test('whoever may change the organization can ask its members for a second factor; nobody else can', async t => {
  const { organization, own, ask } = await house('lab')
  const other = await house('other')
  const member = await world.staffToken(await colleague('lab-member', organization), 'user/*.cruds')
  for (const [bearer, status] of [
    [member, 403],
    [other.manager, 404],
  ] as const)
    t.equal((await write(bearer, { ...own, extension: asksFor(true) })).statusCode, status)
  t.has((await begin('lab-member@example.org')).answer, { location: '/account' })
  t.equal((await ask(true)).statusCode, 200)
  t.match((await begin('lab-member@example.org')).answer, { location: '/second-factor?' })
  t.equal((await ask(false)).statusCode, 200)
  t.has((await begin('lab-member@example.org')).answer, { location: '/account' })
})

t.test('an answer that is neither yes nor no is refused, and not taken for no', async t => {
  const { own, manager } = await house('unclear')
  const extension = [{ url: extensions.secondFactor, valueString: 'true' }]
  t.match(await write(manager, { ...own, extension }), { statusCode: 422 })
  const twice = [...asksFor(false), ...asksFor(true)]
  t.match(await write(manager, { ...own, extension: twice }), { statusCode: 422 })
})

t.test('stopping while a second factor is asked for leaves nothing for the next person at the browser', async t => {
  const { organization, ask } = await house('ward')
  const { email } = await colleague('ward-member', organization)
  await ask(true)
  const { browser } = await begin(email)
  const page = await browser.get('/second-factor')
  t.match(wordsOf(page), /Turn it on Stop, and leave nothing in this browser/)
  const left = new Map(browser.cookies)
  t.match(await browser.send('/second-factor', {}, '/sign-out'), { status: 303, location: '/sign-in?signed-out' })
  for (const [name, value] of left) browser.cookies.set(name, value)
  t.equal((await browser.get('/second-factor')).status, 410)
  t.equal((await browser.post('/second-factor', { code: await codeOf(keyIn(page)) })).status, 403, 'not without a form')
})

t.test('members set one up at the next sign-in, before anything else', async t => {
  const { organization, ask } = await house('clinic')
  const { email, person } = await colleague('clinic-member', organization)
  const before = await signedIn(email)
  t.match(await before.get('/account'), { status: 200 })
  await ask(true)
  const pages = ['/account', '/account/apps', '/account/second-factor', '/patients/1']
  for (const page of pages) t.match(await before.get(page), { status: 303, location: /^\/sign-in/ }, page)
  const asked = await server.inject({
    url: `/fhir/Person/${person}`,
    headers: {
      cookie: `sharewell-session=${before.cookies.get('sharewell-session')}`,
      'sec-fetch-site': 'same-origin',
    },
  })
  t.equal(asked.statusCode, 401, 'nor does the API accept them')

  const { browser, answer } = await begin(email, '/account/apps')
  t.match(answer, { status: 303, location: '/second-factor?continue=%2Faccount%2Fapps' })
  for (const page of pages) t.match(await browser.get(page), { status: 303, location: /^\/sign-in/ }, page)
  const page = await browser.get('/second-factor?continue=%2Faccount%2Fapps')
  t.match(wordsOf(page), /An organization that you belong to asks you to sign in with a second factor/)
  t.match(await browser.send('/second-factor', { code: '000' }), { status: 422 })
  const done = await browser.send('/second-factor?continue=%2Faccount%2Fapps', { code: await codeOf(keyIn(page)) })
  t.match(done, { status: 200, body: /href="\/account\/apps">I have kept them/ })
  t.equal(recoveryCodesIn(done).length, 10)
  await mailbox.next()
  t.match(await browser.get('/account/apps'), { status: 200 })

  t.match(wordsOf(await browser.get('/account/second-factor')), /so it cannot be turned off/)
  t.has(await browser.get('/account/second-factor/off'), { status: 303, location: '/account/second-factor' })
  await forgetCodes(person)
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
  await browser.post('/account/second-factor/off', { password, code: await codeOf(keyIn(page)), _csrf })
  t.match(wordsOf(await browser.get('/account/second-factor')), /It is turned on/)
})

/** Sends the first code of the authenticator that the browser is shown now. */
const readyToSetUp = async (browser: Browser) => {
  const page = await browser.get('/second-factor')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(page.body)?.[1] ?? ''
  const key = keyIn(page)
  return { key, finish: async () => browser.post('/second-factor', { code: await codeOf(key), _csrf }) }
}

t.test('setting one up ends every other set-up in progress, so the authenticator is only theirs', async t => {
  const { organization, ask } = await house('agency')
  const { email, person } = await colleague('agency-member', organization)
  await ask(true)
  const [own, other] = [(await begin(email)).browser, (await begin(email)).browser]
  const [first, second] = [await readyToSetUp(own), await readyToSetUp(other)]
  t.match(await first.finish(), { status: 200, body: /I have kept them/ })
  await mailbox.next()
  t.match(await second.finish(), { status: 410, body: /Please sign in again/ })
  await forgetCodes(person)
  const { browser } = await begin(email)
  t.match(await browser.send('/second-factor', { code: await codeOf(second.key) }), { status: 422 })
  t.match(await browser.send('/second-factor', { code: await codeOf(first.key) }), { status: 303 })
})

t.test('a set-up fails if the password is replaced meanwhile, even at the same moment', async t => {
  const { organization, ask } = await house('bureau')
  const { email, person } = await colleague('bureau-member', organization)
  await ask(true)
  const { browser } = await begin(email)
  const { finish } = await readyToSetUp(browser)
  const { answer } = await database.transaction(async connection => {
    await lockAccount(connection, person)
    const answer = finish()
    await Promise.race([answer, someoneWaits(database)])
    await endSessions(connection, person)
    return { answer }
  })
  t.match(await answer, { status: 410, body: /Please sign in again/ })
  t.match(await browser.get('/account'), { status: 303, location: /^\/sign-in/ })
  t.match(wordsOf(await (await begin(email)).browser.get('/second-factor')), /asks you to sign in with a second factor/)
})

t.test('the requirement holds for everything below the organization, and for nothing above or beside it', async t => {
  const { organization, manager, own } = await house('university')
  const part = (name: string, of: string) =>
    create(manager, { resourceType: 'Organization', name, partOf: { reference: `Organization/${of}` } })
  const school = await part('school', organization)
  const department = await part('department', school.id)
  const beside = await part('beside', organization)
  const people = await Promise.all(
    [
      ['above', organization],
      ['in', school.id],
      ['below', department.id],
      ['beside', beside.id],
    ].map(([name, at]) => colleague(`university-${name}`, at ?? '', 'viewer')),
  )
  const asked = async () => {
    const answers = await Promise.all(people.map(({ email }) => begin(email)))
    return answers.map(({ answer }) => answer.location === '/second-factor?')
  }
  await write(manager, { ...school, extension: asksFor(true) })
  t.same(await asked(), [false, true, true, false])
  await write(manager, { ...department, extension: asksFor(false) })
  t.same(await asked(), [false, true, true, false], 'a part cannot lift it')
  await write(manager, { ...own, extension: asksFor(true) })
  t.same(await asked(), [true, true, true, true])
})

t.test('somebody who turned it off before the organization asked sets it up again', async t => {
  const { organization, ask } = await house('practice')
  const { email, person } = await colleague('practice-member', organization)
  const browser = await signedIn(email)
  const { key } = await world.setUp(browser)
  await forgetCodes(person)
  t.match(await browser.send('/account/second-factor/off', { password, code: await codeOf(key) }), { status: 303 })
  t.match(await browser.get('/account'), { status: 200 })
  await ask(true)
  t.match(await browser.get('/account'), { status: 303, location: /^\/sign-in/ })
  t.match((await begin(email)).answer, { location: '/second-factor?' })
  for (const _ of ['set up', 'turned off']) await mailbox.next()
})
