import type { PractitionerRole } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { hashPassword } from '../../../src/accounts/password/password.ts'
import { addAccount } from '../../../src/storage/account/user-account.ts'
import {
  makeStaffInvitation,
  renewStaffInvitation,
  staffLinkToSend,
} from '../../../src/storage/organization/staff-invitation.ts'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, openBrowser, type Shown, wordsOf } from '../../support/browser.ts'
import { linkIn, openMailbox } from '../../support/mailbox.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openTenants } from '../tenants.ts'

const mailbox = await openMailbox()
const world = await openTenants({ SMTP_URL: mailbox.url }, { pauseMs: 60_000, retries: 0 })
const { server, database, create, send, lab, ward, people, told } = world
const { manager, administrator } = people
t.teardown(async () => {
  await server.close()
  await mailbox.close()
})

/** Other letters tell colleagues what was changed for them. */
const nextInvitation = () => mailbox.next(({ text }) => text.includes('/join?link='))

const password = 'seven green umbrellas sing'
const hashed = await hashPassword(password)
const pageOf = (organization: string, more = '') => `/organizations/${organization}/people${more}`
const page = pageOf(lab.organization)
const invite = (by: Browser, email: string, role: string, organization = lab.organization) =>
  by.send(pageOf(organization, '/invite'), { email, role })
/** The id of an open invitation, by its address. */
const idOf = async (email: string): Promise<string> =>
  (
    await database.one<{ id: string }>(
      sql.fragment`SELECT id FROM staff_invitation WHERE email = ${email} AND ended_at IS NULL`,
    )
  ).id
const actOn = async (by: Browser, email: string, action: 'again' | 'cancel', organization = lab.organization) =>
  by.send(pageOf(organization), {}, `/organizations/${organization}/invitations/${await idOf(email)}/${action}`)
/** The mail server has the letter a moment before this is recorded here. */
const isSent = (email: string) => becomes(email, 'sent')
const becomes = async (email: string, state: 'sent' | 'failed'): Promise<void> => {
  for (;;) {
    const { letter } = await database.one<{ letter: string }>(
      sql.fragment`SELECT letter FROM staff_invitation WHERE email = ${email} AND ended_at IS NULL`,
    )
    if (letter === state) return
    await new Promise(resolve => setTimeout(resolve, 20))
  }
}
/** The link of an invitation that has just been sent. */
const linkTo = async (email: string, role: string, by = manager, organization = lab.organization) => {
  t.match(await invite(by, email, role, organization), {
    status: 303,
    location: `${pageOf(organization)}?done=invited`,
  })
  const letter = await nextInvitation()
  t.equal(letter.to, email)
  await isSent(email)
  return linkIn(letter)
}
const holder = async (name: string) => {
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: name }] })
  const email = `${name.toLowerCase()}@example.org`
  await addAccount(database, { person, email, password: hashed, isVerified: true, administrator: false })
  return { person, email, browser: await world.browserOf(person) }
}
const join = (browser: Browser, link: string, fields = {}) => browser.send(link, fields, '/join')
const rolesIn = async (organization: string): Promise<readonly PractitionerRole[]> => {
  const { entry = [] } = (
    await send('everything', 'GET', `PractitionerRole?organization=Organization/${organization}&_count=1000`)
  ).json()
  return entry.map(({ resource }: { resource: PractitionerRole }) => resource)
}
/** The page of the only role of somebody with this name. */
const personAt = async (name: string, organization = lab.organization): Promise<string> => {
  const { body } = await manager.get(`${pageOf(organization)}?${new URLSearchParams({ name })}`)
  const [found, ...more] = [...body.matchAll(/href="(\/organizations\/[^/"]+\/people\/[^/"?]+)["?]/g)]
    .map(([, href]) => href ?? '')
    .filter(href => !href.endsWith('/invite'))
  if (found === undefined || more.length > 0) throw new Error(`not one ${name} in: ${body}`)
  return found
}
/** The hidden fields of the forms on a page that was shown before. */
const hiddenIn = (body: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    [...body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)].map(([, name = '', value = '']) => [
      name,
      value,
    ]),
  )
const pathOf = ({ location = '' }: Shown) => location.split('?', 1)[0]

t.test('the name of an organization adds no lines to a letter, and turns round nothing in it', async t => {
  const named = (name: string) =>
    send('everything', 'PUT', `Organization/${lab.organization}`, {
      resourceType: 'Organization',
      id: lab.organization,
      name,
    })
  const stored = (await send('everything', 'GET', `Organization/${lab.organization}`)).json()
  t.equal((await named('lab\n\nPay\u202e now')).statusCode, 200)
  t.match(await invite(manager, 'lines@example.org', 'member'), { status: 303 })
  const { subject, text } = await nextInvitation()
  t.equal(subject, 'You are invited to lab Pay now on Sharewell')
  t.match(text, /^Hello,\n\nyou are invited to work in lab Pay now on Sharewell, as /)
  await isSent('lines@example.org')
  await actOn(manager, 'lines@example.org', 'cancel')
  await send('everything', 'PUT', `Organization/${lab.organization}`, stored)
})

