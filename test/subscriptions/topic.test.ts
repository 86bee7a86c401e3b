import type { Bundle, Extension, Observation, Parameters, Subscription } from '@medplum/fhirtypes'
import t from 'tap'
import { backportUrls, observationsTopic } from '../../src/fhir/subscription.ts'
import { roomOfPage } from '../../src/search/room.ts'
import { sql } from '../../src/storage/sql.ts'
import { openQueues } from '../../src/storage/work/queue.ts'
import { longTexts } from '../support/long-texts.ts'
import { duringNext, until } from './receiver.ts'
import { heartRate, openSubscriptionWorld } from './world.ts'

const world = await openSubscriptionWorld()
const { receiver, researcher, measure, subscribe, reaches, send, read } = world
t.teardown(world.close)
t.setTimeout(240_000)

const filter = (valueString: string): Extension => ({ url: backportUrls.filterCriteria, valueString })
const topic = (
  content?: string,
  filters: readonly string[] = [],
  more: readonly Extension[] = [],
): Partial<Subscription> =>
  ({
    criteria: observationsTopic,
    ...(filters.length === 0 ? {} : { _criteria: { extension: filters.map(filter) } }),
    channel: {
      type: 'rest-hook',
      endpoint: `${receiver.origin}/topic`,
      payload: 'application/fhir+json',
      ...(content === undefined
        ? {}
        : { _payload: { extension: [{ url: backportUrls.payloadContent, valueCode: content }] } }),
      ...(more.length === 0 ? {} : { extension: more }),
    },
  }) as unknown as Partial<Subscription>

/** The Bundles that came since the last time, once there are this many. */
const bundles = async (count: number): Promise<readonly Bundle[]> => {
  await until(() => receiver.received.length >= count)
  return receiver.received.splice(0).map(({ body }) => JSON.parse(body))
}
const off = async (id: string) =>
  world.update(researcher, { ...(await read(researcher, id)), status: 'off' } as Subscription)

/** Waits until this many are numbered. */
const eventsOf = (id: string, count: number) =>
  until(async () => {
    const { entry } = (await send(researcher, 'GET', `Subscription/${id}/$status`)).json()
    return entry[0].resource.parameter[4].valueString === String(count)
  })

const status = (id: string, type: string, count: number, events: readonly object[] = []) => ({
  fullUrl: /^urn:uuid:/,
  resource: {
    resourceType: 'Parameters',
    meta: { profile: [backportUrls.statusOfNotification] },
    parameter: [
      { name: 'subscription', valueReference: { reference: new RegExp(`/fhir/Subscription/${id}$`) } },
      { name: 'topic', valueCanonical: observationsTopic },
      { name: 'status', valueCode: String },
      { name: 'type', valueCode: type },
      { name: 'events-since-subscription-start', valueString: String(count) },
      ...events,
    ],
  },
  request: { method: 'GET', url: new RegExp(`/Subscription/${id}/\\$status$`) },
  response: { status: '200' },
})
const event = (number: number, focus?: string) => ({
  name: 'notification-event',
  part: [
    { name: 'event-number', valueString: String(number) },
    { name: 'timestamp', valueInstant: String },
    ...(focus === undefined
      ? []
      : [{ name: 'focus', valueReference: { reference: new RegExp(`/Observation/${focus}$`) } }]),
  ],
})

t.test('it gets a handshake before it is active, and then ids, numbered', async t => {
  const id = await subscribe(researcher, topic())
  await reaches(researcher, id, 'active')
  const [greeting] = await bundles(1)
  t.match(greeting, { resourceType: 'Bundle', type: 'history', timestamp: String, entry: [status(id, 'handshake', 0)] })
  const one = await measure(60)
  t.match(await bundles(1), [{ type: 'history', entry: [status(id, 'event-notification', 1, [event(1, one.id)])] }])
  const two = await measure(61)
  const [second] = await bundles(1)
  t.match(second, { entry: [status(id, 'event-notification', 2, [event(2, two.id)])] })
  t.equal(second?.entry?.length, 1, 'no contents')
  await off(id)
})

