import type { Person } from '@medplum/fhirtypes'
import t from 'tap'
import type { Caller } from '../../../src/access/caller.ts'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import { createGrant } from '../../../src/storage/authorization/authorization-grant.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { callerOfPerson, findCaller, issueToken } from '../../../src/storage/authorization/token.ts'
import { sql } from '../../../src/storage/sql.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)
const person = (id: string, ...links: readonly string[]): Person => ({
  resourceType: 'Person',
  id,
  link: links.map(reference => ({ target: { reference } })),
})
await put(
  ...['lab', 'annex', 'clinic'].map(id => w.organization(id)),
  ...['doc', 'nurse'].map(id => ({ resourceType: 'Practitioner' as const, id })),
  w.role('doc', 'lab', 'member'),
  w.role('doc', 'annex', 'viewer'),
  w.role('doc', 'clinic', 'manager', '2026-01-01'),
  w.role('nurse', 'annex', 'manager'),
  ...['ann', 'bob', 'cid', 'dan', 'eve', 'fay', 'gil', 'hal'].map(id => w.registered(id, 'lab')),
  w.registered('ann-too', 'clinic'),
  person('is-doc', 'Practitioner/doc'),
  person('is-nurse', 'Practitioner/nurse', 'Patient/hal'),
  person('is-ann', 'Patient/ann', 'Patient/ann-too'),
  person('is-bob', 'Patient/bob'),
  person('is-two'),
  person('is-nobody'),
  person('is-administrator'),
)
// Records that one person links are joined. Here they are two humans, as they were before that.
await database.run(
  sql.fragment`INSERT INTO person_patient (person, patient) VALUES ('is-two', 'cid'), ('is-two', 'dan')`,
)
await openAccount(database, 'nurse@example.org', 'is-nurse')
await openAccount(database, 'doc@example.org', 'is-doc')
await openAccount(database, 'administrator@example.org', 'is-administrator')
await database.run(
  sql.fragment`UPDATE user_account SET administrator = TRUE WHERE person IN ('is-nurse', 'is-administrator')`,
)

const scope = 'openid fhirUser user/*.rs patient/*.rs'
const callerOf = (person: string, patient?: string, client = 'cli') =>
  callerOfPerson(database, { person, client, scope, patient })

/** In which role, where, and with which scopes somebody acts. */
const roleOf = (caller: Caller | undefined) =>
  caller && [caller.practitioner, caller.organizations, caller.administrator, caller.scopes.map(one => one.context)]
const all = ['user', 'patient']

t.test('somebody is the staff that they are now, where they register, and nobody else', async t => {
  t.strictSame(roleOf(await callerOf('is-doc')), ['doc', ['lab'], false, all])
  t.strictSame(roleOf(await callerOf('is-nurse')), ['nurse', ['annex'], true, all])
  t.strictSame(roleOf(await callerOf('is-administrator')), [undefined, [], true, all])
  for (const id of ['is-ann', 'is-two', 'is-nobody']) {
    const caller = await callerOf(id)
    t.strictSame(caller.principal, { kind: 'person', id })
    t.strictSame(roleOf(caller), [undefined, [], false, all])
  }
})

t.test(
  'somebody is the one patient that they are, also in two records, or the one of a launch among several',
  async t => {
    const patients: Record<string, unknown> = {}
    for (const [id, launched] of [
      ['is-ann', undefined],
      ['is-ann', 'ann-too'],
      ['is-bob', undefined],
      ['is-bob', 'ann'],
      ['is-two', undefined],
      ['is-two', 'cid'],
      ['is-two', 'dan'],
      ['is-two', 'ann'],
      ['is-nobody', undefined],
      ['is-nobody', 'ann'],
      ['is-doc', undefined],
      ['is-doc', 'ann'],
      ['is-nurse', undefined],
    ] as const)
      patients[`${id} ${launched ?? ''}`] = (await callerOf(id, launched)).patient
    t.strictSame(patients, {
      'is-ann ': 'ann',
      'is-ann ann-too': 'ann-too',
      'is-bob ': 'bob',
      'is-bob ann': undefined,
      'is-two ': undefined,
      'is-two cid': 'cid',
      'is-two dan': 'dan',
      'is-two ann': undefined,
      'is-nobody ': undefined,
      'is-nobody ann': undefined,
      'is-doc ': undefined,
      'is-doc ann': 'ann',
      'is-nurse ': undefined,
    })
  },
)

t.test('a user of FHIR is the practitioner, the patient, or the person, if that was granted', async t => {
  t.strictSame((await callerOf('is-doc', 'ann')).fhirUser, { type: 'Practitioner', id: 'doc' })
  t.strictSame((await callerOf('is-bob')).fhirUser, { type: 'Patient', id: 'bob' })
  t.strictSame((await callerOf('is-two')).fhirUser, { type: 'Person', id: 'is-two' })
  for (const less of ['openid user/*.rs', 'fhirUser user/*.rs'])
    t.equal((await callerOfPerson(database, { person: 'is-doc', client: 'cli', scope: less })).fhirUser, undefined)
})