t.test('somebody without an account makes one with the letter, and thereby gets the role', async t => {
  const link = await linkTo('Rosa@Example.org'.toLowerCase(), 'member')
  t.match(
    wordsOf(await manager.get(page)),
    /Invited rosa@example\.org Member\. .* The e-mail is sent\. Send again Cancel invitation/,
  )
  const browser = openBrowser(server, { remoteAddress: '10.9.0.1' })
  const opened = await browser.get(link)
  t.match(opened.body, '<input type="email" autocomplete="username" value="rosa@example.org" readonly hidden>')
  const shown = wordsOf(opened)
  t.match(shown, /You are invited to lab Your role there Member\. .* rosa@example\.org .* Create account and accept/)
  const wrong = await join(browser, link, { name: '', password: 'short' })
  t.equal(wrong.status, 422)
  t.match(wrong.body, `data-page="${link}"`, 'whoever goes back to it comes to the page of this link')
  t.match(wordsOf(wrong), /Enter your name Choose a password/)
  const joined = await join(browser, link, { name: 'Rosa Diaz', password })
  t.match(joined, { status: 303, location: `/organizations/${lab.organization}?done=joined` })
  t.match(wordsOf(await browser.get(joined.location ?? '')), /lab You have joined this organization\./)
  t.match(
    wordsOf(await manager.get(`${page}?name=ROSA`)),
    /Rosa Diaz Member rosa@example\.org, since .* There are no open invitations/,
  )
  const { status, body } = await openBrowser(server).get(link)
  t.equal(status, 410, 'the link is used up')
  t.match(body, /This link no longer works/)
  t.equal((await manager.get(link)).status, 410, 'also for somebody else who works there')
  const role = (await rolesIn(lab.organization)).at(0)
  t.match(role, {
    active: true,
    period: { start: /T/ },
    code: [{ coding: [{ system: organizationRole, code: 'member', display: 'Member' }] }],
    practitioner: { reference: /^Practitioner\// },
  })
  const { resourceType, name, telecom, meta } = (
    await send('everything', 'GET', role?.practitioner?.reference ?? '')
  ).json()
  t.match(
    { resourceType, name, telecom, meta },
    {
      resourceType: /^Practitioner$/,
      name: [{ text: 'Rosa Diaz' }],
      telecom: [{ system: 'email', use: 'work', value: 'rosa@example.org' }],
      meta: { tag: [{ code: lab.organization }] },
    },
  )
  t.match(
    (await told()).slice(0, 2).map(({ outcomeDesc }: { outcomeDesc?: string }) => outcomeDesc),
    ['Somebody has agreed to an invitation, and is member', 'Somebody was invited as member'],
  )
})

t.test('somebody with an account agrees with that account, and with no other', async t => {
  const sara = await holder('Sara')
  const other = await holder('Other')
  const link = await linkTo(sara.email, 'viewer')
  const nobody = openBrowser(server)
  const shown = await nobody.get(link)
  t.match(wordsOf(shown), /You have an account with this address already\. Sign in with it/)
  t.match(shown.body, `/sign-in?continue=${encodeURIComponent(link)}"`)
  t.match(
    wordsOf(await other.browser.get(link)),
    /You are signed in with other@example\.org\. The invitation is for another address\./,
  )
  const { body: account } = await other.browser.get('/account')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(account)?.[1] ?? ''
  const secret = new URLSearchParams(link.split('?')[1]).get('link') ?? ''
  t.equal((await other.browser.post('/join', { _csrf, link: secret, person: other.person })).status, 409)
  t.equal((await other.browser.post('/join', { _csrf, link: secret, person: sara.person })).status, 200, 'shown again')
  const token = /name="_csrf" value="([^"]*)"/.exec((await sara.browser.get(link)).body)?.[1] ?? ''
  const agreed = { _csrf: token, link: secret, person: sara.person }
  const atOnce = await Promise.all([1, 2].map(() => sara.browser.post('/join', agreed)))
  t.match(atOnce, [{ status: 303 }, { status: 303 }])
  t.match(wordsOf(await sara.browser.get(`/organizations/${lab.organization}`)), /Sharewell .* lab People/)
  const own = (await rolesIn(lab.organization))[0]
  t.match(own?.code, [{ coding: [{ code: 'viewer' }] }])
  const ofSara = ({ practitioner }: PractitionerRole) => practitioner?.reference === own?.practitioner?.reference
  t.equal((await rolesIn(lab.organization)).filter(ofSara).length, 1, 'only once')
  const more = await linkTo(sara.email, 'member', manager, ward)
  t.equal((await join(sara.browser, more)).status, 303)
  const [below] = await rolesIn(ward)
  t.equal(below?.practitioner?.reference, own?.practitioner?.reference, 'the same practitioner works in both')
})

t.test('somebody who goes back after joining, or sends it twice, is led to where the first time led', async t => {
  const link = await linkTo('twice@example.org', 'member')
  const browser = openBrowser(server, { remoteAddress: '10.9.0.7' })
  const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get(link)).body)?.[1] ?? ''
  const sent = { _csrf, link: link.split('link=')[1] ?? '', name: 'Tia Twice', password }
  const there = { status: 303, location: `/organizations/${lab.organization}?done=joined` }
  t.match(await browser.post('/join', sent), there)
  t.match(await browser.post('/join', sent), there)
  t.match(await browser.get(link), there)
  t.match(wordsOf(await browser.get(there.location)), /You have joined this organization/)
  const elsewhere = await holder('Ella')
  for (const [who, other] of Object.entries({
    nobody: openBrowser(server),
    colleague: manager,
    stranger: elsewhere.browser,
  }))
    t.equal((await other.get(link)).status, 410, `not for a ${who}`)
})

t.test('an invited person takes their address off an account that somebody else made with it, and joins', async t => {
  const email = 'ulla@example.org'
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Ulf Else' }] })
  await addAccount(database, { person, email, password: hashed, isVerified: false, administrator: false })
  const mistaken = await world.browserOf(person)
  const link = await linkTo(email, 'viewer')
  const ulla = openBrowser(server, { remoteAddress: '10.9.0.7' })
  const shown = await ulla.get(link)
  t.match(wordsOf(shown), /There is an account with this address already\. If it is yours, .* You did not make that/)
  t.notMatch(shown.body, /Ulf/)
  const led = await ulla.send(link, {}, '/join')
  const on = new URLSearchParams({ continue: link }).toString()
  t.match([led.status, led.location?.replace(/link=[\w-]+/, '')], [303, `/not-my-account?&${on}`])
  t.match(wordsOf(await ulla.get(link)), /You did not make that account/, 'this changes nothing')
  const done = await ulla.send(led.location ?? '', {}, '/not-my-account')
  t.match(done, { status: 200, body: `href="${link}">Go on</a>` })
  t.match(await mailbox.next(), { to: email, subject: 'Your e-mail address was taken off a Sharewell account' })

  t.match(wordsOf(await mistaken.get(link)), /Your account has no e-mail address yet\. The invitation is for another/)
  const [, _csrf = ''] = /name="_csrf" value="([^"]*)"/.exec((await mistaken.get('/account')).body) ?? []
  const secret = new URLSearchParams(link.split('?')[1]).get('link') ?? ''
  t.match(
    await mistaken.post('/join', { _csrf, link: secret, person }),
    { status: 409 },
    'the former holder cannot take it',
  )

  const joined = await join(ulla, link, { name: 'Ulla True', password })
  t.match(joined, { status: 303, location: `/organizations/${lab.organization}?done=joined` })
  t.match(wordsOf(await mistaken.get('/account')), /Name Ulf Else E-mail address none/)
})

t.test('an address that somebody has confirmed cannot be taken off', async t => {
  const { email } = await holder('Cara')
  const link = await linkTo(email, 'viewer')
  const own = openBrowser(server, { remoteAddress: '10.9.0.8' })
  const [, _csrf = ''] = /name="_csrf" value="([^"]*)"/.exec((await own.get('/sign-in')).body) ?? []
  t.notMatch((await own.get(link)).body, /not-mine/)
  const secret = new URLSearchParams(link.split('?')[1]).get('link') ?? ''
  const shown = await own.post('/join', { _csrf, link: secret, decision: 'not-mine' })
  t.match([shown.status, wordsOf(shown)], [200, /You have an account with this address already/])
})