t.test('a topic without a payload element still sends ids, and empty only sends numbers', async t => {
  const id = await subscribe(researcher, topic('empty'))
  await reaches(researcher, id, 'active')
  await bundles(1)
  await measure(62)
  const [told] = await bundles(1)
  t.match(told?.entry?.[0]?.resource, {
    parameter: [
      { name: 'subscription' },
      { name: 'status', valueCode: 'active' },
      { name: 'type', valueCode: 'event-notification' },
      { name: 'events-since-subscription-start', valueString: '1' },
      event(1),
    ],
  })
  t.notMatch(JSON.stringify(told), 'Observation/')
  t.notMatch(JSON.stringify(told), observationsTopic, 'nor the topic')
  await off(id)
})

t.test('full-resource sends what may be read, created or updated', async t => {
  const id = await subscribe(researcher, topic('full-resource'))
  await reaches(researcher, id, 'active')
  await bundles(1)
  const made = await measure(63)
  const [first] = await bundles(1)
  t.match(first?.entry?.[1], {
    fullUrl: new RegExp(`/Observation/${made.id}$`),
    resource: made,
    request: { method: 'POST', url: 'Observation' },
    response: { status: '201' },
  })
  const changed = await world.update(world.ann, { ...made, status: 'amended' } as Observation)
  const [next] = await bundles(1)
  t.match(next?.entry?.[1], {
    resource: changed,
    request: { method: 'PUT', url: `Observation/${made.id}` },
    response: { status: '200' },
  })
  await off(id)
})

t.test('filters narrow it, also to a study', async t => {
  const study = `Observation?study=ResearchStudy/${world.hearts.id}`
  const id = await subscribe(researcher, topic('id-only', [study, 'Observation?value-quantity=gt100']))
  await reaches(researcher, id, 'active')
  await bundles(1)
  await measure(64)
  const { id: focus } = await measure(130)
  t.match(await bundles(1), [{ entry: [status(id, 'event-notification', 1, [event(1, focus)])] }])
  await off(id)
  const elsewhere = await subscribe(researcher, topic('id-only', ['Observation?study=ResearchStudy/none']))
  await reaches(researcher, elsewhere, 'active')
  await bundles(1)
  await measure(65)
  await measure(66)
  await world.isIdle(elsewhere)
  const asked = await send(researcher, 'GET', `Subscription/${elsewhere}/$status`)
  t.match(asked.json(), { entry: [{ resource: { parameter: [{}, {}, {}, {}, { valueString: '0' }] } }] })
  await off(elsewhere)
})

t.test('how many events of somebody there were is recorded for them, whoever asks', async t => {
  const criteria = `Observation?subject=${`Patient/${world.patient}`}&value-quantity=gt500`
  const id = await subscribe(researcher, { criteria })
  for (const operation of ['$status', '$events']) {
    const { last } = await world.database.one<{ last: string }>(
      sql.fragment`SELECT max(id)::text AS last FROM audit_record`,
    )
    t.equal((await send(researcher, 'GET', `Subscription/${id}/${operation}`)).statusCode, 200)
    const rows = await world.database.any(sql.fragment`
      SELECT interaction, operation, type, outcome, ARRAY(SELECT compartment.id FROM patient_compartment AS compartment
        WHERE compartment.patient_id = ANY(patients)) AS patients
      FROM audit_record WHERE id > ${last}::bigint AND type = 'Observation' AND operation = ${operation} ORDER BY id`)
    t.strictSame(rows, [
      { interaction: 'read', operation, type: 'Observation', outcome: 200, patients: [world.patient] },
    ])
  }
  await off(id)
})

t.test('many events come in notifications of at most max-count', async t => {
  const maxCount = { url: backportUrls.maxCount, valuePositiveInt: 2 }
  const id = await subscribe(researcher, topic('id-only', [], [maxCount]))
  await reaches(researcher, id, 'active')
  await bundles(1)
  receiver.answer.status = 503
  for (let value = 70; value < 75; value++) await measure(value)
  await reaches(researcher, id, 'error')
  await eventsOf(id, 5)
  receiver.received.splice(0)
  receiver.answer.status = 200
  await world.update(researcher, { ...(await read(researcher, id)), status: 'requested' } as Subscription)
  const told = (await bundles(4)) as readonly Bundle<Parameters>[]
  const counts = told.map(
    ({ entry }) => entry?.[0]?.resource?.parameter?.filter(({ name }) => name === 'notification-event').length,
  )
  t.same(counts, [0, 2, 2, 1])
  await reaches(researcher, id, 'active')
  await off(id)
})

