import t from 'tap'
import type { Method } from '../../../src/storage/account/authentication.ts'
import {
  endSession,
  endSessions,
  findFramedSession,
  findSession,
  findSessionCaller,
  holdSession,
  isInForce,
  lookAtSession,
  sessionsOf,
  startSession,
} from '../../../src/storage/account/session.ts'
import { endSteps, findStep, startStep, takeStep } from '../../../src/storage/account/sign-in-step.ts'
import { hashOf, newSecret } from '../../../src/storage/secret/secret.ts'
import { type SqlFragment, sql } from '../../../src/storage/sql.ts'
import * as w from '../model/world.ts'

const { database, put, close } = await w.openWorld()
t.teardown(close)

const people = ['plain', 'protected', 'asked', 'asked-and-protected', 'barred', 'ana', 'ben']
await put(w.organization('lab'), w.organization('strict'))
for (const id of ['asked', 'asked-and-protected'])
  await put({ resourceType: 'Practitioner', id }, w.role(id, 'strict', 'member'), {
    resourceType: 'Person',
    id,
    link: [{ target: { reference: `Practitioner/${id}` } }],
  })
await put({ resourceType: 'Person', id: 'barred', active: false })
await database.run(sql.fragment`UPDATE organization_node SET second_factor = TRUE WHERE id = 'strict'`)
for (const person of people)
  await database.run(sql.fragment`
    INSERT INTO user_account (email, person, authenticator)
    VALUES (${`${person}@example.org`}, ${person}, ${person.endsWith('protected') ? 'sealed' : null})`)

const start = (person: string, methods: readonly Method[] = ['pwd']) =>
  startSession(database, { person, methods: [...methods], device: 'Test' })
const change = (cookie: string, to: SqlFragment) =>
  database.run(sql.fragment`UPDATE user_session SET ${to} WHERE hash = ${hashOf(cookie)}`)
/** Empty if none was started. */
const idOf = async (cookie: string) =>
  (await database.maybeOne<{ id: string }>(sql.fragment`SELECT id FROM user_session WHERE hash = ${hashOf(cookie)}`))
    ?.id ?? ''

t.test('a session is in force if its person is active and has shown everything that is asked of them', async t => {
  const ways: readonly (readonly Method[])[] = [[], ['pwd'], ['otp'], ['pwd', 'otp'], ['mfa']]
  const inForce: Record<string, readonly string[]> = {}
  for (const person of people.slice(0, 5)) {
    const found: string[] = []
    for (const methods of ways) {
      const cookie = await start(person, methods)
      const session = await findSession(database, cookie)
      t.equal(await isInForce(database, await idOf(cookie)), session !== undefined)
      if (session !== undefined) found.push(methods.join(' '))
    }
    inForce[person] = found
    t.equal((await sessionsOf(database, person)).length, found.length, 'no other is listed')
  }
  t.strictSame(inForce, {
    plain: ['', 'pwd', 'otp', 'pwd otp', 'mfa'],
    protected: ['otp', 'pwd otp', 'mfa'],
    // A code from an app that was given up since does not count.
    asked: ['mfa'],
    'asked-and-protected': ['otp', 'pwd otp', 'mfa'],
    barred: [],
  })
})

t.test('a session ends when its time is over, only by its holder, and together with all others', async t => {
  const [own, idle, old, elsewhere] = [await start('ana'), await start('ana'), await start('ana'), await start('ben')]
  await change(idle, sql.fragment`seen_at = now() - interval '2 hours'`)
  await change(old, sql.fragment`expires_at = now()`)
  const found = async () => {
    const persons: (string | undefined)[] = []
    for (const cookie of [own, idle, old, elsewhere]) persons.push((await findSession(database, cookie))?.person)
    return persons
  }
  t.strictSame(await found(), ['ana', undefined, undefined, 'ben'])
  const held: boolean[] = []
  for (const cookie of [own, idle, old, newSecret()]) held.push(await holdSession(database, await idOf(cookie)))
  t.strictSame(held, [true, false, false, false])
  for (const none of ['', 'short', newSecret()]) t.equal(await findSession(database, none), undefined)
  await change(own, sql.fragment`seen_at = now() - interval '1 hour 59 minutes'`)
  const seen = sql.fragment`SELECT FROM user_session WHERE hash = ${hashOf(own)} AND seen_at > now() - interval '1 minute'`
  t.equal((await database.any(seen)).length, 0)
  await findSession(database, own)
  t.equal((await database.any(seen)).length, 1, 'each use starts the two hours again')
  const id = await idOf(own)
  t.equal(await endSession(database, 'ben', id), false)
  t.strictSame(await found(), ['ana', undefined, undefined, 'ben'])
  const other = await start('ana')
  await endSessions(database, 'ana', id)
  t.equal(await findSession(database, other), undefined)
  t.strictSame(await found(), ['ana', undefined, undefined, 'ben'])
  t.equal(await endSession(database, 'ana', id), true)
  t.equal(await endSession(database, 'ana', id), false)
  await endSessions(database, 'ana')
  t.strictSame(await found(), [undefined, undefined, undefined, 'ben'])
})