t.test('an impossible invitation is refused at its field, with what was typed', async t => {
  for (const [email, role, problem] of [
    ['', 'viewer', /Enter an e-mail address/],
    ['nobody', 'viewer', /Enter an e-mail address like name@example\.org/],
    ['new@example.org', 'owner', /Choose a role/],
    ['sara@example.org', 'manager', /already has a role here/],
  ] as const) {
    const refused = await invite(manager, email, role)
    t.equal(refused.status, 422, email)
    t.match(wordsOf(refused), problem)
    t.match(refused.body, `value="${email}"`)
  }
  const self = await holder('Self')
  const role = {
    resourceType: 'PractitionerRole',
    organization: { reference: `Organization/${lab.organization}` },
  } as const
  const { id } = await create('everything', { resourceType: 'Practitioner' })
  const practitioner = { reference: `Practitioner/${id}` }
  const code = [{ coding: [{ system: organizationRole, code: 'manager' }] }]
  await create('everything', { ...role, practitioner, code })
  await send('everything', 'PUT', `Person/${self.person}`, {
    resourceType: 'Person',
    id: self.person,
    link: [{ target: practitioner }],
  })
  t.match(wordsOf(await invite(self.browser, self.email, 'manager')), /nobody can give themselves a role/)
})

t.test('a role that lasts until a month lasts until its last day, as the page says', async t => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ text: 'Mona Month' }] })
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${id}` },
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: organizationRole, code: 'viewer' }] }],
    period: { start: '2026-03', end: '2099-06' },
  })
  t.match(wordsOf(await manager.get(`${page}?name=Mona`)), /Mona Month Viewer since 1 March 2026 until 30 June 2099/)
})

t.test(
  'an invitation is cancelled and sent again only on the pages of its own organization, by its managers',
  async t => {
    const link = await linkTo('theo@example.org', 'viewer')
    const id = await idOf('theo@example.org')
    const { expiresAt: until } = await database.one<{ expiresAt: Date }>(
      sql.fragment`SELECT expires_at AS "expiresAt" FROM staff_invitation WHERE id = ${id}`,
    )
    for (const by of [people.member, people.viewer])
      for (const action of ['again', 'cancel']) {
        const [, _csrf = ''] = /name="_csrf" value="([^"]*)"/.exec((await by.get(page)).body) ?? []
        const answer = await by.post(`/organizations/${lab.organization}/invitations/${id}/${action}`, {
          _csrf,
          until: until.toISOString(),
        })
        t.equal(answer.status, 404, action)
      }
    for (const elsewhere of [ward, (await world.institution('elsewhere')).organization])
      for (const action of ['again', 'cancel']) {
        const by = await world.browserOf(await world.staff(elsewhere, 'manager'))
        const [, _csrf = ''] = /name="_csrf" value="([^"]*)"/.exec((await by.get(pageOf(elsewhere))).body) ?? []
        const answer = await by.post(`/organizations/${elsewhere}/invitations/${id}/${action}`, { _csrf })
        t.equal(answer.status, 404, action)
      }
    t.equal((await openBrowser(server).get(link)).status, 200)
  },
)

t.test('an invitation is sent again with another link, cancelled, and ends with its maker’s rights', async t => {
  const first = await linkTo('tess@example.org', 'viewer')
  t.match(await actOn(manager, 'tess@example.org', 'again'), { status: 303, location: `${page}?done=again` })
  const second = linkIn(await nextInvitation())
  await isSent('tess@example.org')
  t.equal((await openBrowser(server).get(first)).status, 410)
  t.equal((await openBrowser(server).get(second)).status, 200)
  t.match(await actOn(manager, 'tess@example.org', 'cancel'), { status: 303, location: `${page}?done=cancelled` })
  t.equal((await openBrowser(server).get(second)).status, 410)
  const late = await linkTo('uma@example.org', 'viewer')
  await database.run(
    sql.fragment`UPDATE staff_invitation SET expires_at = expires_at - interval '7 days' WHERE email = 'uma@example.org'`,
  )
  t.equal((await openBrowser(server).get(late)).status, 410)
  t.match(wordsOf(await manager.get(page)), /uma@example\.org Viewer\. Invited .*, expired\./)
  const managing = await world.staff(lab.organization, 'manager')
  const given = await linkTo('vera@example.org', 'manager', await world.browserOf(managing))
  t.equal((await openBrowser(server).get(given)).status, 200)
  const person = (await send('everything', 'GET', `Person/${managing}`)).json()
  const opened = async (active: boolean) => {
    await send('everything', 'PUT', `Person/${managing}`, { ...person, active })
    return (await openBrowser(server).get(given)).status
  }
  t.strictSame([await opened(false), await opened(true)], [410, 200], 'while its maker’s account is closed it is over')
  const { link } = person
  const [held] = (await rolesIn(lab.organization)).filter(
    one => one.practitioner?.reference === link[0].target.reference,
  )
  await send('everything', 'PUT', `PractitionerRole/${held?.id}`, { ...held, active: false })
  t.equal((await openBrowser(server).get(given)).status, 410, 'somebody who can no longer give roles has given none')
})

t.test('nobody gets a role with an invitation that they made, whatever address is theirs by then', async t => {
  const own = await world.staff(lab.organization, 'manager')
  await addAccount(database, {
    person: own,
    email: 'xeno@example.org',
    password: hashed,
    isVerified: true,
    administrator: false,
  })
  const browser = await world.browserOf(own)
  const link = await linkTo('yves@example.org', 'member', browser, ward)
  await database.run(sql.fragment`UPDATE user_account SET email = 'yves@example.org' WHERE person = ${own}`)
  const shown = await browser.get(link)
  t.equal(shown.status, 200)
  t.match(wordsOf(shown), /You sent this invitation yourself, and nobody can give themselves a role\./)
  t.notMatch(wordsOf(shown), /Accept/)
  const { body: account } = await browser.get('/account')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(account)?.[1] ?? ''
  const secret = new URLSearchParams(link.split('?')[1]).get('link') ?? ''
  const before = await rolesIn(ward)
  t.equal((await browser.post('/join', { _csrf, link: secret, person: own })).status, 409)
  t.strictSame(await rolesIn(ward), before)
  t.match(await actOn(manager, 'yves@example.org', 'again', ward), { status: 303 }, 'somebody else gives it')
  const given = linkIn(await nextInvitation())
  await isSent('yves@example.org')
  t.match(await join(browser, given), { status: 303, location: `/organizations/${ward}?done=joined` })
})

t.test('nobody joins a closed organization with an invitation until it is open again', async t => {
  const { id: closing } = await create('everything', {
    resourceType: 'Organization',
    name: 'Closing',
    partOf: { reference: `Organization/${lab.organization}` },
  })
  const zoe = await holder('Zoe')
  const link = await linkTo(zoe.email, 'manager', manager, closing)
  const before = { list: await manager.get(pageOf(closing)), form: await manager.get(pageOf(closing, '/invite')) }
  t.match(await manager.send(`/organizations/${closing}/close`, {}), { status: 303 })
  const late = await manager.post(pageOf(closing, '/invite'), {
    ...hiddenIn(before.form.body),
    email: 'yan@example.org',
    role: 'member',
  })
  t.match(late, { status: 409, body: /name="email"[^>]* value="yan@example\.org"/ })
  t.match(late.body, /name="role" value="member" checked/)
  t.match(wordsOf(late), /Closing has been closed, so nobody is invited into it\. What you entered is still below/)
  const again = `/organizations/${closing}/invitations/${await idOf(zoe.email)}/again`
  const notSent = await manager.post(again, hiddenIn(before.list.body))
  t.equal(notSent.status, 409)
  t.match(wordsOf(notSent), /This was not done Closing has been closed: nobody can join it\./)
  t.equal((await zoe.browser.get(link)).status, 410)
  const { body: account } = await zoe.browser.get('/account')
  const _csrf = /name="_csrf" value="([^"]*)"/.exec(account)?.[1] ?? ''
  const secret = new URLSearchParams(link.split('?')[1]).get('link') ?? ''
  t.equal((await zoe.browser.post('/join', { _csrf, link: secret, person: zoe.person })).status, 410)
  t.strictSame(await rolesIn(closing), [])
  const listed = await manager.get(pageOf(closing))
  t.match(
    wordsOf(listed),
    /Invited While the organization is closed, nobody can join by these.* zoe@example\.org Manager\. .* Cancel invitation/,
  )
  t.notMatch(wordsOf(listed), /Send again|Invite somebody/)
  t.match(await manager.send(`/organizations/${closing}/open`, {}), { status: 303 })
  t.match(await join(zoe.browser, link), { status: 303, location: `/organizations/${closing}?done=joined` })
})

t.test(
  'a tenant can write to an address five times an hour, others are not told of it, and failed letters are shown',
  async t => {
    for (let count = 0; count < 5; count++) await linkTo('wim@example.org', 'viewer')
    t.match(wordsOf(await invite(manager, 'wim@example.org', 'viewer')), /was written to five times within an hour/)
    t.equal((await actOn(manager, 'wim@example.org', 'again')).status, 429)
    t.match(
      wordsOf(await invite(people['manager of the ward'], 'wim@example.org', 'viewer', ward)),
      /written to five times/,
    )
    const elsewhere = world.clinic.organization
    const foreign = await invite(people['manager of another tenant'], 'wim@example.org', 'viewer', elsewhere)
    t.match(foreign, { status: 303, location: `${pageOf(elsewhere)}?done=invited` })
    t.equal((await nextInvitation()).to, 'wim@example.org')
    await database.run(sql.fragment`UPDATE staff_invitation SET letter = 'failed' WHERE email = 'wim@example.org'`)
    t.match(wordsOf(await manager.get(page)), /wim@example\.org .* could not be sent\. Check the address/)
  },
)

t.test('inviting that is pressed again sends nothing, and is not counted as a letter', async t => {
  const form = await manager.get(pageOf(lab.organization, '/invite'))
  const _csrf = /\/invite"[^>]*>\s*<input type="hidden" name="_csrf" value="([^"]*)"/.exec(form.body)?.[1] ?? ''
  const press = (role: string) =>
    manager.post(pageOf(lab.organization, '/invite'), { _csrf, email: 'pressed@example.org', role })
  const invitations = async () =>
    (await database.any(sql.fragment`SELECT FROM staff_invitation WHERE email = 'pressed@example.org'`)).length
  for (const answer of await Promise.all([press('viewer'), press('viewer'), press('viewer')]))
    t.match(answer, { status: 303, location: `${pageOf(lab.organization)}?done=invited` })
  t.equal((await nextInvitation()).to, 'pressed@example.org')
  for (let count = 0; count < 5; count += 1) t.match(await press('viewer'), { status: 303 })
  t.equal(await invitations(), 1)
  t.match(await press('member'), { status: 303 })
  t.equal(await invitations(), 2, 'with another role it is another invitation')
  t.equal((await nextInvitation()).to, 'pressed@example.org')
  for (let count = 0; count < 3; count += 1) await linkTo('pressed@example.org', 'viewer')
  t.match(wordsOf(await invite(manager, 'pressed@example.org', 'viewer')), /was written to five times within an hour/)
})

t.test('the fifth letter within an hour is sent, also if its button is pressed twice', async t => {
  for (let count = 0; count < 4; count += 1) await linkTo('fifth@example.org', 'viewer')
  const form = hiddenIn((await manager.get(pageOf(lab.organization, '/invite'))).body)
  const asked = { ...form, email: 'fifth@example.org', role: 'viewer' }
  for (const answer of await Promise.all([1, 2, 3].map(() => manager.post(pageOf(lab.organization, '/invite'), asked))))
    t.match(answer, { status: 303, location: `${pageOf(lab.organization)}?done=invited` })
  t.equal((await nextInvitation()).to, 'fifth@example.org')
})

t.test('to send an invitation again pressed twice sends one letter', async t => {
  await linkTo('again@example.org', 'viewer')
  const form = hiddenIn((await manager.get(page)).body.match(/<h3>again@example\.org[\s\S]*?<\/form>/)?.[0] ?? '')
  const address = `/organizations/${lab.organization}/invitations/${await idOf('again@example.org')}/again`
  for (const answer of await Promise.all([1, 2, 3].map(() => manager.post(address, form))))
    t.match(answer, { status: 303, location: `${page}?done=again` })
  t.equal((await nextInvitation()).to, 'again@example.org')
  for (let count = 0; count < 5; count += 1)
    t.match(await manager.post(address, form), { status: 303 }, 'what sends nothing is not counted')
  const sent = async () =>
    (await told()).filter(
      (one: { outcomeDesc?: string }) => one.outcomeDesc === 'An invitation into the organization was sent again',
    )
  const before = (await sent()).length
  t.match(await actOn(manager, 'again@example.org', 'again'), { status: 303, location: `${page}?done=again` })
  t.equal((await sent()).length, before + 1, 'the page as it is now sends it once more')
  t.equal((await nextInvitation()).to, 'again@example.org')
  await isSent('again@example.org')
})

t.test('why a letter could not be sent is shown until it is sent again', async t => {
  const shown = async () => wordsOf(await manager.get(page))
  t.match(await invite(manager, 'nobody@example.org', 'viewer'), { status: 303 })
  await becomes('nobody@example.org', 'failed')
  t.match(
    await shown(),
    /nobody@example\.org Viewer\. [^.]*\. The e-mail could not be sent\. The mail server refused the address \(status 550\)\. Check the address, and send it again\. Send again/,
  )
  const asked = { organization: lab.organization, inviter: world.persons.manager, days: 7 }
  await renewStaffInvitation(database, { ...asked, id: await idOf('nobody@example.org') })
  t.match(await shown(), /nobody@example\.org Viewer\. [^.]*\. The e-mail is being sent\. Send again/)
  await actOn(manager, 'nobody@example.org', 'cancel')
})

t.test('a letter that waits while the organization is closed, or its maker loses the role, is not sent', async t => {
  const { id: closing } = await create('everything', {
    resourceType: 'Organization',
    name: 'Shut',
    partOf: { reference: `Organization/${lab.organization}` },
  })
  const maker = await world.staff(lab.organization, 'manager')
  await linkTo('ute@example.org', 'viewer', manager, closing)
  await linkTo('vic@example.org', 'viewer', await world.browserOf(maker))
  await linkTo('udo@example.org', 'viewer')
  const addresses = ['ute@example.org', 'vic@example.org', 'udo@example.org']
  await database.run(sql.fragment`UPDATE staff_invitation SET ended_at = now() WHERE letter = 'failed'`)
  await database.run(sql.fragment`
    UPDATE staff_invitation SET letter = 'failed' WHERE email = ANY(${sql.array(addresses, 'text')}) AND ended_at IS NULL`)
  t.match(await manager.send(`/organizations/${closing}/close`, {}), { status: 303 })
  await database.run(sql.fragment`
    DELETE FROM membership USING person_practitioner AS held
    WHERE held.practitioner = membership.practitioner AND held.person = ${maker}`)
  await administrator.send('/system', {}, '/system/retry')
  t.equal((await nextInvitation()).to, 'udo@example.org', 'the others would lead nowhere')
  await isSent('udo@example.org')
  for (const email of ['ute@example.org', 'vic@example.org']) await becomes(email, 'failed')
  t.match(
    wordsOf(await manager.get(page)),
    /vic@example\.org Viewer\. [^.]*\. The e-mail could not be sent\. Nobody could join by it: the organization is closed, or whoever invited/,
  )
})

t.test('a role is changed and ends, and its history can still be read', async t => {
  const at = await personAt('Rosa')
  const before = await manager.get(at)
  t.match(wordsOf(before), /Rosa Diaz in lab Member, rosa@example\.org/)
  t.match(await manager.send(at, { role: 'manager', 'privacy-officer': 'yes' }), {
    status: 303,
    location: `${page}?done=changed`,
  })
  t.match(wordsOf(await manager.get(`${page}?name=rosa`)), /Rosa Diaz Manager, Privacy officer/)
  const same = await manager.send(at, { role: 'manager', 'privacy-officer': 'yes' })
  t.match(wordsOf(await manager.get(same.location ?? '')), /Nothing has changed: the role is the same as before\./)
  t.match(wordsOf(await manager.send(at, { role: '' })), /Choose a role/)
  const version = /name="version" value="([^"]*)"/.exec(before.body)?.[1] ?? ''
  const late = await manager.send(at, { role: 'viewer', version })
  t.equal(late.status, 409)
  t.match(wordsOf(late), /Somebody else has changed this since/)
  t.match(late.body, /value="viewer" checked/)
  t.match(
    wordsOf(await manager.get(`${at}/remove`)),
    /Remove Rosa Diaz from lab Manager, Privacy officer: it ends at once/,
  )
  const overtaken = await manager.send(`${at}/remove`, { version })
  t.match([overtaken.status, wordsOf(overtaken)], [409, /changed this role .*\. Look at it again before you decide\./])
  t.match(await manager.send(`${at}/remove`, {}), { status: 303, location: `${page}?done=removed` })
  t.match(wordsOf(await manager.get(`${page}?name=rosa`)), /Nobody here matches that/)
  t.equal((await manager.get(at)).status, 404)
  const ended = (await send('everything', 'GET', `PractitionerRole/${at.split('/').at(-1)}`)).json()
  t.match(ended, { active: false, period: { start: /T/, end: /T/ }, code: [{ coding: [{ code: 'manager' }] }, {}] })
})

t.test('nobody changes their own role, and the last manager of a root is removed only if that is meant', async t => {
  const { location: root = '' } = await administrator.send('/organizations/new', { name: 'Peak', type: '' })
  const peak = root.split('/')[2]?.split('?')[0] ?? ''
  const chief = await holder('Chief')
  const only = await join(chief.browser, await linkTo(chief.email, 'manager', administrator, peak))
  t.equal(pathOf(only), `/organizations/${peak}`)
  const [{ id = '' } = {}] = await rolesIn(peak)
  const at = pageOf(peak, `/${id}`)
  t.match(
    wordsOf(await chief.browser.get(pageOf(peak))),
    /Chief \(you\) Manager .* To leave, or have another role, ask somebody else: a manager here, one of an organization above, or an administrator of this installation: nobody changes their own role\./,
  )
  for (const own of [at, `${at}/remove`]) t.equal((await chief.browser.get(own)).status, 404, 'one’s own')
  t.match(wordsOf(await administrator.get(at)), /This is the last manager of Peak/)
  for (const [action, fields] of [
    [at, { role: 'viewer' }],
    [`${at}/remove`, {}],
  ] as const) {
    const refused = await administrator.send(action, fields)
    t.equal(refused.status, 422)
    t.match(wordsOf(refused), /Confirm that it will have no manager/)
  }
  t.equal(
    (await administrator.send(at, { role: 'manager', 'privacy-officer': 'yes' })).status,
    303,
    'they stay manager',
  )
  t.equal((await administrator.send(`${at}/remove`, { knows: 'yes' })).status, 303)
  t.match(wordsOf(await administrator.get(pageOf(peak))), /Nobody that you can see has a role in it yet/)
})

/** The form that removes the only role, or the one at the index, of those that the browser may remove. */
const removalOf = async (browser: Browser, root: string, index = 0) => {
  const { body } = await browser.get(pageOf(root))
  const hrefs = [...body.matchAll(/href="(\/organizations\/[^"]*\/people\/[0-9a-f-]{36})"/g)].map(([, href]) => href)
  const page = `${hrefs[index]}/remove`
  const form = await browser.get(page)
  const hidden = form.body.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)
  return { browser, page, form, fields: Object.fromEntries([...hidden].map(([, name, value]) => [name, value])) }
}
/** Both are held back just before a role ends, until both have begun. */
const atOnce = async (removals: readonly Awaited<ReturnType<typeof removalOf>>[]): Promise<readonly Shown[]> => {
  const { answers } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtextextended('practitioner_grantee', 0))`)
    const answers = removals.map(({ browser, page, fields }) => browser.post(page, fields))
    for (let waiting = 0; waiting < removals.length; )
      waiting = (
        await database.one<{ waiting: number }>(
          sql.fragment`SELECT count(*)::integer AS waiting FROM pg_locks WHERE locktype = 'advisory' AND NOT granted`,
        )
      ).waiting
    return { answers }
  })
  return Promise.all(answers)
}
const managersLeft = async (root: string) => (await rolesIn(root)).filter(({ active }) => active !== false).length