t.test('a notification is not much longer than a megabyte', async t => {
  const id = await subscribe(researcher, topic('full-resource'))
  await reaches(researcher, id, 'active')
  await bundles(1)
  receiver.answer.status = 503
  const note = [{ text: 'x'.repeat(400_000) }]
  for (let value = 75; value < 79; value++)
    await world.create<Observation>(world.ann, { ...heartRate(world.patient, value), note })
  await reaches(researcher, id, 'error')
  await eventsOf(id, 4)
  receiver.received.splice(0)
  receiver.answer.status = 200
  await world.update(researcher, { ...(await read(researcher, id)), status: 'requested' } as Subscription)
  const told = await bundles(3)
  t.same(
    told.map(({ entry }) => entry?.length),
    [1, 3, 3],
  )
  await reaches(researcher, id, 'active')
  await off(id)
})

t.test('a single resource that is longer is sent alone', async t => {
  const id = await subscribe(researcher, topic('full-resource'))
  await reaches(researcher, id, 'active')
  await bundles(1)
  const note = [{ text: 'x'.repeat(950_000) }]
  const made = await world.create<Observation>(world.ann, { ...heartRate(world.patient, 79), note })
  const [told] = await bundles(1)
  t.match(told?.entry?.[1], { resource: { id: made.id, note } })
  await off(id)
})

t.test('with a heartbeat it hears something even if nothing is new', async t => {
  const heartbeat = { url: backportUrls.heartbeatPeriod, valueUnsignedInt: 1 }
  const id = await subscribe(researcher, topic('id-only', [], [heartbeat]))
  await reaches(researcher, id, 'active')
  await bundles(1)
  t.match(await bundles(1), [{ entry: [status(id, 'heartbeat', 0)] }])
  await off(id)
  receiver.received.splice(0)
})

t.test('a heartbeat does not come before its time', async t => {
  const heartbeat = { url: backportUrls.heartbeatPeriod, valueUnsignedInt: 3600 }
  const id = await subscribe(researcher, topic('id-only', [], [heartbeat]))
  await reaches(researcher, id, 'active')
  t.match(await bundles(1), [{ entry: [status(id, 'handshake', 0)] }])
  for (let count = 1; count <= 3; count += 1) {
    const { id: focus } = await measure(60 + count)
    t.match(await bundles(1), [{ entry: [status(id, 'event-notification', count, [event(count, focus)])] }])
    await world.isIdle(id)
  }
  t.strictSame(receiver.received, [])
  await off(id)
})

t.test('a handshake that is not accepted leaves it in error', async t => {
  receiver.answer.status = 404
  const id = await subscribe(researcher, topic())
  t.match(await reaches(researcher, id, 'error'), { error: 'The endpoint answered 404' })
  receiver.answer.status = 200
  receiver.received.splice(0)
  await off(id)
})

t.test('what is measured before the handshake is accepted is sent afterwards', async t => {
  let made: Observation | undefined
  duringNext(receiver.answer, async () => {
    made = await measure(80)
  })
  const id = await subscribe(researcher, topic())
  const [greeting, told] = await bundles(2)
  t.match(greeting, { entry: [status(id, 'handshake', 0)] })
  t.match(told, { entry: [status(id, 'event-notification', 1, [event(1, made?.id)])] })
  await reaches(researcher, id, 'active')
  await off(id)
})

t.test('an endpoint that has not accepted the handshake gets another each hour before anything else', async t => {
  receiver.answer.status = 403
  const id = await subscribe(researcher, topic('full-resource'))
  await reaches(researcher, id, 'error')
  const made = await measure(81)
  await eventsOf(id, 1)
  await world.isIdle(id)
  receiver.received.splice(0)
  const anHourLater = () =>
    world.database.run(sql.fragment`UPDATE subscriber SET failed_at = now() - interval '61 minutes' WHERE id = ${id}`)
  await anHourLater()
  t.match(await bundles(1), [{ entry: [status(id, 'handshake', 1)] }])
  await world.isIdle(id)
  t.match(await read(researcher, id), { status: 'error', error: 'The endpoint answered 403' })
  t.same(receiver.received, [])
  receiver.answer.status = 200
  await anHourLater()
  const [greeting, told] = await bundles(2)
  t.match(greeting, { entry: [status(id, 'handshake', 1)] })
  t.match(told, { entry: [status(id, 'event-notification', 1, [event(1, made.id)]), { resource: made }] })
  await reaches(researcher, id, 'active')
  await off(id)
})

