import type { AuditEvent, Patient } from '@medplum/fhirtypes'
import t from 'tap'
import { endSessions } from '../../../src/storage/account/session.ts'
import { lockAccount } from '../../../src/storage/account/user-account.ts'
import { auditKeyOf } from '../../../src/storage/audit/seal/chain.ts'
import { sealAudit } from '../../../src/storage/audit/seal/seal.ts'
import { sql } from '../../../src/storage/sql.ts'
import { codeOf } from '../../support/authenticator.ts'
import { openBrowser, wordsOf } from '../../support/browser.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import { openPeople, password } from '../people.ts'

const world = await openPeople()
const { server, database, create, send, newAccount, signedIn, protectedAccount } = world
t.teardown(world.close)

const lab = await world.institution('lab')
const old = { system: 'email', use: 'old', value: 'former@example.org' } as const
const home = { system: 'phone', use: 'home', value: '555' } as const
const registered = async (more: Partial<Patient> = {}) =>
  (
    await create(lab.manager, {
      resourceType: 'Patient',
      name: [{ family: 'Abara' }],
      birthDate: '1970-05-31',
      telecom: [old, { system: 'email', use: 'work', value: 'before@example.org' }, home],
      managingOrganization: { reference: `Organization/${lab.organization}` },
      ...more,
    })
  ).id
const stored = async (id: string): Promise<Patient> => (await send('everything', 'GET', `Patient/${id}`)).json()
const telecomOf = async (id: string) => (await stored(id)).telecom
const pageOf = (id: string) => `/account/contacts/${id}`
/** A patient with an account, who is signed in. */
const patientOf = async (name: string, more: Partial<Patient> = {}) => {
  const id = await registered(more)
  const { email, person } = await newAccount(name, [`Patient/${id}`])
  return { id, email, person, page: pageOf(id), own: await signedIn(email) }
}
const refusedTries = async (person: string): Promise<readonly number[]> => {
  const tries = await database.any<{ outcome: number }>(sql.fragment`
    SELECT outcome FROM audit_record WHERE person = ${person} AND interaction = 'sign-in' AND outcome <> 200 ORDER BY id`)
  return tries.map(({ outcome }) => outcome)
}
const done = { status: 303, location: '/account/contacts?done=changed' }
const wanted = { email: ' After@Example.org ', mobile: '0044 (0)20 7946 0000' }

t.test('a patient changes where studies write to them, and everything else in the record stays', async t => {
  const { id, page, own } = await patientOf('ana')
  const before = await stored(id)
  const shown = await own.get(page)
  t.match(
    wordsOf(shown),
    /Change where studies write to you Record at lab When you change the e-mail address or the mobile number, links that were sent to the old one no longer work\. If we have written to it in the last half year, we tell it that there is another one now, but not which\. A new postal address changes nothing else\. You sign in with an address of your account, which may be a different one\. Change the address that you sign in with E-mail address You may leave it empty\. .* Mobile number With its country code, such as \+1 500 555 0006\. .* Street and number .* Town or city District or county State, region or province Postal code Country Your password Enter the password of your account/,
  )
  t.match(shown.body, /name="email" type="email"[^>]*\n? value="before@example\.org"/)
  t.match(await own.send(page, { ...wanted, password }), done)
  t.match(wordsOf(await own.get(done.location)), /It is saved\. From now on studies write to the addresses below\./)
  const { meta, telecom, ...others } = await stored(id)
  t.same(telecom, [
    old,
    { system: 'email', use: 'work', value: 'after@example.org' },
    home,
    { system: 'phone', use: 'mobile', value: '+442079460000' },
  ])
  const { meta: _meta, telecom: _telecom, ...othersBefore } = before
  t.same(others, othersBefore)
  t.equal(meta?.versionId, '2')
})

t.test('a new address does not say that it is used as long as the old one was', async t => {
  const period = { start: '2019-01-01', end: '2030-12-31' }
  const mobile = { system: 'phone', use: 'mobile', value: '555 0006', period } as const
  const { id, page, own } = await patientOf('paula', {
    telecom: [{ system: 'email', rank: 1, value: 'before@example.org', period }, mobile],
  })
  t.match(await own.send(page, { email: 'after@example.org', mobile: '555 0006', password }), done)
  t.same(await telecomOf(id), [{ system: 'email', rank: 1, value: 'after@example.org' }, mobile])
})