t.test('with a token for a patient that they are, staff are that patient alone', async t => {
  const caller = await callerOf('is-nurse', 'hal')
  t.match(caller, { principal: { kind: 'patient', id: 'hal' }, patient: 'hal' })
  t.strictSame(roleOf(caller), [undefined, [], false, all])
  const ofStaff = await callerOfPerson(database, {
    person: 'is-nurse',
    client: 'cli',
    scope: 'user/*.rs',
    patient: 'hal',
  })
  t.has(ofStaff, { principal: { kind: 'person', id: 'is-nurse' }, patient: 'hal' })
  t.strictSame(roleOf(ofStaff), ['nurse', ['annex'], true, ['user']])
})

t.test('through an app that their places of work have not approved, staff and administrators are neither', async t => {
  await registerClient(database, { id: 'of-clinic', name: 'Of the clinic', organization: 'clinic', policies: [] })
  await registerClient(database, { id: 'of-annex', name: 'Of the annex', organization: 'annex', policies: [] })
  for (const id of ['is-doc', 'is-nurse', 'is-administrator']) {
    t.strictSame(roleOf(await callerOf(id, undefined, 'of-clinic')), [undefined, [], false, ['patient']])
    t.equal((await callerOf(id, 'ann', 'of-clinic')).patient, undefined, 'nor have they a patient of others')
  }
  const through = async (id: string, client: string) => roleOf(await callerOf(id, undefined, client))
  t.strictSame(await through('is-doc', 'of-annex'), ['doc', ['lab'], false, all], 'there a viewer is enough')
  t.strictSame(await through('is-nurse', 'of-annex'), ['nurse', ['annex'], true, all])
  t.strictSame(await through('is-bob', 'of-clinic'), [undefined, [], false, all], 'others are neither anyway')
})

t.test('a client acts for its organization, a patient’s token for nobody’s', async t => {
  const caller = async (subject: Parameters<typeof issueToken>[1]['subject'], client = 'of-annex') =>
    findCaller(database, await issueToken(database, { subject, client, scope, ttlSeconds: 60 }))
  const ofClient = await caller({ kind: 'client' })
  t.strictSame(ofClient?.principal, { kind: 'client', id: 'of-annex' })
  t.strictSame(roleOf(ofClient), [undefined, ['annex'], false, all])
  t.strictSame(roleOf(await caller({ kind: 'client' }, 'cli')), [undefined, [], false, all], 'which has none')
  const ofPatient = await caller({ kind: 'patient', patient: 'ann' })
  t.has(ofPatient, { principal: { kind: 'patient', id: 'ann' }, patient: 'ann' })
  t.equal(ofPatient?.person, undefined)
  t.strictSame(roleOf(ofPatient), [undefined, [], false, all])
  t.strictSame(roleOf(await caller({ kind: 'administrator' })), [undefined, [], true, all])
})

t.test('what an app took up by itself is held once the patient has an account, or was joined with another', async t => {
  await put(person('is-eve', 'Patient/eve'), person('was-two', 'Patient/fay', 'Patient/gil'))
  await put(person('was-two', 'Patient/gil'))
  await database.run(sql.fragment`DELETE FROM person_patient WHERE patient = 'gil'`)
  const unproven = { since: '2026-03-01T00:00:00Z', study: 's', organization: 'lab' }
  const held = async (patient: string, context: object = { unproven }) => {
    const token = await issueToken(database, {
      subject: { kind: 'patient', patient },
      client: 'cli',
      scope,
      ttlSeconds: 60,
    })
    await database.run(sql.fragment`
      UPDATE token SET context = ${JSON.stringify(context)}::jsonb WHERE patient_id = ${patient}`)
    return (await findCaller(database, token))?.unproven
  }
  await put(w.registered('ida', 'lab'))
  t.strictSame(await held('ida'), { ...unproven, isHeld: false })
  t.strictSame(await held('eve'), { ...unproven, isHeld: true })
  t.strictSame(await held('fay'), { ...unproven, isHeld: true }, 'though nobody has an account of it now')
  t.equal(await held('eve', {}), undefined)
})

t.test('a token with fewer scopes than its grant acts in the role that was granted', async t => {
  const given = { person: 'is-nurse', patient: 'hal', client: 'cli', context: {}, ttlSeconds: 60 }
  const roleWith = async (granted: string) => {
    const grantId = await createGrant(database, { ...given, scope: granted })
    const subject = { kind: 'user', person: 'is-nurse', launchPatient: 'hal' } as const
    const asked = { subject, client: 'cli', scope: 'openid fhirUser', ttlSeconds: 60 }
    const token = await issueToken(database, { ...asked, ...(grantId !== undefined && { grantId }) })
    const caller = await findCaller(database, token)
    return [caller?.practitioner, caller?.patient]
  }
  t.strictSame(await roleWith('openid fhirUser patient/*.rs'), [undefined, 'hal'])
  t.strictSame(await roleWith('openid fhirUser user/*.rs'), ['nurse', 'hal'])
})
