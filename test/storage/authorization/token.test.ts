import t from 'tap'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import {
  createGrant,
  listGrants,
  type NewGrant,
  revokeGrants,
} from '../../../src/storage/authorization/authorization-grant.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { keepIssuedToken } from '../../../src/storage/authorization/issued-token.ts'
import {
  callerOfPatient,
  compartmentOf,
  compartmentsOf,
  findCaller,
  findCallerOf,
  findGoingOn,
  findRefused,
  findToken,
  hasEnded,
  isRevoked,
  issueToken,
  patientsOf,
  revokeToken,
} from '../../../src/storage/authorization/token.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { hashOf, newSecret } from '../../../src/storage/secret/secret.ts'
import { sql } from '../../../src/storage/sql.ts'
import { openTestDatabase } from '../../support/database.ts'
import { someoneWaits } from '../../support/someone-waits.ts'
import * as w from '../model/world.ts'

const { database } = await openTestDatabase(t, { poolSize: 2 })

const request = { client: 'cli', scope: 'patient/*.rs nonsense', ttlSeconds: 60 }

t.test('a token has 43 characters, and only its hash is kept', async t => {
  const token = await issueToken(database, { ...request, subject: { kind: 'patient', patient: 'ann' } })
  t.match(token, /^[A-Za-z0-9_-]{43}$/)
  const { dump } = await database.one<{ dump: string }>(
    sql.fragment`SELECT string_agg(token::text, '') AS dump FROM token`,
  )
  t.notOk(dump.includes(token))
  t.match(await findCaller(database, token), {
    principal: { kind: 'patient', id: /^ann$/ },
    patient: /^ann$/,
    administrator: false,
    client: { id: /^cli$/, policies: new Set(['records-consent']) },
  })
  t.equal((await findCaller(database, token))?.scopes.length, 1)
})

t.test('unknown, expired and revoked tokens belong to nobody', async t => {
  const subject = { kind: 'patient', patient: 'ann' } as const
  const token = await issueToken(database, { ...request, subject })
  for (const other of ['', 'x', token.slice(1), `${token}x`, token.replace(/./, one => (one === 'A' ? 'B' : 'A'))])
    t.equal(await findCaller(database, other), undefined)
  t.equal(await findCaller(database, await issueToken(database, { ...request, subject, ttlSeconds: 0 })), undefined)
  t.ok(await revokeToken(database, token))
  t.equal(await findCaller(database, token), undefined)
  t.notOk(await revokeToken(database, token), 'once')
  t.equal(await findCaller(database, await issueToken(database, { ...request, subject, client: 'nobody' })), undefined)
})

/** A token as the authorization server makes it. */
const issue = (client: string, grant?: string) => {
  const token = newSecret()
  const given = { token, client, scope: 'patient/*.rs', issued: {}, ttlSeconds: 60 }
  return keepIssuedToken(database, grant === undefined ? given : { ...given, grant })
}

t.test('no token is made for a grant that ended or is another client’s, nor for a disabled client', async t => {
  await registerClient(database, { id: 'diary', name: 'Diary', policies: [] })
  const granted = async (more: Partial<Pick<NewGrant, 'ttlSeconds'>> = {}) => {
    const given = { client: 'diary', patient: 'ann', scope: 'patient/*.rs', context: {}, ttlSeconds: 60, ...more }
    return (await createGrant(database, given)) ?? ''
  }
  const grant = await granted()
  t.strictSame([await issue('diary', grant), await issue('cli', grant)], [true, false])
  await revokeGrants(database, { id: grant })
  t.strictSame([await issue('diary', grant), await issue('diary', await granted({ ttlSeconds: 0 }))], [false, false])
  t.equal(await issue('diary'), true)
  await database.run(sql.fragment`UPDATE client SET disabled_at = now() WHERE id = 'diary'`)
  t.strictSame([await issue('diary'), await issue('unknown')], [false, false])
})