t.test('whoever agrees to two invitations at the same moment gets both roles, as one Practitioner', async t => {
  const both = await holder('Botho')
  const roots = await Promise.all(
    ['North', 'South'].map(name => create('everything', { resourceType: 'Organization' as const, name })),
  )
  const links: string[] = []
  for (const { id } of roots) {
    await invite(administrator, both.email, 'member', id)
    links.push(linkIn(await nextInvitation()))
  }
  const windows = await Promise.all(links.map(() => world.browserOf(both.person)))
  const { answers } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT FROM resource_identity WHERE id = ${both.person} FOR UPDATE`)
    const answers = links.map((link, index) => join(windows[index] as Browser, link))
    // The other one gives way until this one is done.
    await someoneWaits(connection)
    return { answers: Promise.all(answers) }
  })
  t.same(
    (await answers).map(pathOf),
    roots.map(({ id }) => `/organizations/${id}`),
  )
  const held = await Promise.all(roots.map(({ id }) => rolesIn(id)))
  t.equal(new Set(held.flat().map(({ practitioner }) => practitioner?.reference)).size, 1)
  t.equal(held.flat().length, 2)
})

t.test('nobody is invited into an organization that is deleted at the same moment', async t => {
  const { id: root } = await create('everything', { resourceType: 'Organization', name: 'Brief' })
  const { deleting, inviting } = await database.transaction(async connection => {
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtextextended('practitioner_grantee', 0))`)
    const deleting = server.inject({
      method: 'DELETE',
      url: `/fhir/Organization/${root}`,
      headers: { authorization: 'Bearer everything' },
    })
    await someoneWaits(connection)
    const inviting = invite(administrator, 'late@example.org', 'member', root)
    await someoneWaits(connection, 2)
    return { deleting, inviting }
  })
  t.equal((await deleting).statusCode, 204)
  t.equal((await inviting).status, 404)
  t.same(await database.any(sql.fragment`SELECT FROM staff_invitation WHERE organization = ${root}`), [])
})