t.test('looking at a session says when it ends, and does not put that off', async t => {
  const cookie = await start('ana')
  const ending = async () => (await lookAtSession(database, cookie))?.ending
  t.match(await ending(), { isFinal: false })
  await change(cookie, sql.fragment`seen_at = now() - interval '1 hour 59 minutes'`)
  const minutes = async () => Math.round(((await ending())?.inSeconds ?? 0) / 60)
  t.same([await minutes(), await minutes()], [1, 1])
  await findSession(database, cookie)
  t.equal(await minutes(), 120, 'using it does')
  await change(cookie, sql.fragment`expires_at = now() + interval '10 minutes'`)
  t.same([await minutes(), (await ending())?.isFinal], [10, true])
  await change(cookie, sql.fragment`expires_at = now()`)
  t.equal(await lookAtSession(database, cookie), undefined)
})

t.test('a half sign-in can be used once, within ten minutes, and ends when all sessions are ended', async t => {
  const at = new Date('2026-05-06T07:08:09Z')
  const whole = { person: 'ana', methods: ['mfa'], authenticatedAt: at, authenticator: 'sealed' } as const
  const step = await startStep(database, { ...whole, methods: ['mfa'] })
  t.strictSame(await findStep(database, step), whole)
  const untold = await startStep(database, { person: 'ana', methods: [], authenticatedAt: 'not told' })
  t.strictSame(await findStep(database, untold), { person: 'ana', methods: [], authenticatedAt: 'not told' })
  t.equal(await takeStep(database, step), true)
  t.strictSame([await findStep(database, step), await takeStep(database, step)], [undefined, false])
  await database.run(
    sql.fragment`UPDATE sign_in_step SET expires_at = expires_at - interval '10 minutes' WHERE hash = ${hashOf(untold)}`,
  )
  t.strictSame([await findStep(database, untold), await takeStep(database, untold)], [undefined, false])
  for (const none of ['', 'short', newSecret()])
    t.strictSame([await findStep(database, none), await takeStep(database, none)], [undefined, false])
  const [hers, his] = [
    await startStep(database, { person: 'ana', methods: ['pwd'] }),
    await startStep(database, { person: 'ben', methods: ['pwd'] }),
  ]
  await endSteps(database, 'ana')
  t.equal(await findStep(database, hers), undefined)
  t.equal((await findStep(database, his))?.person, 'ben')
  await endSessions(database, 'ben', 'whichever')
  t.equal(await findStep(database, his), undefined)
})

t.test('setting up a second factor ends with the session in which it was begun, and with no other', async t => {
  const [own, beside] = [await start('plain'), await start('plain')]
  const session = await idOf(own)
  const step = await startStep(database, { person: 'plain', methods: ['pwd'], session })
  t.equal((await findStep(database, step))?.session, session)
  await endSession(database, 'plain', await idOf(beside))
  t.equal((await findStep(database, step))?.session, session)
  for (const [what, over, back] of [
    ['idle', sql.fragment`seen_at = now() - interval '2 hours'`, sql.fragment`seen_at = now()`],
    ['too old', sql.fragment`expires_at = now()`, sql.fragment`expires_at = now() + interval '1 hour'`],
    ['of whom is barred', sql.fragment`person = 'barred'`, sql.fragment`person = 'plain'`],
  ] as const) {
    await change(own, over)
    t.strictSame([await findStep(database, step), await takeStep(database, step)], [undefined, false], what)
    await change(own, back)
  }
  t.equal(await takeStep(database, step), true)
})

t.test('a session in a frame of an EHR is none elsewhere, and lasts as long as that may show a frame', async t => {
  const { id: frame } = await database.one<{ id: string }>(sql.fragment`
    INSERT INTO smart_client_config (issuer, organization, client_id, authentication, scope, requires_nonce, enabled, frame_origins)
    VALUES ('https://ehr.example.org/fhir', 'lab', 'sharewell', 'none', 'launch', FALSE, TRUE, '{https://ehr.example.org}')
    RETURNING id`)
  const framed = await startSession(database, { person: 'ana', methods: ['mfa'], device: 'Test', frame })
  const own = await start('ana')
  const found = async (cookie: string) => [
    (await findSession(database, cookie))?.person,
    (await findSessionCaller(database, cookie))?.person?.id,
    (await findFramedSession(database, cookie))?.frame,
  ]
  const origins = ['https://ehr.example.org']
  t.strictSame(await found(own), ['ana', 'ana', undefined])
  t.strictSame(await found(framed), [
    undefined,
    undefined,
    { config: frame, issuer: 'https://ehr.example.org/fhir', origins },
  ])
  for (const [over, back] of [
    [sql.fragment`enabled = FALSE`, sql.fragment`enabled = TRUE`],
    [sql.fragment`frame_origins = '{}'`, sql.fragment`frame_origins = '{https://ehr.example.org}'`],
  ] as const) {
    await database.run(sql.fragment`UPDATE smart_client_config SET ${over}`)
    t.equal(await findFramedSession(database, framed), undefined)
    await database.run(sql.fragment`UPDATE smart_client_config SET ${back}`)
  }
  t.equal((await findFramedSession(database, framed))?.person, 'ana')
})

t.test('what was begun for somebody who was not active opens nothing when they are again', async t => {
  await put({ resourceType: 'Person', id: 'barred', active: false })
  const begun = await start('barred')
  await put({ resourceType: 'Person', id: 'barred', active: true })
  t.equal(await findSession(database, begun), undefined)
  t.equal((await findSession(database, await start('barred')))?.person, 'barred')
})