t.test('late work for one that is in error neither activates nor notifies it', async t => {
  const queues = await openQueues(world.url, { retries: 1, reportFault: fault => t.fail(String(fault)) })
  t.teardown(queues.close)
  const queue = await queues.open('subscription')
  receiver.answer.status = 404
  const id = await subscribe(researcher, topic())
  await reaches(researcher, id, 'error')
  receiver.answer.status = 200
  receiver.received.splice(0)
  await queue.ask(`${id}/1`)
  await world.isIdle(id)
  t.match([await read(researcher, id), receiver.received], [{ status: 'error', meta: { versionId: '2' } }, []])
  await off(id)
})

t.test('of what is withdrawn before it is told, nothing is told, not even that there was something', async t => {
  const ids = [await subscribe(researcher, topic()), await subscribe(researcher)]
  for (const id of ids) await reaches(researcher, id, 'active')
  await bundles(1)
  receiver.answer.status = 503
  const { patient, bearer } = await world.participate('bob')
  await world.create<Observation>(bearer, heartRate(patient, 66))
  for (const id of ids) await reaches(researcher, id, 'error')
  const [consent] = (await send(bearer, 'GET', 'Consent')).json().entry
  await world.update(bearer, { ...consent.resource, status: 'inactive' })
  receiver.received.splice(0)
  receiver.answer.status = 200
  for (const id of ids) {
    await world.update(researcher, { ...(await read(researcher, id)), status: 'requested' } as Subscription)
    await reaches(researcher, id, 'active')
    await world.isIdle(id)
  }
  const [greeting, ...others] = receiver.received.splice(0).map(({ body }) => body)
  t.match(JSON.parse(greeting ?? ''), { entry: [status(ids[0] ?? '', 'handshake', 1)] })
  t.strictSame(others, [])
  for (const id of ids) await off(id)
})

t.test('what may be found but not read is told by its id, and never in full', async t => {
  const finder = await world.staffToken(world.hearts.researcher, 'user/Observation.s user/Subscription.cruds')
  const id = await subscribe(finder, topic('id-only'))
  await reaches(finder, id, 'active')
  await bundles(1)
  const { id: focus } = await measure(89)
  t.match(await bundles(1), [{ entry: [status(id, 'event-notification', 1, [event(1, focus)])] }])
  const events = (content: string) => send(finder, 'GET', `Subscription/${id}/$events?content=${content}`)
  t.match((await events('id-only')).json(), { entry: [status(id, 'query-event', 1, [event(1, focus)])] })
  const whole = await events('full-resource')
  t.match(whole.json(), { entry: [status(id, 'query-event', 1)] })
  t.notMatch(whole.body, 'Observation/')
  await world.update(finder, { ...(await read(finder, id)), status: 'off' } as Subscription)
})