t.test('making a token while its grant ends, or its client is disabled, waits and makes none', async t => {
  await registerClient(database, { id: 'watch', name: 'Watch', policies: [] })
  const given = { client: 'watch', patient: 'ann', scope: 'patient/*.rs', context: {}, ttlSeconds: 60 }
  const grant = (await createGrant(database, given)) ?? ''
  const ends: readonly (readonly [(connection: Connection) => Promise<unknown>, string | undefined])[] = [
    [connection => revokeGrants(connection, { id: grant }), grant],
    [connection => connection.run(sql.fragment`UPDATE client SET disabled_at = now() WHERE id = 'watch'`), undefined],
  ]
  for (const [end, of] of ends) {
    const { made } = await database.transaction(async connection => {
      await end(connection)
      const made = issue('watch', of)
      await Promise.race([made, someoneWaits(connection)])
      return { made }
    })
    t.equal(await made, false)
  }
})

t.test('the policy to do everything belongs to a single token, and never to its client', async t => {
  await registerClient(database, { id: 'import', name: 'Import', organization: 'lab', policies: ['data-submission'] })
  const own = { ...request, client: 'import', subject: { kind: 'client' } } as const
  const everything = await findCaller(database, await issueToken(database, { ...own, policies: ['everything'] }))
  t.strictSame(everything?.client.policies, new Set(['data-submission', 'everything']))
  const plain = await findCaller(database, await issueToken(database, own))
  t.strictSame(plain?.client, { id: 'import', organization: 'lab', policies: new Set(['data-submission']) })
  t.strictSame(plain?.principal, { kind: 'client', id: 'import' })
  const patients = await issueToken(database, {
    ...own,
    subject: { kind: 'patient', patient: 'ann' },
    policies: ['everything'],
  })
  t.notOk((await findCaller(database, patients))?.client.policies.has('everything'), 'nor to the token of a patient')
})

t.test('an account is found by its address; staff have their practitioner and where they register', async t => {
  const world = await w.openWorld()
  t.teardown(world.close)
  const telecom = [{ system: 'email' as const, value: 'Doc@Example.org' }]
  await world.put(
    w.organization('lab'),
    w.organization('annex'),
    { resourceType: 'Practitioner', id: 'doc' },
    w.role('doc', 'lab', 'member'),
    w.role('doc', 'annex', 'viewer'),
    { resourceType: 'Person', id: 'p', telecom, link: [{ target: { reference: 'Practitioner/doc' } }] },
    { resourceType: 'Person', id: 'q', link: [{ target: { reference: 'Patient/ann' } }] },
    { resourceType: 'Person', id: 'r', link: [{ target: { reference: 'Patient/bob' } }] },
  )
  const { database } = world
  await world.put({ resourceType: 'Person', id: 'thief', telecom })
  await t.rejects(openAccount(database, 'doc@example.org'), {
    message: 'Nobody signs in with doc@example.org yet: say which Person it is the address of',
  })
  await t.rejects(openAccount(database, 'doc@example.org', 'nobody'), { message: 'Person/nobody is not known' })
  t.equal(await openAccount(database, 'doc@example.org', 'p'), 'p', 'whatever a telecom says')
  t.equal(await openAccount(database, 'DOC@example.org'), 'p')
  await t.rejects(openAccount(database, 'doc@example.org', 'thief'), {
    message: 'doc@example.org is the address of Person/p already',
  })
  const scope = 'openid fhirUser user/*.rs'
  const token = await issueToken(database, { ...request, scope, subject: { kind: 'user', person: 'p' }, study: 's' })
  t.has(await findCaller(database, token), {
    principal: { kind: 'person', id: 'p' },
    person: { id: 'p' },
    practitioner: 'doc',
    organizations: ['lab'],
    study: 's',
    fhirUser: { type: 'Practitioner', id: 'doc' },
  })
  const ofPatient = await issueToken(database, { ...request, scope, subject: { kind: 'user', person: 'q' } })
  t.has(await findCaller(database, ofPatient), { patient: 'ann', fhirUser: { type: 'Patient', id: 'ann' } })
  const ofOther = await issueToken(database, { ...request, scope, subject: { kind: 'user', person: 'r' } })
  t.has(await findCaller(database, ofOther), { patient: 'bob', fhirUser: { type: 'Patient', id: 'bob' } })
  const launched = async (person: string, launchPatient: string) =>
    (
      await findCaller(
        database,
        await issueToken(database, { ...request, subject: { kind: 'user', person, launchPatient } }),
      )
    )?.patient
  t.equal(await launched('p', 'bob'), 'bob', 'staff see what they may see of bob')
  t.equal(await launched('q', 'ann'), 'ann')
  t.equal(await launched('q', 'bob'), undefined, 'nobody becomes another patient')
})