t.test(
  'an invitation that is accepted while a manager cancels it is not cancelled, and is not recorded as that',
  async t => {
    const wanda = await holder('Wanda')
    const link = await linkTo(wanda.email, 'viewer')
    const id = await idOf(wanda.email)
    const before = (await told()).length
    const { accepting, cancelling } = await database.transaction(async connection => {
      await connection.run(sql.fragment`SELECT FROM staff_invitation WHERE id = ${id} FOR UPDATE`)
      const accepting = join(wanda.browser, link)
      await someoneWaits(connection)
      const cancelling = manager.send(page, {}, `/organizations/${lab.organization}/invitations/${id}/cancel`)
      await someoneWaits(connection, 2)
      return { accepting, cancelling }
    })
    t.match(await accepting, { status: 303 })
    t.equal((await cancelling).status, 404)
    const since: readonly { readonly outcomeDesc?: string }[] = await told()
    t.strictSame(
      since.slice(0, since.length - before).map(({ outcomeDesc }) => outcomeDesc),
      ['Somebody has agreed to an invitation, and is viewer'],
    )
  },
)

t.test('if two managers remove each other at once, one stays', async t => {
  const { id: root } = await create('everything', { resourceType: 'Organization', name: 'Twin' })
  const managers = [await world.staff(root, 'manager'), await world.staff(root, 'manager')]
  const removals = []
  for (const one of managers) removals.push(await removalOf(await world.browserOf(one), root))
  const answers = await atOnce(removals)
  t.same(answers.map(({ status }) => status).toSorted(), [303, 404], 'the one who was removed removes nobody')
  t.equal(await managersLeft(root), 1)
})