t.test('the change is a version at /fhir, and recorded as the patient’s', async t => {
  const { id, page, own } = await patientOf('vera')
  t.match(await own.send(page, { ...wanted, password }), done)
  const { entry } = (await send(lab.manager, 'GET', `Patient/${id}/_history`)).json()
  t.same(
    entry.map(({ resource }: { resource: Patient }) => [
      resource.meta?.versionId,
      resource.telecom?.find(({ system, use }) => system === 'email' && use === 'work')?.value,
    ]),
    [
      ['2', 'after@example.org'],
      ['1', 'before@example.org'],
    ],
  )
  await sealAudit(database, auditKeyOf(Buffer.alloc(32, 7)))
  const bearer = await world.patientToken(id, 'patient/AuditEvent.rs')
  const written: readonly { resource: AuditEvent }[] = (await send(bearer, 'GET', 'AuditEvent?action=U')).json().entry
  const [patient, self] = [{ reference: `Patient/${id}` }, { type: 'Patient', reference: `Patient/${id}` }]
  t.same(
    written.map(({ resource: { subtype, outcome, agent, entity = [] } }) => [
      subtype?.[0]?.code,
      outcome,
      agent.map(({ who }) => who),
      entity.slice(0, 2).map(({ what }) => what),
    ]),
    [['patch', '0', [self, { identifier: { value: 'pages' } }, { display: 'Sharewell' }], [patient, patient]]],
  )
})

t.test('an emptied address is taken from the record, and one that stays is not looked at', async t => {
  const mobile = { system: 'phone', use: 'mobile', value: '555 0006' } as const
  const { id, page, own } = await patientOf('otto', {
    telecom: [old, { system: 'email', value: 'o@example.org' }, mobile],
  })
  t.match(await own.send(page, { email: '', mobile: '555 0006', password }), done)
  t.same(await telecomOf(id), [old, mobile])
})

t.test('what is wrong is said at its field with what is accepted, and what was typed is kept', async t => {
  const { id, page, own } = await patientOf('wrong')
  const wrong = await own.send(page, { email: 'x <y>', mobile: '555', password: '' })
  t.equal(wrong.status, 422)
  for (const [field, text] of [
    ['email', 'Enter an e-mail address like name@example.org, or nothing'],
    ['mobile', 'Enter the mobile number with its country code, such as +1 500 555 0006, or nothing'],
    ['password', 'Enter your password'],
  ])
    t.match(wrong.body, `id="${field}-problem">${text}</p>`)
  t.match(wrong.body, 'value="x &lt;y&gt;"')
  t.match(wrong.body, 'value="555"')
  t.equal((await stored(id)).meta?.versionId, '1')
})

t.test('the same is said in Spanish', async t => {
  const { page, own } = await patientOf('eva')
  const spanish = openBrowser(server, { headers: { 'accept-language': 'es' } })
  for (const [name, value] of own.cookies) spanish.cookies.set(name, value)
  t.match(
    wordsOf(await spanish.send(page, { email: 'x', mobile: '555', password: '' })),
    /Escriba un correo electrónico como nombre@example\.org, o nada Escriba el número de móvil con el prefijo de su país, como \+1 500 555 0006, o nada Escriba su contraseña/,
  )
})

t.test('without the password nothing changes: whoever finds a session open leads no code elsewhere', async t => {
  const { id, person, page, own } = await patientOf('found')
  const refused = await own.send(page, { ...wanted, password: 'wrong' })
  t.match([refused.status, wordsOf(refused)], [422, /This is not the password of your account/])
  t.match(refused.body, 'value=" After@Example.org "')
  t.notMatch(refused.body, 'value="wrong"')
  t.match((await own.send(page, { ...wanted, password: '' })).status, 422)
  t.equal((await stored(id)).meta?.versionId, '1')
  t.same(await refusedTries(person), [401], 'and it is recorded as a try at signing in')
})

t.test('whoever is signed out while the change is being made, as by a new password, changes nothing', async t => {
  const { id, person, page, own } = await patientOf('ousted')
  const { asking } = await database.transaction(async connection => {
    await lockAccount(connection, person)
    const asking = own.send(page, { ...wanted, password })
    await someoneWaits(connection)
    await endSessions(connection, person)
    return { asking }
  })
  t.equal((await asking).status, 422)
  t.equal((await stored(id)).meta?.versionId, '1')
  t.same(await refusedTries(person), [401])
})

t.test('too many wrong passwords are refused for a while', async t => {
  const { id, page, own } = await patientOf('tired')
  for (let count = 0; count < 10; count += 1) await own.send(page, { ...wanted, password: 'wrong' })
  t.match((await own.send(page, { ...wanted, password })).status, 429)
  t.equal((await stored(id)).meta?.versionId, '1')
})