/** Two people with a token each, of the kind that is asked for. */
const openTwo = async () => {
  const world = await w.openWorld()
  t.teardown(world.close)
  const person = (id: string, patient: string, active = true) => ({
    resourceType: 'Person' as const,
    id,
    active,
    link: [{ target: { reference: `Patient/${patient}` } }],
  })
  await world.put(w.organization('lab'), w.registered('ann', 'lab'), w.registered('bob', 'lab'))
  await world.put(person('is-ann', 'ann'), person('is-bob', 'bob'))
  const { database } = world
  const issued = (subject: Parameters<typeof issueToken>[1]['subject'], more = {}) =>
    issueToken(database, { ...request, subject, ...more })
  const bar = (id: string, patient: string) => world.put(person(id, patient, false))
  return { world, database, issued, bar }
}
const patientIn = (caller: { readonly patient?: string } | undefined) => caller?.patient

t.test('a token is no good while its Person, or the Person of its Patient, is not active', async t => {
  const { database, issued, bar } = await openTwo()
  await bar('is-ann', 'ann')
  const given = { client: 'cli', scope: 'patient/*.rs', context: {}, ttlSeconds: 60 }
  const [ofPerson, ofPatient] = [
    (await createGrant(database, { ...given, person: 'is-ann' })) ?? '',
    (await createGrant(database, { ...given, patient: 'ann' })) ?? '',
  ]
  const tokens = [
    await issued({ kind: 'user', person: 'is-ann' }),
    await issued({ kind: 'user', person: 'is-ann' }, { grantId: ofPerson }),
    await issued({ kind: 'patient', patient: 'ann' }),
    await issued({ kind: 'patient', patient: 'ann' }, { grantId: ofPatient }),
    await issued({ kind: 'user', person: 'is-bob', launchPatient: 'ann' }),
    await issued({ kind: 'patient', patient: 'bob' }),
    await issued({ kind: 'client' }),
  ]
  const inForce = async () => {
    const found: boolean[] = []
    for (const one of tokens) found.push((await findCaller(database, one)) !== undefined)
    return found
  }
  t.strictSame(await inForce(), [false, false, false, false, true, true, true])
  await database.run(sql.fragment`DELETE FROM barred_person`)
  t.strictSame(await inForce(), [true, true, true, true, true, true, true])
})

t.test('a person’s grants are their own, and what came by an invitation to a patient that they are', async t => {
  const { database } = await openTwo()
  const given = { client: 'cli', scope: 'patient/*.rs', context: {}, ttlSeconds: 60 }
  const [own, ofOther, byInvitation] = [
    await createGrant(database, { ...given, person: 'is-ann' }),
    await createGrant(database, { ...given, person: 'is-bob', patient: 'ann' }),
    await createGrant(database, { ...given, patient: 'ann' }),
  ]
  const idsOf = async (person: string) => (await listGrants(database, person)).map(({ id }) => id).toSorted()
  t.strictSame([await idsOf('is-ann'), await idsOf('is-bob')], [[own, byInvitation].toSorted(), [ofOther]])
  t.equal(await revokeGrants(database, { person: 'is-ann' }), 2)
  t.strictSame([await idsOf('is-ann'), await idsOf('is-bob')], [[], [ofOther]])
})

t.test('a token of a grant ends with it, and may be bound to a sign-in', async t => {
  const { database, issued } = await openTwo()
  const given = { person: 'is-ann', client: 'cli', scope: 'patient/*.rs', context: {}, ttlSeconds: 60 }
  const [grant, online, other] = [
    (await createGrant(database, given)) ?? '',
    (await createGrant(database, given)) ?? '',
    (await createGrant(database, given)) ?? '',
  ]
  await database.run(sql.fragment`
    INSERT INTO user_session (id, hash, person, methods, device, authenticated_at, expires_at)
    VALUES ('signed-in', sha256('cookie'), 'is-ann', '{password}', 'phone', now(), now() + interval '1 hour')`)
  await database.run(sql.fragment`UPDATE authorization_grant SET session = 'signed-in' WHERE id = ${online}`)
  const subject = { kind: 'user', person: 'is-ann' } as const
  const isOnline = async (grantId?: string) =>
    (await findToken(database, await issued(subject, grantId === undefined ? {} : { grantId })))?.isOnline
  t.strictSame([await isOnline(grant), await isOnline(online), await isOnline()], [false, true, false])
  const [one, another] = [await issued(subject, { grantId: grant }), await issued(subject, { grantId: other })]
  await revokeGrants(database, { id: grant })
  t.equal(await findCaller(database, one), undefined)
  t.equal(patientIn(await findCaller(database, another)), 'ann')
})