t.test('whether a manager is left is checked when a role ends, not when the page was shown', async t => {
  const { id: root } = await create('everything', { resourceType: 'Organization', name: 'Pair' })
  for (const code of ['manager', 'manager'] as const) await world.staff(root, code)
  const removals = [await removalOf(administrator, root), await removalOf(administrator, root, 1)]
  for (const { form } of removals) t.notMatch(wordsOf(form), /This is the last manager/)
  const answers = await atOnce(removals)
  t.same(answers.map(({ status }) => status).toSorted(), [303, 422])
  const refused = answers.find(({ status }) => status === 422)
  t.match(refused && wordsOf(refused), /Confirm that it .* This is the last manager of Pair/)
  t.equal(await managersLeft(root), 1)
})

t.test('people are found and shown fifty at a time, and only managers are told who is invited', async t => {
  const { id: hall } = await create('everything', {
    resourceType: 'Organization',
    name: 'Hall',
    partOf: { reference: `Organization/${lab.organization}` },
  })
  const entry = Array.from({ length: 60 }, (_, index) => [
    {
      fullUrl: `urn:uuid:00000000-0000-4000-8000-0000000000${10 + index}`,
      request: { method: 'POST', url: 'Practitioner' },
      resource: { resourceType: 'Practitioner', name: [{ family: `Person ${10 + index}` }] },
    },
    {
      request: { method: 'POST', url: 'PractitionerRole' },
      resource: {
        resourceType: 'PractitionerRole',
        practitioner: { reference: `urn:uuid:00000000-0000-4000-8000-0000000000${10 + index}` },
        organization: { reference: `Organization/${hall}` },
        code: [{ coding: [{ system: organizationRole, code: 'viewer' }] }],
      },
    },
  ]).flat()
  t.equal(
    (await send('everything', 'POST', '', { resourceType: 'Bundle', type: 'transaction', entry })).statusCode,
    200,
  )
  const first = await manager.get(pageOf(hall))
  t.match(wordsOf(first), /Person 10 Viewer Person 11 Viewer .* Person 59 Viewer More people/)
  const next = /href="([^"]*page=[^"]*)"/.exec(first.body)?.[1]?.replaceAll('&amp;', '&') ?? ''
  t.match(wordsOf(await manager.get(next)), /Person 60 Viewer .* Person 69 Viewer Back to the first page/)
  const query = `?${next.split('?')[1]}`
  const one = /href="(\/organizations\/[^"]*)">Person 60/.exec((await manager.get(next)).body)?.[1] ?? ''
  t.ok(one.replaceAll('&amp;', '&').endsWith(query), 'whoever is opened from a page of the list leads back to it')
  const address = one.replaceAll('&amp;', '&')
  const shown = (await manager.get(address)).body.replaceAll('&amp;', '&')
  t.match(shown, `href="${pageOf(hall)}${query}">Back to the people`)
  const hidden = (name: string) => new RegExp(`name="${name}" value="([^"]*)"`).exec(shown)?.[1] ?? ''
  const sent = { _csrf: hidden('_csrf'), version: hidden('version'), role: 'viewer' }
  const same = await manager.post(address, sent)
  t.equal(same.location, `${pageOf(hall)}?done=same&${query.slice(1)}`, 'also after the form was sent')
  t.match(wordsOf(await manager.get(`${pageOf(hall)}?name=person 42`)), /Find Person 42 Viewer Invited There are no/)
  const newest = wordsOf(await manager.get(`${pageOf(hall)}?sort=changed`))
  t.match(newest, /Find Person 69 Viewer .* Person 20 Viewer More people/)
  t.match(wordsOf(await manager.get(`${pageOf(hall)}?role=manager`)), /Nobody here matches that/)
  t.match(
    wordsOf(await administrator.get(`${page}?role=privacy-officer`)),
    /Find privacy-officer Privacy officer Invited/,
  )
  const seen = wordsOf(await people.viewer.get(page))
  t.match(seen, /People of lab .* manager Manager/)
  t.notMatch(seen, /Invite|example\.org Viewer\. Invited/)
  t.equal((await people.viewer.get(pageOf(lab.organization, '/invite'))).status, 404)
})

