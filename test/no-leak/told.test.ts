import { createHash } from 'node:crypto'
import type { ResourceType, Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import { registerClient } from '../../src/storage/authorization/client.ts'
import { sql } from '../../src/storage/sql.ts'
import { until } from '../subscriptions/receiver.ts'
import { type CallerRow, callers, clients } from './callers.ts'
import { secretsOf } from './secrets.ts'
import { openNoLeakWorld } from './world.ts'

const world = await openNoLeakWorld()
const { database } = world
t.teardown(() => world.server.close())
t.setTimeout(280_000)
for (const client of clients) await registerClient(database, { name: client.id, ...client })

const types: readonly ResourceType[] = ['Observation', 'Patient', 'ResearchSubject', 'Consent', 'Condition', 'Device']
const secrets = secretsOf(world).filter(({ type }) => types.some(one => one === type))

/** A subscriber to everything of a type, with the rights of the token, whatever it may do to Subscriptions. */
const subscribe = async (id: string, type: ResourceType, token: NonNullable<CallerRow['token']>): Promise<void> => {
  const subscription: Subscription = {
    resourceType: 'Subscription',
    id,
    status: 'off',
    reason: 'x',
    criteria: `${type}?_lastUpdated=gt2000`,
    channel: { type: 'websocket' },
  }
  const { status, body } = await world.everything('PUT', `Subscription/${id}`, subscription)
  if (status !== 201) throw new Error(body)
  const hash = createHash('sha256')
    .update(await world.token(token))
    .digest()
  await database.run(sql.fragment`
    UPDATE subscriber SET status = 'active', hash = token.hash, kind = token.kind, person_id = token.person_id,
      patient_id = token.patient_id, client_id = token.client_id, scope = token.scope, context = token.context
    FROM token WHERE token.hash = ${sql.binary(hash)} AND subscriber.id = ${id}`)
}

/** Makes a server process all waiting changes. */
const tellAll = async () => {
  const server = await world.open({ pauseMs: 50, retries: 0 })
  await until(async () => {
    const { waiting } = await database.one<{ waiting: boolean }>(
      sql.fragment`SELECT EXISTS (SELECT FROM change) AS waiting`,
    )
    return !waiting
  })
  await server.close()
}

const tokens = callers.flatMap(caller => (caller.token === undefined ? [] : [{ caller, token: caller.token }]))

/** The resources of whose changes the Subscriptions of a caller were notified. */
const toldOf = async (index: number, which = sql.fragment``): Promise<readonly string[]> => {
  const rows = await database.any<{ id: string }>(sql.fragment`
    SELECT resource_type.name || '/' || identity.id AS id
    FROM subscription_event AS event
    JOIN resource_identity AS identity ON identity.pk = event.pk
    JOIN resource_type ON resource_type.type_id = identity.type_id
    WHERE event.subscription LIKE ${`told-${index}-%`} ${which}`)
  return rows.map(({ id }) => id).sort()
}

t.test('nobody is notified of more than they may find, nor of less, and nothing else is counted', async t => {
  for (const [index, { token }] of tokens.entries())
    for (const type of types) await subscribe(`told-${index}-${type}`, type, token)
  for (const type of types)
    await database.run(sql.fragment`
      INSERT INTO change (type, patient_id, pk)
      SELECT resource_type.name, patient_id, pk FROM resource_identity
      JOIN resource_type ON resource_type.type_id = resource_identity.type_id WHERE resource_type.name = ${type}`)
  await tellAll()

  for (const [index, { caller }] of tokens.entries()) {
    const told = await toldOf(index)
    const known = new Set(secrets.map(({ type, id }) => `${type}/${id}`))
    const mayFind = caller.lets === undefined || caller.lets.actions.includes('s')
    const expected = secrets.filter(one => mayFind && one.isReadBy(caller))
    t.strictSame(
      told.filter(id => known.has(id)),
      expected.map(({ type, id }) => `${type}/${id}`).sort(),
      caller.name,
    )
  }
  const { miscounted } = await database.one<{ miscounted: string }>(sql.fragment`
    SELECT count(*) AS miscounted FROM subscriber
    WHERE last_event <> (SELECT count(*) FROM subscription_event WHERE subscription = subscriber.id)`)
  t.equal(miscounted, '0')
})

t.test('of a deletion those are notified who could find what was deleted, and nobody else', async t => {
  const deleted = secrets.filter(
    ({ type, id }) => type === 'Consent' || (type === 'ResearchSubject' && !id.startsWith('naming-')),
  )
  // A Consent first: recipients of a study find its people by what is given to them.
  for (const { type, id } of deleted.toSorted((one, other) => one.type.localeCompare(other.type)))
    t.equal((await world.everything('DELETE', `${type}/${id}`)).status, 204, `${type}/${id}`)
  await tellAll()

  for (const [index, { caller }] of tokens.entries()) {
    const told = await toldOf(index, sql.fragment`AND event.deletion IS NOT NULL`)
    const mayFind = caller.lets === undefined || caller.lets.actions.includes('s')
    const expected = deleted.filter(one => mayFind && one.isReadBy(caller))
    t.strictSame(told, expected.map(({ type, id }) => `${type}/${id}`).sort(), caller.name)
  }
})