t.test('its creator asks for its status, and for events again; nobody else can', async t => {
  const id = await subscribe(researcher, topic('id-only'))
  await reaches(researcher, id, 'active')
  await bundles(1)
  const measured = []
  for (const value of [90, 91, 92]) measured.push(await measure(value))
  const made = measured.map(one => one.id)
  await eventsOf(id, 3)
  const events = (
    await send(researcher, 'GET', `Subscription/${id}/$events?eventsSinceNumber=2&eventsUntilNumber=3`)
  ).json()
  t.match(events, { type: 'history', entry: [status(id, 'query-event', 3, [event(2, made[1]), event(3, made[2])])] })
  for (const nothing of ['eventsSinceNumber=4&eventsUntilNumber=3', 'eventsUntilNumber=0']) {
    const { entry } = (await send(researcher, 'GET', `Subscription/${id}/$events?${nothing}`)).json()
    t.equal(entry.length, 1, nothing)
  }
  const reversed = await send(researcher, 'GET', `Subscription/${id}/$events?eventsSinceNumber=3&eventsUntilNumber=1`)
  t.match(
    [reversed.statusCode, reversed.json().issue],
    [400, [{ expression: ['eventsUntilNumber'], diagnostics: 'eventsUntilNumber lies before eventsSinceNumber' }]],
  )
  const whole = (await send(researcher, 'GET', `Subscription/${id}/$events?content=full-resource`)).json()
  t.same(
    whole.entry.slice(1).map(({ resource }: { resource: Observation }) => resource.id),
    made,
  )
  for (const [index, one] of measured.entries()) {
    await world.update(world.ann, {
      ...one,
      note: longTexts(roomOfPage / 2 - (index < 2 ? 0 : 10_000)).map(text => ({ text })),
    })
    await eventsOf(id, 4 + index)
  }
  const long = async (from: number): Promise<Bundle> =>
    (await send(researcher, 'GET', `Subscription/${id}/$events?content=full-resource&eventsSinceNumber=${from}`)).json()
  const focusesIn = ({ entry }: Bundle) => entry?.slice(1).map(({ resource }) => resource?.id)
  t.same(focusesIn(await long(4)), made.slice(0, 1), 'as many as there is room for')
  t.same(focusesIn(await long(5)), made.slice(1))
  const all = (await send(researcher, 'GET', 'Subscription/$status?status=active')).json()
  t.has(all, {
    type: 'searchset',
    total: 1,
    entry: [{ resource: { parameter: [{}, {}, { valueCode: 'active' }, { valueCode: 'query-status' }] } }],
  })
  for (const operation of ['$status', '$events', '$get-ws-binding-token'])
    for (const other of [world.ann, world.manager])
      t.equal((await send(other, 'GET', `Subscription/${id}/${operation}`)).statusCode, 404, operation)
  t.match((await send(world.ann, 'GET', `Subscription/$status?id=${id}`)).json(), { total: 0 })

  const [consent] = (await send(world.ann, 'GET', 'Consent')).json().entry
  await world.update(world.ann, { ...consent.resource, status: 'inactive' })
  const withdrawn = await send(researcher, 'GET', `Subscription/${id}/$events?content=full-resource`)
  t.notMatch(withdrawn.body, 'Observation/', 'what is withdrawn is in no answer')
})

t.test('an unknown topic, filter or content is refused', async t => {
  const refusals: readonly (readonly [Partial<Subscription>, string])[] = [
    [{ ...topic(), criteria: 'http://example.org/topic' }, 'Subscription.criteria'],
    [topic('id-only', ['Patient?name=ann']), 'Subscription.criteria.extension'],
    [topic('id-only', ['Observation?nonsense=1']), 'Subscription.criteria'],
    [topic('id-only', ['Observation?study=a', 'Observation?study=b']), 'Subscription.criteria.extension'],
    [topic('everything'), 'Subscription.channel.payload.extension'],
  ]
  for (const [more, element] of refusals) {
    const { statusCode, issue } = await refused(more)
    t.match([statusCode, issue], [422, [{ expression: [element] }]], element)
  }
})

t.test('what is not read here, and would narrow it or send it another way, is refused', async t => {
  const ofR5 = 'http://hl7.org/fhir/5.0/StructureDefinition/extension-Subscription'
  const beside = (url: string, value: object) => ({ extension: [{ url, ...value }] })
  const misspelled = beside(`${backportUrls.filterCriteria}s`, { valueString: 'Observation?status=final' })
  const filtered = beside(backportUrls.filterCriteria, { valueString: 'Observation?status=final' })
  const custom = beside(backportUrls.channelType, { valueCoding: { code: 'zulip' } })
  const { channel } = topic()
  const refusals: readonly (readonly [object, string, RegExp])[] = [
    [{ ...topic(), _criteria: misspelled }, 'criteria.extension', /not narrowed by .*backport-filter-criterias;/],
    [
      { ...topic(), criteria: 'Observation?status=final', _criteria: filtered },
      'criteria.extension',
      /those that name a topic are/,
    ],
    [
      { ...topic(), ...beside(`${ofR5}.filterBy`, { valueString: 'x' }) },
      'extension',
      /filterBy is not read here: a topic is named by criteria/,
    ],
    [{ ...topic(), channel: { ...channel, _type: custom } }, 'channel.type.extension', /rest-hook and websocket/],
  ]
  for (const [more, element, diagnostics] of refusals) {
    const { statusCode, issue } = await refused(more)
    t.match([statusCode, issue], [422, [{ expression: [`Subscription.${element}`], diagnostics }]], element)
  }
})

const refused = async (more: object) => {
  const asked = { resourceType: 'Subscription', status: 'requested', reason: 'x', ...more }
  const answer = await send(researcher, 'POST', 'Subscription', asked)
  return { statusCode: answer.statusCode, issue: answer.json().issue }
}