t.test('people are listed by name, by role, by when it began, or by who was changed last', async t => {
  const { id: yard } = await create('everything', {
    resourceType: 'Organization',
    name: 'Yard',
    partOf: { reference: `Organization/${lab.organization}` },
  })
  for (const [family, codes, start] of [
    ['Ada', ['viewer'], '2024-02-01'],
    ['Bea', ['manager'], '2020'],
    ['Cyd', ['privacy-officer', 'member'], '2022-05'],
    ['Dot', ['privacy-officer'], undefined],
  ] as const) {
    const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family }] })
    await create('everything', {
      resourceType: 'PractitionerRole',
      practitioner: { reference: `Practitioner/${id}` },
      organization: { reference: `Organization/${yard}` },
      code: codes.map(code => ({ coding: [{ system: organizationRole, code }] })),
      ...(start && { period: { start } }),
    })
  }
  const named = async (query: string, by = manager) =>
    [...wordsOf(await by.get(`${pageOf(yard)}?${query}`)).matchAll(/\b(?:Ada|Bea|Cyd|Dot)\b/g)].map(([name]) => name)
  t.same(await named(''), ['Ada', 'Bea', 'Cyd', 'Dot'])
  t.same(await named('sort=name'), ['Ada', 'Bea', 'Cyd', 'Dot'])
  t.same(await named('sort=role'), ['Bea', 'Cyd', 'Dot', 'Ada'])
  t.same(await named('sort=since'), ['Ada', 'Cyd', 'Bea', 'Dot'])
  t.same(await named('sort=changed'), ['Dot', 'Cyd', 'Bea', 'Ada'])
  t.same(await named('sort=role&role=privacy-officer'), ['Cyd', 'Dot'])
  t.same(await named('sort=role&name=da'), ['Ada'])
  t.same(await named('sort=role', people['manager of another tenant']), [])
})

t.test('of very many open invitations the latest are shown, and the page says that there may be more', async t => {
  const { id: harbour } = await create('everything', {
    resourceType: 'Organization',
    name: 'Harbour',
    partOf: { reference: `Organization/${lab.organization}` },
  })
  await database.run(sql.fragment`
    INSERT INTO staff_invitation (id, organization, role, email, inviter, made_at, expires_at)
    SELECT 'harbour-' || number, ${harbour}, 'viewer', 'hand' || number || '@example.org', 'nobody',
      now() - make_interval(mins => number), now() + interval '7 days'
    FROM generate_series(1, 101) AS number`)
  const shown = wordsOf(await manager.get(pageOf(harbour)))
  t.match(shown, /Invited hand1@example\.org .* hand100@example\.org .* Only the latest 100 are shown\./)
  t.notMatch(shown, 'hand101@')
  await manager.send(pageOf(harbour), {}, `/organizations/${harbour}/invitations/harbour-7/cancel`)
  t.match(wordsOf(await manager.get(pageOf(harbour))), 'hand101@')
})

/** Somebody with an account, and a role with that period. */
const holderOf = async (name: string, period: NonNullable<PractitionerRole['period']>, code = 'member') => {
  const held = await holder(name)
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: name }] })
  const target = { reference: `Practitioner/${id}` }
  const person = { resourceType: 'Person', id: held.person, name: [{ text: name }], link: [{ target }] } as const
  t.equal((await send('everything', 'PUT', `Person/${held.person}`, person)).statusCode, 200)
  const role = await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: target,
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: organizationRole, code }] }],
    period,
  })
  return { ...held, role: role.id, at: pageOf(lab.organization, `/${role.id}`) }
}
const storedRole = async (id: string): Promise<PractitionerRole> =>
  (await send('everything', 'GET', `PractitionerRole/${id}`)).json()

t.test('a manager whose role is over is none who could be left', async t => {
  const { id: root } = await create('everything', { resourceType: 'Organization', name: 'Past' })
  await world.staff(root, 'manager')
  const removal = await removalOf(administrator, root)
  await world.staff(root, 'manager')
  const other = (await rolesIn(root)).find(({ id }) => !removal.page.includes(`/${id}/`))
  const over = { ...(await storedRole(other?.id ?? '')), period: { start: '2020-01-01', end: '2021-12-31' } }
  await world.update('everything', over)
  const refused = await administrator.post(removal.page, removal.fields)
  t.match([refused.status, wordsOf(refused)], [422, /Confirm that it .* This is the last manager of Past/])
  t.not((await storedRole(removal.page.split('/').at(-2) ?? '')).active, false)
})

t.test('what a role says besides, in codes of others, stays as it is when the role is changed', async t => {
  const { role, at } = await holderOf('Oncaria', { start: '2020-01-01' })
  const speciality = { coding: [{ system: 'http://snomed.info/sct', code: '309367003' }] }
  const stored = await storedRole(role)
  await world.update('everything', { ...stored, code: [speciality, ...(stored.code ?? [])] })
  t.match(await manager.send(at, { role: 'viewer' }), { status: 303, location: `${page}?done=changed` })
  const { code = [] } = await storedRole(role)
  t.same(
    code.map(({ coding }) => coding?.[0]?.code),
    ['viewer', '309367003'],
  )
})

