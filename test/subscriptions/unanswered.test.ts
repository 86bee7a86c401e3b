import type { Bundle, Consent, Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import { fullAccess } from '../../src/access/access.ts'
import { openCodeClasses } from '../../src/fhir/measured/code-class.ts'
import { loadRegistry } from '../../src/fhir/registry.ts'
import { parseSearch } from '../../src/search/parse.ts'
import type { Connection, Database } from '../../src/storage/database.ts'
import { sql } from '../../src/storage/sql.ts'
import { recordEvents } from '../../src/storage/subscription/record-events.ts'
import type { Subscriber } from '../../src/storage/subscription/subscriber.ts'
import { keepDeletion } from '../../src/storage/write/deletion.ts'
import { until } from './receiver.ts'
import { openSubscriptionWorld } from './world.ts'

const world = await openSubscriptionWorld()
const { receiver, hearts, organization, database, server } = world
t.teardown(world.close)
t.setTimeout(240_000)
const scope = 'user/Consent.rs user/ResearchSubject.rs user/Observation.rs user/Contract.rs user/Subscription.cruds'
const researcher = await world.staffToken(hearts.researcher, scope)
const channel: Subscription['channel'] = {
  type: 'rest-hook',
  endpoint: `${receiver.origin}/there`,
  payload: 'application/fhir+json',
}
const subscribe = async (criteria: string) => {
  const id = await world.subscribe(researcher, { criteria, channel })
  await world.reaches(researcher, id, 'active')
  return id
}
let count = 0
/** A patient of the study, with what they have given to it. */
const given = async () => {
  const name = `giver-${count++}`
  const patient = await world.participant(world.manager, organization, hearts.id, ['omh:heart-rate'], name)
  const bearer = await world.patientToken(patient, 'patient/*.cruds patient/Consent.cruds')
  const { entry }: Bundle<Consent> = (await world.send(bearer, 'GET', 'Consent')).json()
  return { bearer, id: entry?.[0]?.resource?.id ?? '' }
}
const remove = (bearer: string, url: string) =>
  server.inject({ method: 'DELETE', url: `/fhir/${url}`, headers: { authorization: `Bearer ${bearer}` } })
const isReceived = (path: string) => until(() => receiver.received.some(one => `${one.method} ${one.path}` === path))

/** Meanwhile no query about Contracts is answered. */
const withoutContracts = <T>(run: () => Promise<T>): Promise<T> =>
  database.transaction(async connection => {
    await connection.run(sql.fragment`LOCK TABLE contract IN ACCESS EXCLUSIVE MODE`)
    return run()
  })
const ofContracts = 'Consent?source-reference:Contract.status=executed'
const unanswered = async (id: string) =>
  (await database.one<{ unanswered: number }>(sql.fragment`SELECT unanswered FROM subscriber WHERE id = ${id}`))
    .unanswered
const wake = (id: string) =>
  database.run(sql.fragment`UPDATE subscriber SET rests_until = now(), failed_at = NULL WHERE id = ${id}`)

const [plain, slow] = [await subscribe('Consent?status=active'), await subscribe(ofContracts)]
const tookTooLong = /took too long to answer, so that not all that has changed is told/

t.test(
  'if it is not known in time whether a withdrawal concerns a subscriber, they are told that something may be missing',
  async t => {
    const { bearer, id } = await given()
    await isReceived(`PUT /there/Consent/${id}`)
    const { statusCode } = await withoutContracts(() => remove(bearer, `Consent/${id}`))
    t.equal(statusCode, 204)
    await isReceived(`DELETE /there/Consent/${id}`)
    t.match((await world.reaches(researcher, slow, 'error')).error, tookTooLong)
    t.equal((await world.read(researcher, plain)).status, 'active', 'nobody else is')
  },
)

t.test('a query that takes too long is left alone for a while, and others are notified meanwhile', async t => {
  await wake(slow)
  const before = await unanswered(slow)
  await withoutContracts(async () => {
    for (const _ of [1, 2]) {
      const { id } = await given()
      await isReceived(`PUT /there/Consent/${id}`)
    }
  })
  t.equal(await unanswered(slow), before + 1, 'it was asked once')
})

t.test('requesting it again meanwhile reports again that something may be missing', async t => {
  const { error: _, ...subscription } = await world.read(researcher, slow)
  await world.update(researcher, { ...subscription, status: 'requested' })
  await world.reaches(researcher, slow, 'active')
  await given()
  t.match((await world.reaches(researcher, slow, 'error')).error, tookTooLong)
})

t.test('requesting less meanwhile is notified at once', async t => {
  const narrowed = await subscribe(ofContracts)
  await database.run(
    sql.fragment`UPDATE subscriber SET rests_until = now() + interval '1 hour', unanswered = 8 WHERE id = ${narrowed}`,
  )
  const ask = async (more: Partial<Subscription>) => {
    const { error: _, ...subscription } = await world.read(researcher, narrowed)
    await world.update(researcher, { ...subscription, status: 'requested', ...more })
    await world.reaches(researcher, narrowed, 'active')
    return (await given()).id
  }
  await ask({ reason: 'the same' })
  t.match((await world.reaches(researcher, narrowed, 'error')).error, tookTooLong, 'but not requesting the same')
  const id = await ask({
    criteria: 'Consent?status=active',
    channel: { ...channel, endpoint: `${receiver.origin}/less` },
  })
  await isReceived(`PUT /less/Consent/${id}`)
  t.equal(await unanswered(narrowed), 0)
  await remove(researcher, `Subscription/${narrowed}`)
})

t.test('once it is answered again it is notified as before', async t => {
  await wake(slow)
  await given()
  await until(async () => (await unanswered(slow)) === 0)
  const { rests } = await database.one<{ rests: boolean }>(
    sql.fragment`SELECT rests_until IS NOT NULL AS rests FROM subscriber WHERE id = ${slow}`,
  )
  t.equal(rests, false)
})

const registry = loadRegistry()
const { where } = parseSearch(
  registry,
  'Consent',
  new URLSearchParams({ 'source-reference:Contract.status': 'executed' }),
)
const listening = {
  registry,
  classes: openCodeClasses(),
  questionOf: () => ({ type: 'Consent' as const, where, access: fullAccess }),
} as const
/** The same connection, which notes from then on how long each statement may take. */
const noting = (connection: Connection, limits: string[]): Connection => ({
  ...connection,
  run: query => {
    const [, limit] = /statement_timeout (?:= '?|TO )(\w+)/.exec(query.sql) ?? []
    if (limit !== undefined) limits.push(limit)
    return connection.run(query)
  },
})

t.test('a withdrawal waits no longer for many subscribers than for some', async t => {
  for (let number = 0; number < 7; number++) await subscribe(ofContracts)
  const { id } = await given()
  const place = await database.one<{ patientId: number; pk: string }>(
    sql.fragment`SELECT patient_id AS "patientId", pk FROM consent WHERE id = ${id}`,
  )
  const limits: string[] = []
  await withoutContracts(() =>
    database.transaction(connection =>
      keepDeletion(noting(connection, limits), listening, { type: 'Consent', ...place }, 2),
    ),
  )
  t.equal(limits[0], '1000')
  t.equal(limits.at(-1), '50', 'the last one has little time')
  t.ok(limits.slice(1).every(limit => Number(limit) < 1000))
})

t.test('a change is recorded no later for many subscribers than for some', async t => {
  const change = sql.fragment`INSERT INTO change (type, patient_id, pk) SELECT 'Consent', patient_id, pk FROM consent LIMIT 1`
  const wakeAll = sql.fragment`UPDATE subscriber SET rests_until = NULL, unanswered = 1`
  const recordedBy = (limits: string[]) => {
    const transaction: Database['transaction'] = run =>
      database.transaction(async connection => {
        // So that the server, which does the same meanwhile, does not take it. Before Contracts are locked: it would hold this for as long as they are.
        await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('change'))`)
        await connection.run(wakeAll)
        await connection.run(change)
        return withoutContracts(() => run(noting(connection, limits)))
      })
    const one = async () => ({ isAny: true })
    return recordEvents({ ...database, one: one as never, transaction }, listening)
  }
  const limits: string[] = []
  await recordedBy(limits)
  t.equal(limits[0], '10000')
  t.ok(limits.includes('50'), 'one that was not answered last time has little time after the others')
  t.equal(limits.at(-1), 'DEFAULT', 'other statements have their usual time')
})

t.test('a fault in the query of one subscriber delays neither the others nor a withdrawal', async t => {
  const broken = new Error('cannot be asked')
  const questionOf = ({ id }: Subscriber) => {
    if (id === plain) throw broken
    return { type: 'Consent' as const, where: { kind: 'all' } as const, access: fullAccess }
  }
  const row = sql.fragment`SELECT patient_id AS "patientId", pk FROM consent LIMIT 1`
  const place = await database.one<{ patientId: number; pk: string }>(row)
  await database.run(sql.fragment`UPDATE subscriber SET rests_until = NULL`)
  const { failed, changes } = await database.transaction(async connection => {
    // So that the server, which does the same meanwhile, does not take it.
    await connection.run(sql.fragment`SELECT pg_advisory_xact_lock(hashtext('change'))`)
    await keepDeletion(connection, { ...listening, questionOf }, { type: 'Consent', ...place }, 2)
    const changes = await connection.any(sql.fragment`DELETE FROM change RETURNING subscribers, unanswered`)
    await connection.run(
      sql.fragment`INSERT INTO change (type, patient_id, pk) VALUES ('Consent', ${place.patientId}, ${place.pk})`,
    )
    const one = async () => ({ isAny: true })
    const transaction: Database['transaction'] = run => run(connection)
    const { failed } = await recordEvents({ ...database, one: one as never, transaction }, { ...listening, questionOf })
    return { changes, failed: failed.map(({ id, error }) => [id, error.message, error.cause]) }
  })
  t.same(failed, [[plain, 'Internal error', broken]])
  t.match(changes, [{ unanswered: [plain] }])
})
