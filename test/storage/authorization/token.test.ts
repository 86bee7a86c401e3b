import t from 'tap'
import { openAccount } from '../../../src/storage/account/user-account.ts'
import { createGrant, type NewGrant, revokeGrants } from '../../../src/storage/authorization/authorization-grant.ts'
import { registerClient } from '../../../src/storage/authorization/client.ts'
import { keepIssuedToken } from '../../../src/storage/authorization/issued-token.ts'
import { findCaller, issueToken, revokeToken } from '../../../src/storage/authorization/token.ts'
import type { Connection } from '../../../src/storage/database.ts'
import { newSecret } from '../../../src/storage/secret/secret.ts'
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
    principal: { kind: 'patient', id: 'ann' },
    patient: 'ann',
    administrator: false,
    client: { id: 'cli', policies: new Set(['records-consent']) },
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
  t.match(await findCaller(database, token), {
    principal: { kind: 'person', id: 'p' },
    person: { id: 'p' },
    practitioner: 'doc',
    organizations: ['lab'],
    study: 's',
    fhirUser: { type: 'Practitioner', id: 'doc' },
  })
  const ofPatient = await issueToken(database, { ...request, scope, subject: { kind: 'user', person: 'q' } })
  t.match(await findCaller(database, ofPatient), { patient: 'ann', fhirUser: { type: 'Patient', id: 'ann' } })
  const ofOther = await issueToken(database, { ...request, scope, subject: { kind: 'user', person: 'r' } })
  t.match(await findCaller(database, ofOther), { patient: 'bob', fhirUser: { type: 'Patient', id: 'bob' } })
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
