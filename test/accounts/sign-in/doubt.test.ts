import type { AuditEvent } from '@medplum/fhirtypes'
import t from 'tap'
import { organizationRole } from '../../../src/access/vocabulary.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { sql } from '../../../src/storage/sql.ts'
import { type Browser, wordsOf } from '../../support/browser.ts'
import { openPeople, password } from '../../web/people.ts'

const world = await openPeople()
const { database, create, send, newAccount, signedIn, protectedAccount } = world
t.teardown(world.close)

const next = 'eleven silent bakeries float'
const lab = await world.institution('lab')
const elsewhere = await world.institution('elsewhere')

const practitioner = async (organization: string, code: string) => {
  const { id } = await create('everything', { resourceType: 'Practitioner', name: [{ family: code }] })
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${id}` },
    organization: { reference: `Organization/${organization}` },
    code: [{ coding: [{ system: organizationRole, code }] }],
  })
  return `Practitioner/${id}`
}
const officerOf = async (name: string, organization: string) =>
  world.staffToken(await newAccount(name, [await practitioner(organization, 'privacy-officer')]), 'user/*.rs')

/** How the tries that the bearer sees to show that an account is somebody's ended. */
const triesOf = async (bearer: string, who: string) => {
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const { entry = [] } = (await send(bearer, 'GET', 'AuditEvent?subtype=110122&_count=1000&_sort=date')).json()
  const events: readonly AuditEvent[] = entry.map(({ resource }: { resource: AuditEvent }) => resource)
  return events
    .filter(({ agent }) => agent.some(one => (one.who?.reference ?? one.who?.identifier?.value) === who))
    .map(({ outcome }) => outcome)
    .filter(outcome => outcome !== '0')
}

/** The status of each try, in the order in which they are recorded. */
const recorded = async (person: string) => {
  const rows = await database.any<{ outcome: number }>(sql.fragment`
    SELECT outcome FROM audit_record WHERE person = ${person} AND interaction = 'sign-in' AND outcome <> 200 ORDER BY id`)
  return rows.map(({ outcome }) => outcome)
}

const forms: readonly {
  readonly name: string
  readonly tried: (own: Browser, typed: { readonly password: string; readonly code: string }) => Promise<unknown>
}[] = [
  {
    name: 'to choose another one',
    tried: (own, typed) => own.send('/account/password', { 'new-password': next, ...typed }),
  },
  { name: 'to change the second factor', tried: (own, typed) => own.send('/account/second-factor/off', typed) },
  {
    name: 'to change the address',
    tried: (own, typed) => own.send('/account/email', { email: 'new@home.example', ...typed }),
  },
]

for (const { name, tried } of forms)
  t.test(`a wrong password ${name} is recorded like one at signing in, and one that is missing is not`, async t => {
    const { person, browser } = await protectedAccount(name.replaceAll(' ', '-'))
    await tried(browser, { password: '', code: '' })
    t.same(await recorded(person), [])
    await tried(browser, { password: 'wrong', code: '' })
    t.same(await recorded(person), [401])
  })

for (const { name, tried } of forms.slice(1))
  t.test(`a wrong code ${name} is recorded like one at signing in, and one that is missing is not`, async t => {
    const { person, browser } = await protectedAccount(`${name.replaceAll(' ', '-')}-code`)
    await tried(browser, { password, code: ' ' })
    t.same(await recorded(person), [])
    await tried(browser, { password, code: '123' })
    t.same(await recorded(person), [401])
  })

t.test('a code that is missing at signing in is no try, and is not recorded', async t => {
  const { email, person } = await protectedAccount('forgetful')
  const { browser } = await world.begin(email)
  await browser.send('/second-factor', { code: '' })
  t.same(await recorded(person), [])
  await browser.send('/second-factor', { code: '123' })
  t.same(await recorded(person), [401])
})

t.test('wrong passwords beyond the limit are recorded as such', async t => {
  const { email, person } = await newAccount('tired')
  const own = await signedIn(email)
  for (let count = 0; count < 11; count += 1) await own.send('/account/password', { password: 'wrong' })
  t.same(await recorded(person), [...Array(10).fill(401), 429])
})

t.test('what staff tried is shown to the privacy officers of their organization, and to no other', async t => {
  const self = await practitioner(lab.organization, 'member')
  const { email } = await newAccount('sara', [self])
  await (await signedIn(email)).send('/account/password', { password: 'wrong' })
  t.same(await triesOf(await officerOf('officer', lab.organization), self), ['4'])
  t.same(await triesOf(await officerOf('foreign', elsewhere.organization), self), [])
})

t.test('a patient is shown that somebody tried it, and nobody of their organization is', async t => {
  const { id } = await create(lab.manager, {
    resourceType: 'Patient',
    name: [{ family: 'Abara' }],
    managingOrganization: { reference: `Organization/${lab.organization}` },
  })
  const { email, person } = await newAccount('chidi', [`Patient/${id}`])
  const own = await signedIn(email)
  await own.send('/account/password', { password: 'wrong' })
  t.same(await triesOf(await world.patientToken(id, 'patient/AuditEvent.rs'), person), ['4'])
  t.match(
    wordsOf(await own.get('/account/disclosures')),
    /Somebody through the pages of this server Tried to sign in to your account, or to change something that needs its password refused/,
  )
  t.same(await triesOf(await officerOf('second-officer', lab.organization), person), [])
})
