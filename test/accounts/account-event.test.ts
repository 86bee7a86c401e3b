import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../src/access/vocabulary.ts'
import { resetSecondFactor } from '../../src/accounts/sign-in/second-factor.ts'
import { giveAddress } from '../../src/accounts/sign-up/email-change.ts'
import { openOwnStores } from '../../src/cli/own-store.ts'
import type { Letters } from '../../src/jobs/letters.ts'
import type { Letter } from '../../src/messages/mail.ts'
import { codeOf } from '../support/authenticator.ts'
import { openBrowser } from '../support/browser.ts'
import { linkIn } from '../support/mailbox.ts'
import { openPeople, password } from '../web/people.ts'

const world = await openPeople()
const { server, database, mailbox, create, send, newAccount, signedIn, setUp, forgetCodes, begin } = world
t.teardown(world.close)

const lab = await world.institution('lab')
const elsewhere = await world.institution('elsewhere')
const fresh = 'eleven silent bakeries float'

/** Somebody with a role in the organization, and what links an account to them. */
const practitioner = async (name: string, organization: string, code: string) => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: name }] })
  const reference = `Practitioner/${id}`
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: { reference },
    organization: { reference: `Organization/${organization}` },
    code: [{ coding: [{ system: organizationRole, code }] }],
  })
  return reference
}

const reads = async (name: string, organization: string, code: string) =>
  world.staffToken(await newAccount(name, [await practitioner(name, organization, code)]), 'user/*.rs')
const officer = await reads('officer', lab.organization, 'privacy-officer')
const foreignOfficer = await reads('foreign', elsewhere.organization, 'privacy-officer')

/** What the bearer sees of changes by or of the account, oldest first. */
const told = async (bearer: string, of: string) => {
  const { entry = [] } = (await send(bearer, 'GET', 'AuditEvent?_count=1000&_sort=date')).json()
  const events: readonly AuditEvent[] = entry.map(({ resource }: { resource: AuditEvent }) => resource)
  return events.filter(({ entity }) => entity?.some(({ what }) => what?.reference === of))
}
const sentences = (events: readonly AuditEvent[]) => events.map(({ outcomeDesc }) => outcomeDesc)

t.test('changes to how staff sign in are shown to privacy officers of their organization, and to no other', async t => {
  const self = await practitioner('sara', lab.organization, 'member')
  const { email, person } = await newAccount('sara', [self])
  const browser = await signedIn(email)
  const { key } = await setUp(browser)
  await mailbox.next()
  await forgetCodes(person)
  await browser.send('/account/second-factor/recovery-codes', { password, code: await codeOf(key) })
  await mailbox.next()
  await forgetCodes(person)
  await browser.send('/account/second-factor/off', { password, code: await codeOf(key) })
  await mailbox.next()
  await browser.send('/account/password', { password: 'wrong', 'new-password': fresh })
  await browser.send('/account/password', { password, 'new-password': fresh })
  await mailbox.next()
  await openBrowser(server).send('/forgotten-password', { email })
  await openBrowser(server).send(linkIn(await mailbox.next()), { password })
  await mailbox.next()
  const events = await told(officer, self)
  t.same(sentences(events), [
    'A second factor was set up',
    'New recovery codes were made',
    'The second factor was turned off',
    'The password was changed',
    'A password was chosen by a link',
  ])
  t.match(events[0], { action: 'C', agent: [{ who: { reference: self }, requestor: true }] })
  for (const bearer of [foreignOfficer, lab.manager]) t.same(await told(bearer, self), [])
  t.notMatch(JSON.stringify(events), /sara@|green umbrellas|silent bakeries/)
})

t.test('changes to how a patient signs in are shown to the patient, and to nobody of an organization', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Abara' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { email } = await newAccount('chidi', [`Patient/${id}`])
  const browser = await signedIn(email)
  await browser.send('/account/email', { email: 'chidi@home.example', password })
  const letters = [await mailbox.next(), await mailbox.next()]
  const of = (to: string) => letters.filter(letter => letter.to === to).map(linkIn)[0] ?? ''
  await openBrowser(server).send(of(email), { decision: 'confirm' })
  const own = await world.patientToken(id, 'patient/AuditEvent.rs')
  t.same(await told(own, `Patient/${id}`), [], 'a change that waits for the other address has not happened yet')
  await browser.send(of('chidi@home.example'), { decision: 'confirm' })
  await mailbox.next()
  t.same(sentences(await told(own, `Patient/${id}`)), ['The e-mail address was changed'])
  t.same(await told(officer, `Patient/${id}`), [])
})

t.test('an operator removing what is lost and giving another address is shown and told, too', async t => {
  const self = await practitioner('olga', lab.organization, 'member')
  const { email, browser } = await world.protectedAccount('olga', [self])
  const letters: Letter[] = []
  const keep: Letters['keep'] = async (_, kept) => {
    letters.push(...kept)
    return async () => {}
  }
  const mailing = { mail: { keep }, address: () => 'https://x.example' }
  const parts = { database, openStoreAs: await openOwnStores(database), told: mailing }
  await resetSecondFactor(parts, 'Olga@example.org')
  t.match(await browser.get('/account'), { status: 303 })
  t.has((await begin(email)).answer, { status: 303, location: '/account' })
  await t.rejects(resetSecondFactor(parts, email), { message: 'olga@example.org has no second factor' })
  await giveAddress(parts, email, 'olga@home.example')
  t.match((await begin('olga@home.example')).answer, { status: 303 })
  t.match(letters, [
    { to: email, subject: 'The second factor of your Sharewell account was taken away', text: /the people who run/ },
    { to: email, subject: 'The e-mail address of your Sharewell account was changed', text: /olga@home\.example/ },
  ])
  t.equal(letters.length, 2, 'nothing for what is refused')
  await giveAddress(parts, 'olga@home.example', 'olga@work.example')
  t.equal(letters.length, 2, 'nor to an address that nobody has confirmed')
  const events = (await told(officer, self)).slice(1)
  t.same(sentences(events), [
    'The second factor was taken away',
    'The e-mail address was changed',
    'The e-mail address was changed',
  ])
  for (const event of events) t.match(event, { agent: [{ who: { identifier: { value: 'cli' } }, requestor: true }] })
})