t.test('a role that is over or has not begun is removed with the period that it had', async t => {
  for (const [name, period, listed, ending] of [
    [
      'Pastora',
      { start: '2020-01-01', end: '2021-12-31' },
      /Pastora Member \(over\)/,
      /Member: it has already ended and/,
    ],
    [
      'Futura',
      { start: '2099-01-01' },
      /Futura Member \(not begun\) from 1 January 2099/,
      /Member: it has not begun, and never will\./,
    ],
  ] as const) {
    const { role, at } = await holderOf(name, period)
    t.match(wordsOf(await manager.get(`${page}?name=${name}`)), listed)
    t.match(wordsOf(await manager.get(`${at}/remove`)), ending)
    t.match(await manager.send(`${at}/remove`, {}), { status: 303, location: `${page}?done=removed` })
    const { active, period: kept } = await storedRole(role)
    t.strictSame({ active, period: kept }, { active: false, period })
  }
})

t.test('somebody with a role that is over or has not begun can be invited, and gets the new one at once', async t => {
  for (const [name, period] of [
    ['Past', { start: '2020-01-01', end: '2021-12-31' }],
    ['Soon', { start: '2099-01-01' }],
  ] as const) {
    const { email, browser } = await holderOf(name, period, 'manager')
    const joined = await join(browser, await linkTo(email, 'viewer'))
    t.match(joined, { status: 303, location: `/organizations/${lab.organization}?done=joined` })
    t.match(wordsOf(await browser.get(joined.location ?? '')), /lab You have joined this organization\./)
    t.match((await rolesIn(lab.organization))[0], { active: true, code: [{ coding: [{ code: 'viewer' }] }] })
  }
})

t.test('a privacy officer needs no other role', async t => {
  const { role, at } = await holderOf('Ophelia', { start: '2020-01-01' }, 'viewer')
  t.match(wordsOf(await manager.get(at)), /Manager .* Member .* Viewer .* None of these Privacy officer/)
  const neither = await manager.send(at, { role: '' })
  t.equal(neither.status, 422)
  t.match(wordsOf(neither), /Choose a role, or make them a privacy officer/)
  t.match(await manager.send(at, { role: '', 'privacy-officer': 'yes' }), { status: 303 })
  const { code = [] } = await storedRole(role)
  t.strictSame(
    code.flatMap(({ coding = [] }) => coding.map(one => one.code)),
    ['privacy-officer'],
  )
})

t.test('a privacy officer is invited as one, and reads the record and nothing else by that', async t => {
  t.match(
    wordsOf(await manager.get(pageOf(lab.organization, '/invite'))),
    /Viewer .* Privacy officer Reads the record of who did what, here and in everything below; .* Invite Back/,
  )
  const email = 'odile@example.org'
  const link = await linkTo(email, 'privacy-officer')
  t.match(wordsOf(await manager.get(page)), /odile@example\.org Privacy officer\. Invited .* The e-mail is sent/)
  const odile = openBrowser(server, { remoteAddress: '10.9.0.21' })
  t.match(wordsOf(await odile.get(link)), /Your role there Privacy officer\. Reads the record of who did what/)
  const joined = await join(odile, link, { name: 'Odile Rey', password })
  t.match(joined, { status: 303, location: '/audit?done=joined' }, 'she does not read the organization')
  t.match(
    wordsOf(await odile.get('/audit?done=joined')),
    /You have joined the organization, and are one of its privacy officers\. .* Odile Rey/,
  )
  for (const closed of [`/organizations/${lab.organization}`, page, '/patients?name=a']) {
    const { status, body } = await odile.get(closed)
    t.ok(status === 404 || !body.includes('Ann'), closed)
  }
  t.match(wordsOf(await manager.get(`${page}?role=privacy-officer`)), /Odile Rey Privacy officer odile@example\.org/)
  t.match(
    (await told()).slice(0, 2).map(({ outcomeDesc }: { outcomeDesc?: string }) => outcomeDesc),
    ['Somebody has agreed to an invitation, and is privacy officer', 'Somebody was invited as privacy officer'],
  )
  t.match(wordsOf(await invite(manager, email, 'viewer')), /already has a role here: change it in the list of people/)
})

t.test('whoever works elsewhere is invited as privacy officer, listed with their name, and can be removed', async t => {
  const person = await world.staff(world.clinic.organization, 'viewer')
  const email = 'olaf@example.org'
  await addAccount(database, { person, email, password: hashed, isVerified: true, administrator: false })
  const olaf = await world.browserOf(person)
  const { status, location } = await join(olaf, await linkTo(email, 'privacy-officer', manager, ward))
  t.match([status, location], [303, '/audit?done=joined'])
  const at = await personAt('viewer', ward)
  t.match(await manager.send(`${at}/remove`, {}), { status: 303 })
  t.notMatch(wordsOf(await manager.get(pageOf(ward))), /viewer/)
})

t.test('an administrator who becomes a privacy officer as well is led to the organization', async t => {
  const { id: person } = await create('everything', { resourceType: 'Person', name: [{ text: 'Radu' }] })
  const email = 'radu@example.org'
  await addAccount(database, { person, email, password: hashed, isVerified: true, administrator: true })
  const joined = await join(await world.browserOf(person), await linkTo(email, 'privacy-officer'))
  t.match(joined, { status: 303, location: `/organizations/${lab.organization}?done=joined` })
})

t.test('without a mail server nobody is invited, and a closed server makes no account', async t => {
  const closed = await openTenants({ SIGN_UP: 'closed', SMTP_URL: 'none', BASE_URL: 'http://localhost:8080' })
  t.teardown(() => closed.server.close())
  const { organization } = closed.lab
  const refused = await invite(closed.people.manager, 'xena@example.org', 'viewer', organization)
  t.equal(refused.status, 422)
  t.match(wordsOf(refused), /This server sends no e-mail: its operator sets SMTP_URL/)
  const inviter = closed.persons.manager
  const asked = { id: 'x', organization, role: 'viewer', email: 'xena@example.org', inviter, days: 7 } as const
  await makeStaffInvitation(closed.database, asked)
  const made = await staffLinkToSend(closed.database, 'x')
  const browser = openBrowser(closed.server)
  const shown = await browser.get(`/join?link=${made?.secret}`)
  t.match(wordsOf(shown), /this server creates no new ones\. Ask whoever invited you/)

  const { id: person } = await closed.create('everything', { resourceType: 'Person' })
  const account = { person, email: 'xena@example.org', isVerified: false, administrator: false, password: 'x' }
  await addAccount(closed.database, account)
  const unconfirmed = wordsOf(await browser.get(`/join?link=${made?.secret}`))
  t.match(unconfirmed, /You did not make that account\? .* You can take it off their account\. I did not make it/)
  t.notMatch(unconfirmed, /make your own/)
  const led = await browser.send(`/join?link=${made?.secret}`, {}, '/join')
  t.match([led.status, led.location], [303, /^\/not-my-account\?link=/])
  const asked2 = wordsOf(await browser.get(led.location ?? ''))
  t.match(asked2, /It is free again then\. You see nothing of the other account\./)
})