t.test('what still goes on may have begun with a token that has expired, but not with one that has ended', async t => {
  const { database, issued } = await openTwo()
  const [ann, bob, over] = [
    await issued({ kind: 'patient', patient: 'ann' }),
    await issued({ kind: 'patient', patient: 'bob' }),
    await issued({ kind: 'patient', patient: 'ann' }, { ttlSeconds: 0 }),
  ]
  const goingOn = async (bearer: string) => patientIn(await findGoingOn(database, bearer))
  const refused = async (bearer: string) => patientIn(await findRefused(database, bearer))
  t.strictSame([await goingOn(ann), await goingOn(bob), await goingOn(over)], ['ann', 'bob', 'ann'])
  await revokeToken(database, bob)
  await revokeToken(database, over)
  t.strictSame([await goingOn(ann), await goingOn(bob), await goingOn(over)], ['ann', undefined, undefined])
  t.strictSame([await refused(bob), await refused(over)], ['bob', 'ann'], 'whose it was is still known')
  for (const none of ['', 'x', newSecret()])
    t.strictSame([await goingOn(none), await refused(none)], [undefined, undefined])
})

t.test(
  'a copy of a token stands for its caller as long as they are active, and its own invitation is not called off',
  async t => {
    const { database, issued, bar } = await openTwo()
    await issued({ kind: 'patient', patient: 'ann' }, { ttlSeconds: 0 })
    await issued({ kind: 'user', person: 'is-bob' })
    await issued({ kind: 'client' })
    await issued({ kind: 'patient', patient: 'cid' }, { grantId: 'unproven' })
    await registerClient(database, { id: 'diary', name: 'Diary', policies: ['redeems-invitations'] })
    await database.run(sql.fragment`UPDATE client SET registration = '{}' WHERE id = 'diary'`)
    await database.run(sql.fragment`
      INSERT INTO enrolment (patient_id, id, pk, study_id, patient, in_force, period_start, period_end)
      VALUES (7, 'cid-in-s', 1, 's', 'cid', TRUE, '-infinity', 'infinity')`)
    await database.run(sql.fragment`
      INSERT INTO invitation (id, subject, study_id, patient, expires_at)
      VALUES ('of-cid', 'cid-in-s', 's', 'cid', now() + interval '1 day')`)
    await database.run(sql.fragment`
      INSERT INTO authorization_grant (id, client_id, scope, patient_id, context, expires_at)
      VALUES ('unproven', 'diary', '', 'cid', '{"unproven": {}}', now() + interval '1 day')`)
    await database.run(sql.fragment`
      INSERT INTO app_invitation (hash, message, invitation, client_id, grant_id)
      VALUES (sha256('cid'), 'message', 'of-cid', 'diary', 'unproven')`)
    const copies = sql.fragment`(SELECT *, coalesce(patient_id, person_id, kind) AS id FROM token)`
    const callers = async () => {
      const found: (string | undefined)[] = []
      for (const id of ['ann', 'is-bob', 'client', 'cid', 'nobody'])
        found.push((await findCallerOf(database, copies, id))?.principal.id)
      return found
    }
    t.strictSame(await callers(), ['ann', 'is-bob', 'cli', 'cid', undefined])
    await bar('is-bob', 'bob')
    t.strictSame(await callers(), ['ann', undefined, 'cli', 'cid', undefined])
    await bar('is-ann', 'ann')
    t.strictSame(await callers(), [undefined, undefined, 'cli', 'cid', undefined])
    await database.run(sql.fragment`UPDATE invitation SET ended_at = now(), ended_by = 'cancelled' WHERE id = 'of-cid'`)
    t.strictSame(await callers(), [undefined, undefined, 'cli', undefined, undefined])
  },
)