t.test('with a second factor a code is asked for as well, and used up only by a change that is made', async t => {
  const id = await registered()
  const { browser: own, key } = await protectedAccount('careful', [`Patient/${id}`])
  const page = pageOf(id)
  const without = await own.send(page, { ...wanted, password, code: '' })
  t.match([without.status, without.body], [422, /id="code-problem">Enter a code/])
  t.equal((await stored(id)).meta?.versionId, '1')
  const code = await codeOf(key)
  t.equal((await own.send(page, { ...wanted, password, code, version: '0' })).status, 409)
  t.match(await own.send(page, { ...wanted, password, code }), done)
  t.equal((await own.send(page, { email: '', mobile: '', password, code })).status, 422, 'it works once')
})

t.test('what was changed meanwhile is not overwritten, but shown beside what was typed', async t => {
  const { id, page, own } = await patientOf('slow')
  const opened = await own.get(page)
  const version = /name="version" value="(\d+)"/.exec(opened.body)?.[1] ?? ''
  const telecom = [{ system: 'email' as const, value: 'staff@example.org' }]
  await world.update(lab.manager, { ...(await stored(id)), telecom })
  const late = await own.send(page, { ...wanted, password, version })
  t.equal(late.status, 409)
  t.match(
    wordsOf(late),
    /Something else has changed this since you opened this page, so nothing was saved\. .* E-mail address Now it says: staff@example\.org Mobile number Now it says: nothing/,
  )
  t.match(late.body, 'value=" After@Example.org "')
  t.same(await telecomOf(id), telecom)
  const now = /name="version" value="(\d+)"/.exec(late.body)?.[1] ?? ''
  t.match(await own.send(page, { ...wanted, password, version: now }), done, 'and can be sent again')
})

t.test('an old address that was written to is told that there is another', async t => {
  const { id, page, own } = await patientOf('told')
  await database.run(sql.fragment`
    INSERT INTO study_message (id, patient, kind, channel, address, state, tries)
    VALUES ('sent-before', ${id}, 'code', 'email', 'before@example.org', 'sent', 1)`)
  t.match(await own.send(page, { ...wanted, password }), done)
  const told = await database.any(sql.fragment`
    SELECT kind, channel, address FROM study_message WHERE patient = ${id} AND kind = 'address-changed'`)
  t.same(told, [{ kind: 'address-changed', channel: 'email', address: 'before@example.org' }])
})

t.test('of two records, one changes and the other stays', async t => {
  const [one, other] = [await registered(), await registered()]
  const own = await signedIn((await newAccount('two', [`Patient/${one}`, `Patient/${other}`])).email)
  t.match(await own.send(pageOf(one), { ...wanted, password }), done)
  t.equal((await stored(one)).meta?.versionId, '2')
  t.equal((await stored(other)).meta?.versionId, '1')
})

t.test('for staff and for other patients there is no such page, and its form does nothing', async t => {
  const { id, page } = await patientOf('private')
  const { id: practitioner } = await create('everything', { resourceType: 'Practitioner', name: [{ family: 'Stone' }] })
  await create('everything', {
    resourceType: 'PractitionerRole',
    practitioner: { reference: `Practitioner/${practitioner}` },
    organization: { reference: `Organization/${lab.organization}` },
    code: [{ coding: [{ system: 'https://sharewell.dev/fhir/CodeSystem/organization-role', code: 'manager' }] }],
  })
  const staff = await newAccount('staff', [`Practitioner/${practitioner}`])
  const other = await newAccount('other', [`Patient/${await registered()}`])
  for (const { email } of [staff, other]) {
    const browser = await signedIn(email)
    t.equal((await browser.get(page)).status, 404, email)
    const _csrf = /name="_csrf" value="([^"]*)"/.exec((await browser.get('/account')).body)?.[1] ?? ''
    t.equal((await browser.post(page, { _csrf, ...wanted, version: '1', password })).status, 404, email)
  }
  t.equal((await stored(id)).meta?.versionId, '1')
})

t.test('staff who are patients change their own record as its patient', async t => {
  const id = await registered()
  const { id: practitioner } = await create('everything', { resourceType: 'Practitioner', name: [{ family: 'Both' }] })
  const { email } = await newAccount('both', [`Practitioner/${practitioner}`, `Patient/${id}`])
  t.match(await (await signedIn(email)).send(pageOf(id), { ...wanted, password }), done)
  t.equal((await stored(id)).meta?.versionId, '2')
})

t.test('whoever has no password yet is led to choosing one', async t => {
  const { person, page, own } = await patientOf('institution')
  await database.run(sql.fragment`UPDATE user_account SET password = NULL WHERE person = ${person}`)
  t.match(wordsOf(await own.get(page)), /your password, and you have none/)
})
