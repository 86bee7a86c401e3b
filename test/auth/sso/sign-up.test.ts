import { randomUUID } from 'node:crypto'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { invite } from '../../../src/accounts/sign-up/invite.ts'
import { makeLink } from '../../../src/storage/account/link.ts'
import { makeStaffInvitation, staffLinkToSend } from '../../../src/storage/organization/staff-invitation.ts'
import { sql } from '../../../src/storage/sql.ts'
import { wordsOf } from '../../support/browser.ts'
import { whileGoneAt } from '../../support/while-gone.ts'
import { openInstitution } from './institution.ts'

const user = { sub: 'ann-1', email: 'ann@riverside.example', name: 'Ann' }

t.test('somebody who was invited makes the account as SIGN_UP allows, and the invitation is used up', async t => {
  const { server, database, arrive, newBrowser, signedInAs } = await openInstitution({ SSO_SIGN_UP: '' })
  t.teardown(() => server.close())
  const refused = await arrive(newBrowser(), user)
  t.match(refused, { status: 403 })
  t.match(
    wordsOf(refused),
    /By invitation only.*Nobody has an account here with the e-mail address ann@riverside\.example/,
  )
  const link = { purpose: 'new-account', email: user.email } as const
  await makeLink(database, { ...link, administrator: true, wasSent: false }, 60)
  await makeLink(database, { ...link, administrator: false, wasSent: true }, 60)
  t.match(
    await arrive(newBrowser(), user),
    { status: 403 },
    'neither as administrator, nor because somebody asked for a letter',
  )

  const invited = { email: 'Ann@Riverside.example', administrator: false }
  const { url } = await invite({ database, signUp: 'invitation', address: () => '' }, invited)
  const browser = newBrowser()
  const { at, body } = await arrive(browser, user)
  t.match(body, /Create your account/)
  await browser.send(at, { name: 'Ann' }, `${at}/account`)
  t.equal(await signedInAs(browser), 'Ann')
  t.match(await newBrowser().get(url), { status: 410 })
})

t.test(
  'if the database goes away while the account is made nothing is made, and the form can be sent again',
  async t => {
    const { server, database, arrive, newBrowser, signedInAs } = await openInstitution({ SSO_SIGN_UP: 'open' })
    t.teardown(() => server.close())
    const browser = newBrowser()
    const { at } = await arrive(browser, user)
    const make = () => browser.send(at, { name: 'Ann' }, `${at}/account`)
    for (const table of ['user_account', 'person']) {
      t.match(await whileGoneAt(database, table, make), { status: 503 }, table)
      t.strictSame(await database.any(sql.fragment`SELECT FROM user_account WHERE email = ${user.email}`), [], table)
    }
    await whileGoneAt(database, 'person_history', make)
    t.equal(await signedInAs(browser), 'Ann', 'nothing is missing in what was made first')
  },
)

t.test('with SSO_SIGN_UP closed nobody makes one, whatever SIGN_UP says', async t => {
  const { server, arrive, newBrowser } = await openInstitution({
    SIGN_UP: 'open',
    SMTP_URL: 'log',
    SSO_SIGN_UP: 'closed',
  })
  t.teardown(() => server.close())
  t.match(await arrive(newBrowser(), user), { status: 403, body: /By invitation only/ })
})

t.test(
  'somebody whom an organization invites is led to the institution if only that makes accounts, and agrees',
  async t => {
    for (const [SSO_SIGN_UP, isLed] of [
      ['open', true],
      ['closed', false],
    ] as const) {
      const world = await openInstitution({ SIGN_UP: 'closed', SSO_SIGN_UP })
      t.teardown(() => world.server.close())
      const { id: organization } = await world.fhir('POST', 'Organization', {
        resourceType: 'Organization',
        name: 'Lab',
      })
      const { id: chief } = await world.fhir('POST', 'Practitioner', { resourceType: 'Practitioner' })
      const practitioner = { reference: `Practitioner/${chief}` }
      await world.fhir('POST', 'PractitionerRole', {
        resourceType: 'PractitionerRole',
        practitioner,
        organization: { reference: `Organization/${organization}` },
        code: [{ coding: [{ system: organizationRole, code: 'manager' }] }],
      })
      const { id: inviter } = await world.fhir('POST', 'Person', {
        resourceType: 'Person',
        link: [{ target: practitioner }],
      })
      const id = randomUUID()
      const invited = { id, organization, role: 'member', email: user.email, inviter, days: 7 } as const
      await world.database.transaction(connection => makeStaffInvitation(connection, invited))
      const link = `/join?link=${(await staffLinkToSend(world.database, id))?.secret}`
      const browser = world.newBrowser()
      const shown = await browser.get(link)
      const way = `/sso?${new URLSearchParams({ continue: link })}`
      t.equal(shown.body.includes(`href="${way}"`), isLed)
      t.match(wordsOf(shown), isLed ? 'sign in there, and come back here' : 'this server creates no new ones')
      if (!isLed) continue
      const { at } = await world.arrive(browser, user, way.slice('/sso'.length))
      t.match(await browser.send(at, { name: 'Ann' }, `${at}/account`), { status: 303, location: link })
      t.match(await browser.send(link, {}, '/join'), { location: `/organizations/${organization}?done=joined` })
    }
  },
)

t.test('with SSO_SIGN_UP open everybody of the institution does, though SIGN_UP is closed', async t => {
  const { server, arrive, newBrowser, signedInAs } = await openInstitution({ SIGN_UP: 'closed', SSO_SIGN_UP: 'open' })
  t.teardown(() => server.close())
  const browser = newBrowser()
  const { at } = await arrive(browser, user)
  await browser.send(at, { name: 'Ann' }, `${at}/account`)
  t.equal(await signedInAs(browser), 'Ann')
})