t.test(
  'a copy of a token ends when that is revoked, or when all tokens of its grant are, or the grant ends',
  async t => {
    const { database, issued } = await openTwo()
    const given = { person: 'is-ann', client: 'cli', scope: 'patient/*.rs', context: {}, ttlSeconds: 60 }
    const subject = { kind: 'user', person: 'is-ann' } as const
    const grants: Record<string, string> = {}
    const tokens: Record<string, string> = {}
    for (const name of ['refreshed', 'revoked', 'ended', 'lasting']) {
      const grantId = (await createGrant(database, given)) ?? ''
      grants[name] = grantId
      tokens[name] = await issued(subject, { grantId })
      await issued(subject, { grantId })
    }
    tokens.alone = await issued(subject)
    tokens.own = await issued(subject)
    await database.run(sql.fragment`CREATE TABLE copied AS SELECT hash, grant_id FROM token`)
    const copy = sql.fragment`copied`
    const states = async () => {
      const found: Record<string, readonly boolean[]> = {}
      for (const [name, token] of Object.entries(tokens)) {
        const row = await database.one<{ revoked: boolean; ended: boolean }>(sql.fragment`
        SELECT ${isRevoked(copy)} AS revoked, coalesce(${hasEnded(copy)}, FALSE) AS ended FROM copied
        WHERE hash = ${hashOf(token)}`)
        found[name] = [row.revoked, row.ended]
      }
      return found
    }
    const stands = [false, false]
    const all = { refreshed: stands, revoked: stands, ended: stands, lasting: stands, alone: stands, own: stands }
    t.strictSame(await states(), all)
    await database.run(sql.fragment`DELETE FROM token WHERE hash = ${hashOf(tokens.refreshed ?? '')}`)
    await database.run(sql.fragment`UPDATE token SET revoked_at = now() WHERE grant_id = ${grants.revoked ?? ''}`)
    await database.run(sql.fragment`UPDATE authorization_grant SET expires_at = now() WHERE id = ${grants.ended ?? ''}`)
    await revokeToken(database, tokens.own ?? '')
    t.strictSame(await states(), { ...all, revoked: [true, true], ended: [false, true], own: [true, true] })
    await database.run(sql.fragment`DELETE FROM token WHERE hash = ${hashOf(tokens.revoked ?? '')}`)
    t.strictSame((await states()).revoked, [true, true], 'also once the token itself is forgotten')
  },
)

t.test('a person acts for their own Patients only, of whom records of one human are one', async t => {
  const { world, database } = await openTwo()
  await world.put(w.organization('clinic'), w.registered('ann-too', 'clinic'), {
    resourceType: 'Person',
    id: 'is-ann',
    link: ['ann-too', 'ann'].map(id => ({ target: { reference: `Patient/${id}` } })),
  })
  await database.run(sql.fragment`INSERT INTO person_patient (person, patient) VALUES ('is-bob', 'ann-too')`)
  t.strictSame(await patientsOf(database, 'is-ann'), ['ann', 'ann-too'])
  t.strictSame(await patientsOf(database, 'is-bob'), ['ann-too', 'bob'])
  t.strictSame(await compartmentsOf(database, 'is-ann'), ['ann'])
  t.strictSame(await compartmentsOf(database, 'is-bob'), ['ann-too', 'bob'])
  t.strictSame(await compartmentsOf(database, 'nobody'), [])
  for (const [person, patient, same] of [
    ['is-ann', 'ann', 'ann'],
    ['is-ann', 'ann-too', 'ann'],
    ['is-ann', 'bob', undefined],
    ['is-bob', 'ann-too', 'ann-too'],
    ['is-bob', 'bob', 'bob'],
    ['is-bob', 'ann', undefined],
    ['nobody', 'ann', undefined],
  ] as const) {
    t.equal(await compartmentOf(database, person, patient), same, `${person} ${patient}`)
    const caller = await callerOfPatient(database, { person, patient, client: 'cli', scope: 'patient/*.rs' })
    t.equal(patientIn(caller), same && patient)
  }
})
